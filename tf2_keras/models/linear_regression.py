"""Linear regression by full-batch gradient descent: the Keras 3 twin.

    y = x w^T + b + noise,    w = [0.3, 0.5, 0.1],    b = -0.2

Run it: ``python -m tf2_keras.models.linear_regression``
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Config:
    features: int = 3
    learning_rate: float = 0.5
    batch_size: int = 2000  # all of the data; with more, the notes advise 50 to 500
    steps: int = 11
    report_every: int = 5  # steps between two reports of the parameters
    seed: int = 1  # of the order of mini-batches; nothing else is random


@keras.saving.register_keras_serializable("linear_regression")
class Linear(keras.layers.Layer):
    """w x^T + b, [batch, features] -> [1, batch]: examples along the second axis."""

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(1, input_shape[-1]), initializer="zeros", name="weights"
        )
        self.b = self.add_weight(shape=(), initializer="zeros", name="bias")

    def call(self, x):
        # Dense computes x w + b, [batch, 1]: the same sums in another order.
        return keras.ops.matmul(self.w, keras.ops.transpose(x)) + self.b


def inference(x, config):
    """[batch, features] -> [1, batch], float32: w x^T + b."""
    return Linear(name="inference")(x)


@keras.saving.register_keras_serializable("linear_regression")
def loss(y_true, y_pred):
    """Mean squared error over the batch, a scalar."""
    return keras.ops.mean(keras.ops.square(y_true - y_pred))


def optimizer(config):
    """The optimizer. Keras's SGD without momentum is TF1's gradient descent."""
    return keras.optimizers.SGD(config.learning_rate, name="sgd")


def build(config=Config()):
    """The whole model, compiled."""
    x = keras.Input(shape=(config.features,), name="x")
    model = keras.Model(x, inference(x, config))
    model.compile(optimizer=optimizer(config), loss=loss, jit_compile=False)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}."""
    return {
        "inference/weights": "inference/weights",
        "inference/bias": "inference/bias",
    }


def make_data(seed=0, examples=2000):
    """(x [examples, 3], y [1, examples]), float64: the notes' synthetic data."""
    random = np.random.RandomState(seed)
    x_data = random.randn(examples, 3)
    w_real, b_real = [0.3, 0.5, 0.1], -0.2
    noise = random.randn(1, examples) * 0.1
    return x_data, np.matmul(w_real, x_data.T) + b_real + noise


def mini_batches(x_data, y_data, batch_size, seed):
    """An endless tf.data.Dataset of (x [<= batch_size, features], y [1, ...]).

    In the TF1 loop's order: numpy's permutations, where Dataset.shuffle would draw
    others; a short batch at the end of each epoch. All data at once stay in order.
    """

    def epochs():
        random = np.random.RandomState(seed)
        while True:
            yield random.permutation(len(x_data))

    # A placeholder cast what it was fed to float32; a data set keeps what it is given.
    x_data, y_data = tf.cast(x_data, tf.float32), tf.cast(y_data, tf.float32)
    if batch_size >= len(x_data):
        return tf.data.Dataset.from_tensors((x_data, y_data)).repeat()
    signature = tf.TensorSpec([len(x_data)], tf.int64)
    return (
        tf.data.Dataset.from_generator(epochs, output_signature=signature)
        .flat_map(
            lambda order: tf.data.Dataset.from_tensor_slices(order).batch(batch_size)
        )
        .map(
            lambda chosen: (
                tf.gather(x_data, chosen),
                tf.gather(y_data, chosen, axis=1),
            )
        )
        .prefetch(2)
    )


def run(x_data, y_data, config=Config()):
    """The notes' loop; returns [(step, weights, bias)] at each report."""
    model = build(config)
    batches = mini_batches(x_data, y_data, config.batch_size, config.seed)
    w, b = model.trainable_variables
    reports = []

    def report(step, logs):
        if step % config.report_every == 0:
            reports.append((step, w.numpy(), b.numpy()))

    model.fit(
        batches,
        steps_per_epoch=config.steps,
        shuffle=False,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=report)],
    )
    return reports


if __name__ == "__main__":
    for report in run(*make_data()):
        print(*report)
