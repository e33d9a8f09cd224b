"""Session basics in TF2: what placeholder, feed, fetch and Session became.

The same program as the TF1 twin: one weight and one bias fitted to points. The same
three lines of mathematics run eagerly, in a ``tf.function`` and in ``fit``.

Run it: ``python -m tf2_keras.models.session_basics``
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics


@dataclasses.dataclass(frozen=True)
class Config:
    stddev: float = 1.0  # of the normal distribution that the weight starts from
    learning_rate: float = 0.1
    steps: int = 5
    seed: int = 1  # of the graph; each random op adds its own


@keras.saving.register_keras_serializable("session_basics")
class Line(keras.layers.Layer):
    """weight * x + bias; has its values as soon as it is built, no initialiser to run."""

    def __init__(self, stddev, seed, **kwargs):
        super().__init__(**kwargs)
        self.stddev = stddev
        self.seed = seed  # of the graph

    def get_config(self):
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}

    def build(self, input_shape):
        self.weight = self.add_weight(
            shape=(),
            # Keras's RandomNormal(seed=11) draws other numbers than tf.random_normal.
            initializer=tf1_semantics.initializers.RandomNormal(
                stddev=self.stddev, seed=(self.seed, 11)
            ),
            name="weight",
        )
        self.bias = self.add_weight(shape=(), initializer="zeros", name="bias")

    def call(self, x):
        return self.weight * x + self.bias


def inference(x, config):
    """[batch] -> [batch], float32: weight * x + bias."""
    return Line(config.stddev, config.seed, name="inference")(x)


@keras.saving.register_keras_serializable("session_basics")
def loss(y_true, y_pred):
    """Mean squared error, a scalar."""
    return keras.ops.mean(keras.ops.square(y_true - y_pred))


def optimizer(config):
    """The optimizer; it counts the steps itself, in ``iterations``."""
    return keras.optimizers.SGD(config.learning_rate, name="sgd")


def build(config=Config()):
    """The whole model, ready to be called: variables have values from here on."""
    x = keras.Input(shape=(), name="x")
    model = keras.Model(x, inference(x, config))
    model.compile(optimizer=optimizer(config), loss=loss, jit_compile=False)
    # Slots exist before a function is traced: the first call of one that creates them
    # runs another graph, fused otherwise, and its last bits differ.
    model.optimizer.build(model.trainable_variables)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}."""
    return {
        "inference/weight": "inference/weight",
        "inference/bias": "inference/bias",
        "global_step": "sgd/iteration",
    }


def run(x_data, y_data, config=Config()):
    """Fits the points; returns [(loss, weight, bias)] before each step."""
    model = build(config)
    weight, bias = model.trainable_variables
    history = []

    # What the Session ran is now a function; what was fed are its arguments, what was
    # fetched its results. Without the decorator the same lines run eagerly.
    @tf.function
    def step(x, y_true):
        with tf.GradientTape() as tape:
            total_loss = loss(y_true, model(x))
        fetched = total_loss, tf.identity(weight.value), tf.identity(bias.value)
        gradients = tape.gradient(total_loss, [weight.value, bias.value])
        model.optimizer.apply(gradients, [weight, bias])
        # Every line above runs, in this order: there is nothing to fetch selectively.
        return fetched

    for _ in range(config.steps):
        history.append([value.numpy() for value in step(x_data, y_data)])
    return history


if __name__ == "__main__":
    x_points = np.linspace(-1.0, 1.0, 20, dtype=np.float32)
    for record in run(x_points, 2.0 * x_points - 0.5):
        print("loss {:.6f}  weight {:.6f}  bias {:.6f}".format(*record))
