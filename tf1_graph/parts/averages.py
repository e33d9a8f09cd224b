"""TF1's moving averages: programs that average a variable and a tensor.

A problem is a list of arrays of one shape and dtype: what the variable starts with, then
what it is set to, step by step; twice as much is the tensor.
"""

import collections

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import session
from tf1_graph.parts.cases import Case, genuine

PART = "averages.ExponentialMovingAverage"
SYMBOLS = {PART: "tf.train.ExponentialMovingAverage"}


def average(part, arguments, global_step):
    """The part's object, whose ``apply`` makes an op of variables and tensors."""
    arguments = dict(arguments)
    num_updates = global_step if arguments.pop("num_updates", False) else None
    return genuine(SYMBOLS[part])(num_updates=num_updates, **arguments)


def program(part, arguments, problem):
    """The program: its move ``update`` sets the variable to ``value`` and averages."""
    start = problem[0]
    with tf.Graph().as_default() as graph:
        value = tf.placeholder(start.dtype, start.shape, name="value")
        variable = tf.get_variable(
            "variable", start.shape, start.dtype, tf.zeros_initializer()
        )
        tensor = tf.add(value, value, name="tensor")
        step = tf.train.get_or_create_global_step()
        update = tf.group(tf.assign(variable, value), tf.assign_add(step, 1))
        averages = average(part, arguments, step)
        with tf.control_dependencies([update]):
            update = averages.apply([variable, tensor])
    return session.program(graph, update=session.move(update))


def _problem(dtype):
    random = np.random.RandomState(0)
    return list(random.standard_normal((24, 2, 3)).astype(dtype))


CASES = collections.OrderedDict(
    (
        f"{number} {dtype}",
        Case(PART, arguments, _problem(dtype), None),
    )
    for number, arguments in enumerate(
        [
            {"decay": 0.999},
            {"decay": 0.9, "num_updates": True},
            {"decay": 0.5, "zero_debias": True},
        ]
    )
    for dtype in ("float32", "float64")
)


def play(case):
    """(program, moves, values, settings) of a case, for ``session.play``."""
    built = program(case.part, case.arguments, case.problem)
    return built, moves(case.problem), {"variable": case.problem[0]}, None


def moves(problem):
    """What sets the variable to all values but the first."""
    return [("update", {"value": value}) for value in problem[1:]]
