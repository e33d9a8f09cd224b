"""Descriptors of tf1_semantics.averages."""

import contextlib
import functools

import keras
import numpy as np
import tensorflow as tf

from parity_tests.engine import strategies
from parity_tests.parts.descriptor import Part, Trap

STEPS = (1, 10, 100)
START = np.array([1.0, -2.0, 3.0], np.float32)
TARGET = np.float32(5.0)


@functools.cache
def averages_of_tf1(num_updates):
    """{step: averages of weights on their way to TARGET}, from a compat.v1 graph."""
    with tf.Graph().as_default() as graph:
        weights = tf.compat.v1.get_variable("weights", initializer=START)
        global_step = tf.compat.v1.train.get_or_create_global_step()
        train = tf.compat.v1.train.GradientDescentOptimizer(0.1).minimize(
            tf.reduce_sum(tf.square(weights - TARGET)) / 2, global_step
        )
        average = tf.compat.v1.train.ExponentialMovingAverage(
            0.99, global_step if num_updates else None
        )
        with tf.control_dependencies([train]):
            train = average.apply([weights])
        value = average.average(weights)
        initialise = tf.compat.v1.global_variables_initializer()
    values = {}
    with contextlib.closing(tf.compat.v1.Session(graph=graph)) as session:
        session.run(initialise)
        for step in range(1, max(STEPS) + 1):
            session.run(train)
            if step in STEPS:
                values[step] = session.run(value)
    return values


@functools.cache
def averages_of_keras():
    """The same, of ``keras.optimizers.SGD(0.1, use_ema=True)``."""
    weights = keras.Variable(START)
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.99)
    values = {}
    for step in range(1, max(STEPS) + 1):
        optimizer.apply([weights.value - TARGET], [weights])
        if step in STEPS:
            held = weights.numpy()
            optimizer.finalize_variable_values([weights])
            values[step] = weights.numpy()
            weights.assign(held)
    return values


def off(num_updates):
    of_keras = averages_of_keras()
    return {
        step: float(abs(of_keras[step] - value).max() / abs(value).max())
        for step, value in averages_of_tf1(num_updates).items()
    }


PARTS = (
    Part(
        name="averages.ExponentialMovingAverage",
        tf1="tf.train.ExponentialMovingAverage",
        reference=tf.compat.v1.train.ExponentialMovingAverage,
        arguments=strategies.hyperparameters(
            decay=[0.0, 0.5, 0.9, 0.99, 0.999, 0.9999], num_updates=[False, True]
        ),
        samples=(
            {"decay": 0.999},
            {"decay": 0.9, "num_updates": True},
            {"decay": 0, "zero_debias": True},
        ),
        refused=(
            ({"decay": 1.0}, "decay"),
            ({"decay": -0.1}, "decay"),
            ({"decay": float("nan")}, "decay"),
            ({"decay": None}, "decay"),
            ({"decay": 0.9, "num_updates": 10}, "num_updates"),
            ({"decay": 0.9, "zero_debias": None}, "zero_debias"),
        ),
        proof="parity_tests/parts/averages_test.py::test_averages_are_those_of_tf1",
        traps=(
            Trap(
                write="keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.99)",
                off=lambda: off(num_updates=False),
                at_least={1: 0.1, 10: 0.1, 100: 0.03},
                instead="tf1_semantics.optimizers.GradientDescent(0.1, moving_average="
                "tf1_semantics.averages.ExponentialMovingAverage(0.99))",
            ),
            Trap(
                write="keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.99) for "
                "ExponentialMovingAverage(0.99, global_step)",
                off=lambda: off(num_updates=True),
                at_least={1: 0.02, 10: 0.4, 100: 0.3},
                instead="tf1_semantics.optimizers.GradientDescent(0.1, moving_average="
                "tf1_semantics.averages.ExponentialMovingAverage(0.99, "
                "num_updates=True))",
            ),
        ),
    ),
)
