"""What input_queues is run on: seven examples, some without a label, with a few words each."""

import numpy as np

TEACHES = (
    "string_input_producer, TFRecordReader, batch, Coordinator, parse_example, shuffling "
    "queues: tf.data, in the order in which the queues gave it"
)
STEPS = 2
LEVELS = ("eager",)  # a for in Python; what is mapped is a graph in any case


def configure(_data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(_data, _seed):
    """(what both programs take, nothing to score on); [rows, 2], [rows] and [rows]."""
    row = np.arange(7)
    x = np.stack([row, 0.5 * row], axis=1).astype(np.float32)
    return (x, np.where(row % 3 == 1, -1, row), row % 3), ()
