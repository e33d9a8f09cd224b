"""A TF1 program and its rewrite: put yours in their place.

    tf-parity check pair.py

Made by `tf-parity new-pair`. docs/own_pair.md says what else each side may be: a file
that runs in a process of its own or on TensorFlow 1.15.5, a .meta, a SavedModel, a play
that was recorded; callables over variables.
"""

import keras
import numpy as np
import tensorflow as tf

import parity_tests as parity
from tf2_keras import tf1_semantics

SEED, FEATURES, HIDDEN, CLASSES = 1, 8, 16, 3


def tf1():
    """The TF1 side: builds its graph, and says what is fed, run and looked at."""
    v1 = tf.compat.v1
    v1.set_random_seed(SEED)
    x = v1.placeholder(tf.float32, [None, FEATURES], name="x")
    labels = v1.placeholder(tf.int64, [None], name="labels")
    # Each op that draws has a seed: without one every Session draws other numbers.
    hidden_weights = v1.get_variable(
        "hidden/weights",
        initializer=v1.truncated_normal([FEATURES, HIDDEN], stddev=0.1, seed=11),
    )
    hidden_biases = v1.get_variable("hidden/biases", initializer=tf.zeros([HIDDEN]))
    hidden = tf.nn.relu(tf.matmul(x, hidden_weights) + hidden_biases)
    weights = v1.get_variable(
        "logits/weights",
        initializer=v1.truncated_normal([HIDDEN, CLASSES], stddev=0.1, seed=12),
    )
    biases = v1.get_variable("logits/biases", initializer=tf.zeros([CLASSES]))
    logits = tf.matmul(hidden, weights) + biases
    loss = v1.losses.sparse_softmax_cross_entropy(labels, logits)
    return {
        "inputs": {"x": x, "y_true": labels},
        "train": {"op": v1.train.AdamOptimizer(0.01).minimize(loss), "loss": loss},
        "predict": {"outputs": {"y_pred": logits}},
    }


class AddBias(keras.layers.Layer):
    """``x + b``, as the program above says it; Dense's own BiasAdd rounds otherwise."""

    def build(self, input_shape):
        self.bias = self.add_weight(
            shape=(input_shape[-1],), initializer="zeros", name="bias"
        )

    def call(self, inputs):
        return inputs + self.bias


def tf2():
    """The TF2 side: a compiled model."""

    def dense(x, units, op_seed, name):
        initializer = tf1_semantics.initializers.TruncatedNormal(
            stddev=0.1, seed=(SEED, op_seed)
        )
        x = keras.layers.Dense(
            units, use_bias=False, kernel_initializer=initializer, name=name
        )(x)
        return AddBias(name=f"{name}_bias")(x)

    x = keras.Input([FEATURES], name="x")
    hidden = keras.layers.ReLU()(dense(x, HIDDEN, 11, "hidden"))
    model = keras.Model(x, dense(hidden, CLASSES, 12, "logits"))
    model.compile(
        # keras.optimizers.Adam has another epsilon, and another order of roundings.
        tf1_semantics.optimizers.Adam(0.01),
        tf1_semantics.losses.SparseSoftmaxCrossEntropy(),
        jit_compile=False,  # XLA changes numbers
    )
    return model


random = np.random.RandomState(0)
pair = parity.OwnPair(
    tf1=tf1,
    tf2=tf2,
    batches=(
        random.standard_normal([100, FEATURES]).astype(np.float32),
        random.randint(CLASSES, size=100),
    ),
    batch_size=32,
    steps=10,
)
