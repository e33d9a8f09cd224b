"""The descriptor of tf1_semantics.gradients, and what its gradients are compared with."""

import keras
import numpy as np
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.parts.descriptor import Part, Trap
from parity_tests.parts.initializers import relative_error
from tf2_keras.tf1_semantics import gradients


def several_uses(variable):
    """A scalar of what has a gradient from each of its uses, three times over."""
    x = 1.5 * variable
    for _ in range(3):
        x = tf.tanh(x) + 0.1 * x * x + 0.5 * tf.sin(x)
    return tf.reduce_sum(x)


def start(seed=0, size=500):
    return np.random.RandomState(seed).standard_normal(size).astype(np.float32)


def of_tf1(values):
    """The gradient of ``several_uses`` by a variable, in a Session."""
    with tf1.Graph().as_default():
        variable = tf1.get_variable("x", initializer=values)
        (gradient,) = tf1.gradients(several_uses(variable), [variable])
        init = tf1.global_variables_initializer()
        with tf1.Session() as session:
            session.run(init)
            return session.run(gradient)


def in_a_function(values, gradients_of=gradients.gradients):
    """The same in a tf.function, by ``gradients_of`` (loss, [variable], tape)."""
    variable = keras.Variable(values)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = several_uses(variable.value)
        return gradients_of(loss, [variable], tape)[0]

    return step().numpy()


def _by_tape():
    values = start()
    received = in_a_function(
        values, lambda loss, xs, tape: tape.gradient(loss, [x.value for x in xs])
    )
    return {1: relative_error(of_tf1(values), received)}


PARTS = (
    Part(
        name="gradients.gradients",
        tf1="tf.gradients",
        proof="parity_tests/parts/gradients_test.py::test_gradients_are_those_of_tf1",
        traps=(
            Trap(
                "tape.gradient(loss, variables)",
                _by_tape,
                {1: 1e-8},
                "tf1_semantics.gradients.gradients(loss, variables, tape)",
            ),
        ),
    ),
)
