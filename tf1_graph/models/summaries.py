"""Summaries: scalar, histogram, image, merge_all, FileWriter, add_graph.

A linear model of small pictures is trained, an example a step. Before each step all
summaries are written for TensorBoard: the loss, and of each variable its largest and
smallest value, a histogram and, of the kernel, a picture; every few steps the loss on the
examples of a test too, by a second writer, and how often all examples were seen.

Run it: ``python -m tf1_graph.models.summaries``
"""

import dataclasses
import os
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 6
    test_every: int = 3  # steps
    side: int = 2  # of a picture, in pixels
    learning_rate: float = 0.125
    seed: int = 1  # of the graph; each random op adds its own


def variable_summaries(variable):
    """What is to be seen of a variable."""
    with tf.name_scope("summaries"):
        # A tag is a name in the graph, and those are used once: of the second variable it
        # is summaries_1/..., and after an op "Max" it is max_1, capitals or not.
        tf.summary.scalar("max", tf.reduce_max(variable))
        tf.summary.scalar("min", tf.reduce_min(variable))
        tf.summary.histogram("histogram", variable)


def build(config):
    """(train op, all summaries, those of a test) of a model in the default graph."""
    tf.set_random_seed(config.seed)
    pixels = config.side**2
    x = tf.placeholder(tf.float32, [None, pixels], "x")
    y_true = tf.placeholder(tf.float32, [None, 1], "y_true")
    kernel = tf.get_variable(
        "kernel",
        [pixels, 1],
        initializer=tf.random_uniform_initializer(-1.0, 1.0, seed=11),
    )
    bias = tf.get_variable("bias", [1], initializer=tf.zeros_initializer())
    y_pred = tf.matmul(x, kernel) + bias
    loss = tf.reduce_mean(tf.square(y_true - y_pred))
    test = tf.summary.scalar("loss", loss)
    variable_summaries(kernel)
    variable_summaries(bias)
    # Drawn so that 0 is grey and the largest magnitude black or white.
    tf.summary.image("picture", tf.reshape(kernel, [1, config.side, config.side, 1]))
    train = tf.train.GradientDescentOptimizer(config.learning_rate).minimize(loss)
    # All that was made up to here, and nothing that is made below.
    return train, tf.summary.merge_all(), test


def write(x_data, y_data, x_test, y_test, config, folder):
    """Trains, and writes two folders of events."""
    with tf.Graph().as_default() as graph, tf.Session() as session:
        train, merged, test = build(config)
        session.run(tf.global_variables_initializer())
        training = tf.summary.FileWriter(os.path.join(folder, "train"), graph)
        testing = tf.summary.FileWriter(os.path.join(folder, "test"))
        for step in range(config.steps):
            example = [step % len(x_data)]
            feed = {"x:0": x_data[example], "y_true:0": y_data[example]}
            # By a run of its own. In one run with the update, nothing says whether a
            # variable is read before it or after it.
            training.add_summary(session.run(merged, feed), step)
            session.run(train, feed)
            if (step + 1) % config.test_every == 0:
                feed = {"x:0": x_test, "y_true:0": y_test}
                testing.add_summary(session.run(test, feed), step)
                # A number of Python's own is no tensor: its summary is made by hand.
                summary = tf.Summary()
                summary.value.add(tag="epochs", simple_value=(step + 1) / len(x_data))
                testing.add_summary(summary, step)
        training.close()
        testing.close()


def read(kind, folder):
    """Yields a record of each event that TensorBoard shows."""
    for name in sorted(os.listdir(os.path.join(folder, kind))):
        for event in tf.train.summary_iterator(os.path.join(folder, kind, name)):
            if event.HasField("graph_def"):
                yield {kind: {"graph": np.bool_(True)}}
            if event.HasField("summary"):
                record = {"step": np.int64(event.step)}
                for value in event.summary.value:
                    record.update(seen(value))
                yield {kind: record}


def seen(value):
    """{name: array} of a value with a tag."""
    if value.HasField("image"):
        with tf.Graph().as_default(), tf.Session() as session:
            image = tf.image.decode_png(value.image.encoded_image_string)
            return {value.tag: session.run(image)}
    if value.HasField("histo"):
        histogram = value.histo
        return {
            value.tag + ", limits": np.array(histogram.bucket_limit),
            value.tag + ", counts": np.array(histogram.bucket),
            value.tag + ", moments": np.array([histogram.num, histogram.sum]),
            value.tag + ", ends": np.array([histogram.min, histogram.max]),
        }
    return {value.tag: np.float32(value.simple_value)}


def run(x_data, y_data, x_test, y_test, folder, config=Config()):
    """A record of each event: those of the training, then those of the test."""
    write(x_data, y_data, x_test, y_test, config, folder)
    return [*read("train", folder), *read("test", folder)]


def examples():
    """([4, 4], [4, 1]) to train on and ([1, 4], [1, 1]) to test on, float32."""
    x = np.float32([[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]])
    return x, np.float32([[1], [1], [-1], [0]]), np.float32([[0, 1, 1, 0]]), x[:1, :1]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        records = run(*examples(), folder=scratch)
    for record in records:
        for kind, values in record.items():
            if "loss" in values:
                print("{}: step {step}, loss {loss:.4f}".format(kind, **values))
