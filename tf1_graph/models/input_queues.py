"""Input by queues: string_input_producer, TFRecordReader, batch, Coordinator, parse_example.

Examples lie in files of TFRecords, some without a label, each with a few words. A queue
holds the names of the files, shuffled anew each epoch; a reader fills a queue of examples;
threads keep both full. Then the numbers of rows are read from a queue that shuffles.

Run it: ``python -m tf1_graph.models.input_queues``
"""

import dataclasses
import os
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 2  # epochs
    files: int = 3
    batch_size: int = 4
    allow_smaller: bool = False  # whether the last batch may be
    seed: int = 1  # of the graph; each random op adds its own


# What an example holds. One without a label has the default, and words are any number.
FEATURES = {
    "x": tf.FixedLenFeature([2], tf.float32),
    "label": tf.FixedLenFeature([], tf.int64, default_value=-1),
    "words": tf.VarLenFeature(tf.int64),
}


def write(x_data, labels, lengths, folder, config):
    """The paths of the files that hold the examples, in order; no label is -1."""
    paths = []
    for number, rows in enumerate(np.array_split(np.arange(len(labels)), config.files)):
        paths.append(os.path.join(folder, f"part-{number}.tfrecord"))
        with tf.python_io.TFRecordWriter(paths[-1]) as writer:
            for row in rows:
                example = tf.train.Example()
                feature = example.features.feature
                feature["x"].float_list.value.extend(x_data[row])
                feature["words"].int64_list.value.extend(range(lengths[row]))
                if labels[row] >= 0:
                    feature["label"].int64_list.value.append(labels[row])
                writer.write(example.SerializeToString())
    return paths


def examples_of(paths, config):
    """A batch of examples, read from the files in another order each epoch."""
    # num_epochs counts in a local variable, which is to be initialised.
    names = tf.train.string_input_producer(paths, config.steps, shuffle=True, seed=11)
    _, serialized = tf.TFRecordReader().read(names)
    # One thread, so that there is one order.
    batch = tf.train.batch(
        [serialized],
        config.batch_size,
        num_threads=1,
        allow_smaller_final_batch=config.allow_smaller,
    )
    return tf.parse_example(batch, FEATURES)


def read(examples):
    """Yields a record of each batch until the queues are empty."""
    with tf.Session() as session:
        session.run(tf.local_variables_initializer())
        coordinator = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(session, coordinator)
        try:
            while not coordinator.should_stop():
                seen = session.run(examples)
                words = seen.pop("words")
                seen.update(words=words.values, places=words.indices)
                yield {"batches": seen}
        except tf.errors.OutOfRangeError:
            pass
        finally:
            coordinator.request_stop()
            # What went wrong in a thread is raised here, and nowhere else.
            coordinator.join(threads)


def shuffled(rows):
    """Yields a record of each row of a queue that is filled, closed, and read."""
    queue = tf.RandomShuffleQueue(
        len(rows), min_after_dequeue=0, dtypes=tf.int64, shapes=[[]], seed=12
    )
    fill, close, row = queue.enqueue_many(rows), queue.close(), queue.dequeue()
    with tf.Session() as session:
        session.run(fill)
        session.run(close)
        while True:
            try:
                yield {"shuffled": {"row": session.run(row)}}
            except tf.errors.OutOfRangeError:
                break


def run(x_data, labels, lengths, folder, config=Config()):
    """A record of each batch and of their end, then of each row that a queue shuffled."""
    paths = write(x_data, labels, lengths, folder, config)
    with tf.Graph().as_default():
        tf.set_random_seed(config.seed)
        history = list(read(examples_of(paths, config)))
        history.append({"batches": {"end": np.int64(len(history))}})
        return history + list(shuffled(np.arange(len(labels))))


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
