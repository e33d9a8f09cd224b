"""A pair of one layer, small enough for every test, and the mistakes to plant in it."""

import keras
import numpy as np
import tensorflow as tf

from parity_tests.pair.own_pair import OwnPair
from tf2_keras import tf1_semantics

SEED = (1, 11)
# What a user's file says, for a process of its own; it also runs on TensorFlow 1.15.5.
SOURCE = """
import tensorflow.compat.v1 as tf

def build():
    tf.reset_default_graph()
    tf.set_random_seed(1)
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    labels = tf.placeholder(tf.float32, [None, 1], name="labels")
    weights = tf.get_variable(
        "dense/kernel", initializer=tf.random_normal([3, 1], stddev=0.5, seed=11)
    )
    y_pred = tf.matmul(x, weights, name="y_pred")
    loss = tf.reduce_mean(tf.square(labels - y_pred), name="loss")
    step = tf.train.MomentumOptimizer(0.05, 0.9).minimize(loss, name="step")
    return {
        "inputs": {"x": x, "y_true": labels},
        "train": {"op": step, "loss": loss},
        "predict": {"outputs": {"y_pred": y_pred}},
    }
"""
# The same without a function: moves are named from outside.
NAMED = {
    "inputs": {"x": "x", "y_true": "labels"},
    "moves": {
        "train": {"op": "step", "loss": "loss"},
        "predict": {"outputs": {"y_pred": "y_pred"}},
    },
}


def build():
    """The build function, run here."""
    namespace = {}
    exec(SOURCE, namespace)
    return namespace["build"]()


@keras.saving.register_keras_serializable("small_pair")
class MeanOfSquares(keras.losses.Loss):
    """The loss as the graph says it."""

    def __init__(self, scale=1.0, name="mean_of_squares"):
        super().__init__(name=name)
        self.scale = scale

    def __call__(self, y_true, y_pred, sample_weight=None):  # noqa: ARG002 -- Keras's
        return self.scale * tf.reduce_mean(tf.square(y_true - y_pred))


def model(seed=SEED, scale=1.0, momentum=0.9, name="dense"):
    """The Keras rewrite; other arguments are mistakes."""
    initializer = tf1_semantics.initializers.RandomNormal(stddev=0.5, seed=seed)
    x = keras.Input([3], name="x")
    y = keras.layers.Dense(
        1, use_bias=False, kernel_initializer=initializer, name=name
    )(x)
    rewrite = keras.Model(x, y)
    rewrite.compile(
        tf1_semantics.optimizers.Momentum(0.05, momentum),
        MeanOfSquares(scale),
        jit_compile=False,
    )
    return rewrite


def batches(count=3):
    """[(x [4, 3], y_true [4, 1])], float32."""
    random = np.random.RandomState(2)
    return [
        (
            random.standard_normal([4, 3]).astype(np.float32),
            random.standard_normal([4, 1]).astype(np.float32),
        )
        for _ in range(count)
    ]


def pair(tf1=build, tf2=model, **options):
    """The ``OwnPair``, compared at level function."""
    options = {"batches": batches(), "levels": ["function"], **options}
    return OwnPair(tf1, tf2, **options)
