"""Input by tf.data in TF2, in the order in which TF1's queues gave it.

The same files as the TF1 twin, read by ``tf.data``: no queue, no thread to start or to
join, and an error is raised where it is met. What shuffled, the order of the files and the
queue of rows, drew from streams that begin at a seed; their order is drawn again.

Run it: ``python -m tf2_keras.models.input_queues``
"""

import dataclasses
import os
import tempfile

import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics
from tf2_keras.tf1_semantics import philox


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 2  # epochs
    files: int = 3
    batch_size: int = 4
    allow_smaller: bool = False  # whether the last batch may be
    seed: int = 1  # of the graph; each random op adds its own


# What an example holds. One without a label has the default, and words are any number.
FEATURES = {
    "x": tf.io.FixedLenFeature([2], tf.float32),
    "label": tf.io.FixedLenFeature([], tf.int64, default_value=-1),
    "words": tf.io.VarLenFeature(tf.int64),
}


def write(x_data, labels, lengths, folder, config):
    """The paths of the files that hold the examples, in order; no label is -1."""
    paths = []
    for number, rows in enumerate(np.array_split(np.arange(len(labels)), config.files)):
        paths.append(os.path.join(folder, f"part-{number}.tfrecord"))
        with tf.io.TFRecordWriter(paths[-1]) as writer:
            for row in rows:
                example = tf.train.Example()
                feature = example.features.feature
                feature["x"].float_list.value.extend(x_data[row])
                feature["words"].int64_list.value.extend(range(lengths[row]))
                if labels[row] >= 0:
                    feature["label"].int64_list.value.append(labels[row])
                writer.write(example.SerializeToString())
    return paths


def order_of_files(paths, config):
    """The paths of all epochs, each in another order, as TF1's producer shuffled them."""
    shuffle = tf1_semantics.random.Shuffle(seed=(config.seed, 11))
    numbers = tf.range(len(paths))
    return [paths[number] for _ in range(config.steps) for number in shuffle(numbers)]


def examples_of(paths, config):
    """Batches of examples, read from the files in another order each epoch."""
    serialized = tf.data.TFRecordDataset(order_of_files(paths, config))
    # After the epochs were put one behind another, as in the queue: a batch may have
    # examples of two.
    batches = serialized.batch(
        config.batch_size, drop_remainder=not config.allow_smaller
    )
    return batches.map(lambda batch: tf.io.parse_example(batch, FEATURES))


def read(examples):
    """Yields a record of each batch."""
    for seen in examples:
        words = seen.pop("words")
        seen.update(words=words.values, places=words.indices)
        yield {"batches": {name: tensor.numpy() for name, tensor in seen.items()}}


def shuffled(rows, config):
    """Yields a record of each row, in the order of a queue that was filled and closed."""
    rows = list(rows)
    for word in philox.words(len(rows), (config.seed, 12)).numpy():
        # The row that is drawn goes; the last one takes its place.
        drawn = word % len(rows)
        rows[drawn], rows[-1] = rows[-1], rows[drawn]
        yield {"shuffled": {"row": rows.pop()}}


def run(x_data, labels, lengths, folder, config=Config()):
    """A record of each batch and of their end, then of each row that a queue shuffled."""
    paths = write(x_data, labels, lengths, folder, config)
    history = list(read(examples_of(paths, config)))
    history.append({"batches": {"end": np.int64(len(history))}})
    return history + list(shuffled(np.arange(len(labels)), config))


def data(rows=7):
    """([rows, 2] float32, [rows] int64, [rows] int64): numbers, labels, how many words."""
    row = np.arange(rows)
    x = np.stack([row, 0.5 * row], axis=1).astype(np.float32)
    return x, np.where(row % 3 == 1, -1, row), row % 3


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        records = run(*data(), folder=scratch)
    for record in records:
        for kind, seen in record.items():
            shown = [name for name in ("label", "words", "end", "row") if name in seen]
            print(kind, *[seen[name] for name in shown])
