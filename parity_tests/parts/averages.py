"""Descriptors of tf1_semantics.averages, and their twins."""

import keras
import numpy as np
import tensorflow as tf

from parity_tests.engine import strategies
from parity_tests.parts.descriptor import Part, Trap
from parity_tests.parts.making import made
from tf1_graph import session
from tf1_graph.parts import averages as tf1_averages
from tf1_graph.parts import cases
from tf1_graph.parts.averages import CASES, PART, SYMBOLS
from tf2_keras import training

STEPS = (1, 10, 100)


def twin(part, arguments, problem, average=None, variable=tf.Variable):
    """The ``training.Twin`` of ``tf1_graph.parts.averages.program``.

    Args:
        average: what to use in place of the part.
        variable: makes a variable of an array.
    """
    average = average or made(part, arguments)
    averaged = variable(problem[0])
    global_step = tf.Variable(np.int64(0), trainable=False)
    tensor = tf.TensorSpec(problem[0].shape, problem[0].dtype, name="tensor")
    average.build([averaged, tensor])

    def update(value):
        averaged.assign(value)
        average.update(global_step.assign_add(1), values=[value + value])

    suffixes = ["", "/biased", "/local_step"] if average.zero_debias else [""]
    names = [("variable", ""), *(("tensor", suffix) for suffix in suffixes)]
    averages = {
        f"{name}/ExponentialMovingAverage{suffix}": variable
        for (name, suffix), variable in zip(names, average.variables, strict=True)
    }
    return training.Twin(
        {"variable": averaged, "global_step": global_step, **averages},
        {"update": update},
        inputs={"value": tf.TensorSpec(tensor.shape, tensor.dtype)},
    )


def weights_on_their_way():
    """[weights after 0, 1, ... 100 steps of gradient descent towards 5]."""
    weights = [np.float32([1.0, -2.0, 3.0])]
    for _ in range(max(STEPS)):
        weights.append(weights[-1] - np.float32(0.1) * (weights[-1] - np.float32(5.0)))
    return weights


def averages_of_keras():
    """{step: averages} of ``keras.optimizers.SGD(0.1, use_ema=True)``."""
    weights = weights_on_their_way()
    variable = keras.Variable(weights[0])
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.99)
    values = {}
    for step in range(1, max(STEPS) + 1):
        optimizer.apply([tf.constant(weights[step - 1] - np.float32(5.0))], [variable])
        if step in STEPS:
            held = variable.numpy()
            optimizer.finalize_variable_values([variable])
            values[step] = variable.numpy()
            variable.assign(held)
    return values


def off(num_updates):
    """{step: error} of Keras's averages."""
    problem = weights_on_their_way()
    arguments = {"decay": 0.99, "num_updates": num_updates}
    records = session.play(
        tf1_averages.program(PART, arguments, problem),
        tf1_averages.moves(problem),
        {"variable": problem[0]},
    )
    expected = [
        record["updates"]["variable/ExponentialMovingAverage"]
        for record in records
        if "updates" in record
    ]
    return {
        step: float(
            np.abs(value - expected[step - 1]).max() / np.abs(expected[step - 1]).max()
        )
        for step, value in averages_of_keras().items()
    }


PARTS = (
    Part(
        name=PART,
        tf1=SYMBOLS[PART],
        arguments=strategies.hyperparameters(
            decay=[0.0, 0.5, 0.9, 0.99, 0.999, 0.9999],
            num_updates=[False, True],
            zero_debias=[False, True],
        ),
        samples=(*cases.samples(CASES, PART), {"decay": 0}),
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
