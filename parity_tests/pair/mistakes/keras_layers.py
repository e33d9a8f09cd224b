"""What the Keras sides here share: layers seeded as ``graphs`` is."""

import keras

from parity_tests.pair.mistakes.graphs import SEED
from tf2_keras.tf1_semantics import initializers


def normal(seed, stddev=0.5):
    """The initializer of ``graphs.weights``."""
    return initializers.RandomNormal(stddev=stddev, seed=(SEED, seed))


def dense(name, units, seed, activation=None):
    """The layer of ``graphs.dense``."""
    return keras.layers.Dense(
        units, activation, kernel_initializer=normal(seed), name=name
    )
