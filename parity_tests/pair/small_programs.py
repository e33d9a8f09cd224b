"""What small programs and their twins are made of: the same arrays on both sides."""

import keras
import numpy as np
import tensorflow.compat.v1 as tf1

from parity_tests.engine.budgets import Budget
from tf2_keras.observing import key_of
from tf2_keras.slots import slots_of

# Eagerly there is no Grappler that makes products of divisions and folds sums.
EAGERLY = Budget(
    normwise=32, reason="what Grappler rewrites in a graph rounds otherwise"
)


def budgets(level):
    """(stage, tensor) -> Budget: none but where nothing rewrites the graph."""
    return lambda *_: EAGERLY if level == "eager" else None


def normal(*shape, seed=0):
    return np.random.RandomState(seed).standard_normal(shape).astype(np.float32)


def variables_of(values):
    """{name: keras.Variable} that start from arrays."""
    return {
        name: keras.Variable(value, name=name.replace("/", "_"))
        for name, value in values.items()
    }


def graph_variables(values):
    """{name: variable} in the graph that is the default."""
    return {
        name: tf1.get_variable(name, initializer=value)
        for name, value in values.items()
    }


def built(optimizer, variables):
    """(optimizer, {TF1 name: slot}) for variables by TF1 name."""
    optimizer.build(list(variables.values()))
    names = {key_of(variable): name for name, variable in variables.items()}
    return optimizer, slots_of(optimizer, names)
