"""Descriptors of tf1_semantics.clipping."""

import contextlib
import functools

import keras
import numpy as np
import tensorflow as tf

from parity_tests.engine import strategies
from parity_tests.parts.descriptor import Part, Trap

PROOF = "parity_tests/parts/clipping_test.py::test_clipped_gradients_are_those_of_tf1"
# What the traps clip: norms of 5 and 12, and numbers beyond -1 and 2.
GRADIENTS = ([[3.0, 0.0], [-4.0, 0.0]], [0.0, 12.0, 0.0])


def each(clip):
    """A clip of TF1 for a list of gradients."""

    def reference(gradients, **arguments):
        return [
            None if gradient is None else clip(gradient, **arguments)
            for gradient in gradients
        ]

    return reference


def by_global_norm(gradients, clip_norm):
    return tf.compat.v1.clip_by_global_norm(gradients, clip_norm)[0]


@functools.cache
def steps_of_tf1(reference, **arguments):
    """How far one step of rate 1 goes in a compat.v1 graph, for each of GRADIENTS."""
    with tf.Graph().as_default() as graph:
        gradients = [tf.constant(gradient) for gradient in GRADIENTS]
        variables = [
            tf.compat.v1.get_variable(f"v{i}", initializer=np.zeros_like(gradient, "f"))
            for i, gradient in enumerate(GRADIENTS)
        ]
        train = tf.compat.v1.train.GradientDescentOptimizer(1.0).apply_gradients(
            zip(reference(gradients, **arguments), variables, strict=False)
        )
        initialise = tf.compat.v1.global_variables_initializer()
    with contextlib.closing(tf.compat.v1.Session(graph=graph)) as session:
        session.run(initialise)
        session.run(train)
        return session.run(variables)


def off(reference, arguments, **of_keras):
    """{1: error} of a step of Keras's SGD with its own argument for clipping."""
    expected = steps_of_tf1(reference, **arguments)
    variables = [keras.Variable(np.zeros_like(step)) for step in expected]
    optimizer = keras.optimizers.SGD(1.0, **of_keras)
    optimizer.apply([tf.constant(gradient) for gradient in GRADIENTS], variables)
    largest = max(abs(step).max() for step in expected)
    errors = [
        abs(variable.numpy() - step).max()
        for variable, step in zip(variables, expected, strict=False)
    ]
    return {1: float(max(errors) / largest)}


by_value = each(tf.compat.v1.clip_by_value)
by_norm = each(tf.compat.v1.clip_by_norm)
by_average_norm = each(tf.compat.v1.clip_by_average_norm)
norms = strategies.hyperparameters(clip_norm=(1e-3, 1e3))
BAD_NORMS = tuple(
    ({"clip_norm": norm}, "clip_norm")
    for norm in (0.0, -1.0, float("nan"), float("inf"), None, "5", True)
)

PARTS = (
    Part(
        name="clipping.ByValue",
        tf1="tf.clip_by_value",
        reference=by_value,
        arguments=strategies.hyperparameters(
            clip_value_min=[-100.0, -1.0, -0.3, 0.0, 0.1],
            clip_value_max=[0.2, 0.7, 1.0, 50.0],
        ),
        samples=(
            {"clip_value_min": -1.0, "clip_value_max": 2.0},
            {"clip_value_min": 0, "clip_value_max": 1},
        ),
        refused=(
            ({"clip_value_min": 1.0, "clip_value_max": 1.0}, "clip_value_min"),
            ({"clip_value_min": 2.0, "clip_value_max": 1.0}, "clip_value_min"),
            ({"clip_value_min": float("nan"), "clip_value_max": 1.0}, "clip_value_min"),
            (
                {"clip_value_min": -1.0, "clip_value_max": float("inf")},
                "clip_value_max",
            ),
            ({"clip_value_min": -1.0, "clip_value_max": None}, "clip_value_max"),
        ),
        proof=PROOF,
        traps=(
            Trap(
                write="keras.optimizers.SGD(0.1, clipvalue=2.0) for limits -1 and 2",
                off=lambda: off(
                    by_value,
                    {"clip_value_min": -1.0, "clip_value_max": 2.0},
                    clipvalue=2.0,
                ),
                at_least={1: 0.4},
                instead="clip=tf1_semantics.clipping.ByValue(-1.0, 2.0)",
            ),
        ),
    ),
    Part(
        name="clipping.ByNorm",
        tf1="tf.clip_by_norm",
        reference=by_norm,
        arguments=norms,
        samples=({"clip_norm": 5.0}, {"clip_norm": 1}),
        refused=BAD_NORMS,
        proof=PROOF,
        no_trap="Keras's clipnorm runs tf.clip_by_norm and agrees to the bit, dense and "
        "sparse; it only cannot be stacked with another clip",
    ),
    Part(
        name="clipping.ByAverageNorm",
        tf1="tf.clip_by_average_norm",
        reference=by_average_norm,
        arguments=norms,
        samples=({"clip_norm": 0.1},),
        refused=BAD_NORMS,
        proof=PROOF,
        traps=(
            Trap(
                write="keras.optimizers.SGD(0.1, clipnorm=0.1)",
                off=lambda: off(by_average_norm, {"clip_norm": 0.1}, clipnorm=0.1),
                at_least={1: 0.5},
                instead="clip=tf1_semantics.clipping.ByAverageNorm(0.1)",
            ),
        ),
    ),
    Part(
        name="clipping.ByGlobalNorm",
        tf1="tf.clip_by_global_norm",
        reference=by_global_norm,
        arguments=norms,
        samples=({"clip_norm": 5.0}, {"clip_norm": 1}),
        refused=BAD_NORMS,
        proof=PROOF,
        traps=(
            Trap(
                write="keras.optimizers.SGD(0.1, clipnorm=5.0), which is per variable",
                off=lambda: off(by_global_norm, {"clip_norm": 5.0}, clipnorm=5.0),
                at_least={1: 0.05},
                instead="clip=tf1_semantics.clipping.ByGlobalNorm(5.0)",
            ),
        ),
    ),
)
