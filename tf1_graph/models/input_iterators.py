"""Input by tf.data in a graph: initializable, feedable and one-shot iterators.

Rows lie in several shards, which are read in turns, shuffled and batched. Each epoch
initialises the iterator again and reads it to its end; in between, the same ``get_next``
reads another data set, by a handle that is fed.

Run it: ``python -m tf1_graph.models.input_iterators``
"""

import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 2  # epochs
    batch_size: int = 4
    buffer: int = 8  # rows among which shuffling chooses
    drop_remainder: bool = False
    seed: int = 1  # of the graph; each random op adds its own


def interleaved(shards):
    """The rows of [shards, rows], one of each of two shards in turns."""
    return tf.data.Dataset.from_tensor_slices(shards).apply(
        tf.data.experimental.parallel_interleave(
            tf.data.Dataset.from_tensor_slices, cycle_length=2
        )
    )


def training_rows(shards, config):
    """Shuffled batches."""
    rows = interleaved(shards).map(lambda row: 2 * row, num_parallel_calls=2)
    rows = rows.shuffle(config.buffer, seed=11)
    return rows.batch(config.batch_size, config.drop_remainder).prefetch(1)


def test_rows(rows, config):
    """Batches in order, the last one short."""
    return tf.data.Dataset.from_tensor_slices(rows).batch(config.batch_size)


def run(shards, rows, config=Config()):
    """A record of each batch and of each end, in the order of reading."""
    graph = tf.Graph()
    with graph.as_default():
        tf.set_random_seed(config.seed)
        training = training_rows(shards, config)
        testing = test_rows(rows, config)
        trained = tf.data.make_initializable_iterator(training)
        tested = tf.data.make_initializable_iterator(testing)
        once = tf.data.make_one_shot_iterator(testing)
        handle = tf.placeholder(tf.string, [])
        get_next = tf.data.Iterator.from_string_handle(
            handle,
            tf.data.get_output_types(testing),
            tf.data.get_output_shapes(testing),
        ).get_next()
        handles = [iterator.string_handle() for iterator in (trained, tested, once)]
    history = []
    with tf.Session(graph=graph) as session:
        of_training, of_test, of_one_shot = session.run(handles)

        def read_to_the_end(kind, iterator):
            count = 0
            while True:
                try:
                    batch = session.run(get_next, {handle: iterator})
                except tf.errors.OutOfRangeError:
                    break
                history.append({"batches": {kind: batch}})
                count += 1
            history.append({"batches": {f"{kind}, end": np.int64(count)}})

        for _ in range(config.steps):
            session.run(trained.initializer)
            read_to_the_end("train", of_training)
            session.run(tested.initializer)
            read_to_the_end("test", of_test)
        # It needs no initialiser, and has none: at its end it stays.
        read_to_the_end("once", of_one_shot)
        read_to_the_end("once", of_one_shot)
    return history


def data(shards=3, rows=4):
    """([shards, rows], [rows]) int64 to train and to test on."""
    return np.arange(shards * rows).reshape(shards, rows), -np.arange(rows + 2)


if __name__ == "__main__":
    for record in run(*data()):
        for kind, read in record["batches"].items():
            print(kind, read)
