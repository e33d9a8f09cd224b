"""Summaries in TF2: the same events, by TF2's writer.

The same training as the TF1 twin. ``tf.summary.scalar`` and its like are TensorBoard's
functions, which TensorFlow 2.21 no longer brings along, and write other events: a histogram
of thirty equal buckets, a picture whose values are cut off. Here the kernels that made TF1's
summaries make them, so that old and new runs lie over each other.

Run it: ``python -m tf2_keras.models.summaries``
"""

import dataclasses
import os
import tempfile

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 6
    test_every: int = 3  # steps
    side: int = 2  # of a picture, in pixels
    learning_rate: float = 0.125
    seed: int = 1  # of the graph; each random op adds its own


def scalar(tag, value):
    """The bytes of a summary, a number."""
    return tf.raw_ops.ScalarSummary(tags=tag, values=value)


def histogram(tag, values):
    """The bytes of a summary, whose buckets grow from zero on both sides."""
    return tf.raw_ops.HistogramSummary(tag=tag, values=values)


def image(tag, images):
    """The bytes of a summary: 0 is grey, and the largest magnitude black or white."""
    # The kernel writes tag/image/0, tag/image/1 and so on; in a function only, since what
    # it takes by default for a NaN cannot be handed over eagerly.
    return tf.raw_ops.ImageSummary(tag=tag, tensor=images, max_images=3)


def variable_summaries(variable, scope):
    """What is to be seen of a variable."""
    # Tags are written out. TF1 numbered them: a scope that is used again, and what is
    # named like an op before it, capitals or not, here the ops Max and Min.
    return [
        scalar(scope + "/max_1", tf.reduce_max(variable)),
        scalar(scope + "/min_1", tf.reduce_min(variable)),
        histogram(scope + "/histogram", variable),
    ]


def build(config):
    """(model, optimizer)."""
    x = keras.Input((config.side**2,), name="x")
    kernel = tf1_semantics.initializers.RandomUniform(-1.0, 1.0, seed=(config.seed, 11))
    y_pred = keras.layers.Dense(1, kernel_initializer=kernel, name="linear")(x)
    model = keras.Model(x, y_pred)
    optimizer = keras.optimizers.SGD(config.learning_rate)
    optimizer.build(model.trainable_variables)
    return model, optimizer


def loss_of(model, x, y_true):
    """The mean squared difference, a scalar."""
    return tf.reduce_mean(tf.square(y_true - model(x)))


def train_step(model, optimizer, config, x, y_true):
    """What is to be seen before the update, which comes below."""
    with tf.GradientTape() as tape:
        loss = loss_of(model, x, y_true)
    kernel, bias = (variable.value for variable in model.trainable_variables)
    seen = [
        scalar("loss", loss),
        *variable_summaries(kernel, "summaries"),
        *variable_summaries(bias, "summaries_1"),
        image("picture", tf.reshape(kernel, [1, config.side, config.side, 1])),
    ]
    variables = model.trainable_variables
    optimizer.apply(tape.gradient(loss, variables), variables)
    return tf.raw_ops.MergeSummary(inputs=seen)


def write(x_data, y_data, x_test, y_test, config, folder):
    """Trains, and writes two folders of events."""
    model, optimizer = build(config)

    @tf.function
    def train(x, y_true):
        return train_step(model, optimizer, config, x, y_true)

    @tf.function
    def test(x, y_true):
        return scalar("loss", loss_of(model, x, y_true))

    training = tf.summary.create_file_writer(os.path.join(folder, "train"))
    testing = tf.summary.create_file_writer(os.path.join(folder, "test"))
    specs = [tf.TensorSpec([None, array.shape[1]]) for array in (x_data, y_data)]
    with training.as_default(step=0):
        tf.summary.graph(train.get_concrete_function(*specs).graph)
    for step in range(config.steps):
        example = [step % len(x_data)]
        add_summary(training, train(x_data[example], y_data[example]), step)
        if (step + 1) % config.test_every == 0:
            add_summary(testing, test(x_test, y_test), step)
            # A number of Python's own is handed over as any other.
            add_summary(testing, scalar("epochs", (step + 1) / len(x_data)), step)
    training.close()
    testing.close()


def add_summary(writer, summary, step):
    """Writes an event."""
    # Here and not in the function, in which a step of Python's is that of its tracing.
    with writer.as_default(step):
        tf.summary.experimental.write_raw_pb(summary)


def read(kind, folder):
    """Yields a record of each event that TensorBoard shows."""
    for name in sorted(os.listdir(os.path.join(folder, kind))):
        for record in tf.data.TFRecordDataset(os.path.join(folder, kind, name)):
            event = tf.compat.v1.Event.FromString(record.numpy())
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
        return {
            value.tag: tf.image.decode_png(value.image.encoded_image_string).numpy()
        }
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
