"""Input by tf.data in TF2: a data set is read by a ``for``.

The same shards as the TF1 twin. There is no iterator to make, to initialise or to feed:
each ``for`` begins anew, and its end is the end of the loop.

Run it: ``python -m tf2_keras.models.input_iterators``
"""

import dataclasses

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 2  # epochs
    batch_size: int = 4
    buffer: int = 8  # rows among which shuffling chooses
    drop_remainder: bool = False
    seed: int = 1  # of the graph; each random op adds its own


def interleaved(shards):
    """The rows of [shards, rows], one of each of two shards in turns."""
    return tf.data.Dataset.from_tensor_slices(shards).interleave(
        tf.data.Dataset.from_tensor_slices,
        cycle_length=2,
        num_parallel_calls=2,
        deterministic=True,
    )


def training_rows(shards, config):
    """Shuffled batches."""
    # Made anew for each epoch: TF1's initialiser began the stream again, so that every
    # epoch had the same order; a second for over one data set shuffles on.
    tf.random.set_seed(config.seed)
    rows = interleaved(shards).map(lambda row: 2 * row, num_parallel_calls=2)
    rows = rows.shuffle(config.buffer, seed=11)
    return rows.batch(config.batch_size, config.drop_remainder).prefetch(1)


def test_rows(rows, config):
    """Batches in order, the last one short."""
    return tf.data.Dataset.from_tensor_slices(rows).batch(config.batch_size)


def run(shards, rows, config=Config()):
    """A record of each batch and of each end, in the order of reading."""
    history = []

    def read_to_the_end(kind, batches):
        count = 0
        for batch in batches:
            history.append({"batches": {kind: batch.numpy()}})
            count += 1
        history.append({"batches": {f"{kind}, end": np.int64(count)}})

    for _ in range(config.steps):
        read_to_the_end("train", training_rows(shards, config))
        read_to_the_end("test", test_rows(rows, config))
    once = iter(test_rows(rows, config))  # over an iterator, a second for finds nothing
    read_to_the_end("once", once)
    read_to_the_end("once", once)
    return history


def data(shards=3, rows=4):
    """([shards, rows], [rows]) int64 to train and to test on."""
    return np.arange(shards * rows).reshape(shards, rows), -np.arange(rows + 2)


if __name__ == "__main__":
    for record in run(*data()):
        for kind, read in record["batches"].items():
            print(kind, read)
