"""Descriptors of tf1_semantics.clipping, and their twins."""

import keras
import numpy as np
import tensorflow as tf

from parity_tests.engine import strategies
from parity_tests.parts import optimizer_twins
from parity_tests.parts.descriptor import Part, Trap
from parity_tests.parts.making import made
from tf1_graph import session
from tf1_graph.parts import cases
from tf1_graph.parts import optimizers as tf1_optimizers
from tf1_graph.parts.clipping import CASES, ROWS, SYMBOLS
from tf2_keras import training

PROOF = "parity_tests/parts/clipping_test.py::test_clipped_gradients_are_those_of_tf1"


def twin(part, arguments, problem, clips=None):
    """The ``training.Twin`` of ``tf1_graph.parts.clipping.program``.

    Args:
        clips: what to use in place of the part, one behind the other.
    """
    clips = clips or [made(part, arguments)]
    held = {name: tf.Variable(array) for name, array in problem.items()}

    def clip():
        columns = problem["table values"].shape[1:]
        table = tf.IndexedSlices(
            held["table values"].read_value(),
            held["table indices"].read_value(),
            tf.constant([ROWS, *columns], tf.int64),
        )
        gradients = [held["weights"].read_value(), None, table]
        for one_after_another in clips:
            gradients = one_after_another(gradients)
        weights, none, table = gradients
        assert none is None
        return {"outputs": {"weights": weights, "table": table}}

    state = {name.replace(" ", "_"): variable for name, variable in held.items()}
    return training.Twin(state, {"clip": clip})


# What the traps clip: norms of 5 and 12, and numbers beyond -1 and 2.
GRADIENTS = {
    "matrix": np.float32([[3.0, 0.0], [-4.0, 0.0]]),
    "vector": np.float32([0.0, 12.0, 0.0]),
}


def off(part, arguments, of_keras):
    """{1: error} of a step of Keras's SGD with its own argument for clipping."""
    values = {name: np.zeros_like(gradient) for name, gradient in GRADIENTS.items()}
    problem, moves = (values, [GRADIENTS]), [("train", GRADIENTS)]
    descent = "optimizers.GradientDescent"
    clipped = {"learning_rate": 1.0, "clip": [(part, arguments)]}
    naive = optimizer_twins.twin(
        descent, clipped, problem, keras.optimizers.SGD(1.0, **of_keras)
    )
    program = tf1_optimizers.program(descent, clipped, problem)
    *_, expected = session.play(program, moves, values)
    *_, received = training.play(naive, moves)
    steps = [
        (expected["updates"][name], received["updates"][name]) for name in GRADIENTS
    ]
    largest = max(np.abs(step).max() for step, _ in steps)
    return {1: float(max(np.abs(own - step).max() for step, own in steps) / largest)}


def part(name, arguments, refused, traps=(), no_trap=None):
    """The descriptor of a clip."""
    name = f"clipping.{name}"
    return Part(
        name=name,
        tf1=SYMBOLS[name],
        proof=PROOF,
        arguments=arguments,
        samples=cases.samples(CASES, name),
        refused=refused,
        traps=traps,
        no_trap=no_trap,
    )


def trap(write, name, arguments, at_least, **of_keras):
    listed = ", ".join(map(str, arguments.values()))
    return Trap(
        write=f"keras.optimizers.SGD(0.1, {write}",
        off=lambda: off(f"clipping.{name}", arguments, of_keras),
        at_least={1: at_least},
        instead=f"clip=tf1_semantics.clipping.{name}({listed})",
    )


# Shares of a gradient's norm: what a limit is drawn as, so that most of them clip.
norms = strategies.hyperparameters(
    clip_norm=[1e-4, 0.01, 0.5, 0.9, 0.999, 1.0, 1.01, 30.0]
)
limits = strategies.hyperparameters(
    clip_value_min=[-30.0, -1.0, -0.3, 0.0, 0.1], clip_value_max=[0.2, 0.7, 1.0, 20.0]
)
BAD_NORMS = tuple(
    ({"clip_norm": norm}, "clip_norm")
    for norm in (0.0, -1.0, float("nan"), float("inf"), None, "5", True)
)

PARTS = (
    part(
        "ByValue",
        limits,
        (
            ({"clip_value_min": 1.0, "clip_value_max": 1.0}, "clip_value_min"),
            ({"clip_value_min": 2.0, "clip_value_max": 1.0}, "clip_value_min"),
            ({"clip_value_min": float("nan"), "clip_value_max": 1.0}, "clip_value_min"),
            (
                {"clip_value_min": -1.0, "clip_value_max": float("inf")},
                "clip_value_max",
            ),
            ({"clip_value_min": -1.0, "clip_value_max": None}, "clip_value_max"),
        ),
        traps=(
            trap(
                "clipvalue=2.0) for limits -1 and 2",
                "ByValue",
                {"clip_value_min": -1.0, "clip_value_max": 2.0},
                0.4,
                clipvalue=2.0,
            ),
        ),
    ),
    part(
        "ByNorm",
        norms,
        BAD_NORMS,
        no_trap="Keras's clipnorm runs tf.clip_by_norm and agrees to the bit, dense and "
        "sparse; it only cannot be stacked with another clip",
    ),
    part(
        "ByAverageNorm",
        norms,
        BAD_NORMS,
        traps=(
            trap(
                "clipnorm=0.1)", "ByAverageNorm", {"clip_norm": 0.1}, 0.5, clipnorm=0.1
            ),
        ),
    ),
    part(
        "ByGlobalNorm",
        norms,
        BAD_NORMS,
        traps=(
            trap(
                "clipnorm=5.0), which is per variable",
                "ByGlobalNorm",
                {"clip_norm": 5.0},
                0.05,
                clipnorm=5.0,
            ),
        ),
    ),
)
