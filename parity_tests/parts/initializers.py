"""Descriptors of tf1_semantics.initializers, and their twins."""

import keras
import numpy as np
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.parts.descriptor import Part, Trap
from parity_tests.parts.making import made
from tf1_graph import session
from tf1_graph.parts import cases
from tf1_graph.parts import initializers as tf1_initializers
from tf1_graph.parts.initializers import CASES, MOVES, SYMBOLS, UNSEEDED
from tf2_keras import training
from tf2_keras.tf1_semantics import initializers

FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = ("int32", "int64")
# Rounds to one float16, and by way of float32 to the next.
BETWEEN_FLOAT16S = 0.055587768438749185


def twin(part, arguments, problem, initializer=None):
    """The ``training.Twin`` of ``tf1_graph.parts.initializers.program``.

    Args:
        initializer: what to use in place of the part.
    """
    shape, dtype = problem
    initializer = initializer or made(part, arguments)

    def initialise():
        return {"initial values": {"variable": initializer(shape, dtype=dtype)}}

    return training.Twin({}, {"initialise": initialise})


def relative_error(expected, received):
    """The largest difference over the largest magnitude of what is expected."""
    difference = np.abs(np.asarray(received, np.float64) - expected).max()
    return float(difference / np.abs(expected).max())


def off(part, arguments, shape, naive):
    """{1: error} of another initialiser of a kernel."""
    problem = shape, "float32"
    *_, expected = session.play(
        tf1_initializers.program(part, arguments, problem), MOVES
    )
    *_, received = training.play(twin(part, arguments, problem, naive), MOVES)
    return {
        1: relative_error(
            *(record["initial values"]["variable"] for record in (expected, received))
        )
    }


# Traps.


def trap(write, name, arguments, naive, at_least, shape=(64, 32)):
    """A Trap; what to write instead is the part with the same arguments.

    Args:
        naive: () -> what ``write`` makes.
    """
    if "value" in arguments:
        listed = repr(arguments["value"])
    else:
        listed = ", ".join(
            # A scaling's factor comes first, by place.
            str(value) if argument == "factor" else f"{argument}={value!r}"
            for argument, value in arguments.items()
        )
    return Trap(
        write,
        lambda: off(f"initializers.{name}", arguments, shape, naive()),
        {1: at_least},
        f"tf1_semantics.initializers.{name}({listed})",
    )


def other_numbers(name, **arguments):
    """The same-named Keras initialiser with the same arguments and seed."""
    arguments = {**arguments, "seed": 42}
    listed = ", ".join(f"{argument}={value!r}" for argument, value in arguments.items())
    return trap(
        f"keras.initializers.{name}({listed})",
        name,
        arguments,
        lambda: getattr(keras.initializers, name)(**arguments),
        0.5,
    )


SEEDED = {"seed": 42}
UNIT_SCALING = {"factor": 1.43, "seed": 42}
TRAPS = {
    "RandomNormal": (
        other_numbers("RandomNormal"),
        other_numbers("RandomNormal", mean=0.0, stddev=1.0),
    ),
    "TruncatedNormal": (
        other_numbers("TruncatedNormal"),
        # The same distribution, other numbers.
        other_numbers("TruncatedNormal", mean=0.0, stddev=0.1),
    ),
    "RandomUniform": (
        other_numbers("RandomUniform"),
        other_numbers("RandomUniform", minval=-0.1, maxval=0.1),
    ),
    "ContribVarianceScaling": (
        trap(
            "keras.initializers.HeNormal(seed=42)",
            "ContribVarianceScaling",
            SEEDED,
            lambda: keras.initializers.HeNormal(seed=42),
            0.5,
        ),
        # The same stream; contrib corrects for the truncation by 1.3, not 1.2924.
        trap(
            "tf1_semantics.initializers.HeNormal(seed=42)",
            "ContribVarianceScaling",
            SEEDED,
            lambda: initializers.HeNormal(seed=42),
            0.002,
        ),
    ),
    "Xavier": (
        trap(
            "keras.initializers.GlorotUniform(seed=42)",
            "Xavier",
            SEEDED,
            lambda: keras.initializers.GlorotUniform(seed=42),
            0.5,
        ),
        trap(
            "tf1_semantics.initializers.GlorotNormal(seed=42)",
            "Xavier",
            {"uniform": False, "seed": 42},
            lambda: initializers.GlorotNormal(seed=42),
            0.002,
        ),
    ),
    "UniformUnitScaling": (
        trap(
            'keras.initializers.VarianceScaling(1.43, "fan_in", "uniform", seed=42)',
            "UniformUnitScaling",
            UNIT_SCALING,
            lambda: keras.initializers.VarianceScaling(
                1.43, "fan_in", "uniform", seed=42
            ),
            0.5,
        ),
        # The same stream; the factor is one of the limit, not of the variance.
        trap(
            "tf1_semantics.initializers.VarianceScaling("
            '1.43, "fan_in", "uniform", seed=42)',
            "UniformUnitScaling",
            UNIT_SCALING,
            lambda: initializers.VarianceScaling(1.43, "fan_in", "uniform", seed=42),
            0.1,
        ),
    ),
    "Constant": (
        # Two values, three rows of two: TF1 repeats the last, Keras the row.
        trap(
            "keras.initializers.Constant([1.0, 2.0])",
            "Constant",
            {"value": [1.0, 2.0]},
            lambda: keras.initializers.Constant([1.0, 2.0]),
            0.4,
            shape=(3, 2),
        ),
    ),
    **{
        name: (other_numbers(name),)
        for name in (
            "VarianceScaling",
            "GlorotUniform",
            "GlorotNormal",
            "HeNormal",
            "HeUniform",
            "LecunNormal",
            "LecunUniform",
            "Orthogonal",
        )
    },
}

# The table.

NOT_A_NUMBER = (float("nan"), float("inf"), "1", True)
REFUSED_SEEDS = tuple(
    ({"seed": seed}, "seed")
    for seed in (None, 1.5, True, "1", (1, 2, 3), (1, None), 2**63, (-(2**63) - 1, 0))
)
# Integers and floats: TF1 adds nothing where minval is the int 0.
UNIFORM = strategies.hyperparameters(
    minval=[0, 0.0, -0.3, 0.1, 5, -1e4], maxval=[None, 1, 0.7, 1e-3, -2.0, 300]
)
INTEGER_RANGES = st.tuples(st.integers(-(2**31), 2**31 - 2), st.integers(1, 2**32)).map(
    lambda pair: {"minval": pair[0], "maxval": min(sum(pair), 2**31 - 1)}
)
elements = st.floats(-1e4, 1e4, width=32) | st.integers(-100, 100)
CONSTANTS = st.fixed_dictionaries(
    {
        "value": elements
        | st.lists(elements, max_size=9)
        | st.lists(st.lists(elements, min_size=2, max_size=2), min_size=1, max_size=4)
        | strategies.arrays((2, 3))
        | strategies.arrays((4,), dtype=np.float64)
    }
)


def part(name, arguments=None, wrong=(), no_trap=None):
    """The descriptor of an initialiser.

    Args:
        arguments: what is drawn besides the seed, a strategy; None if nothing is free.
        wrong: {argument: values that it refuses} besides bad seeds.
    """
    full_name = f"initializers.{name}"
    return Part(
        name=full_name,
        tf1=SYMBOLS[full_name],
        proof="parity_tests/parts/initializers_test.py::test_values_are_those_of_tf1",
        arguments=st.just({}) if arguments is None else arguments,
        samples=({}, *cases.samples(CASES, full_name)),
        refused=(
            *(() if full_name in UNSEEDED else REFUSED_SEEDS),
            *(
                ({argument: value}, argument)
                for argument, values in dict(wrong).items()
                for value in values
            ),
        ),
        traps=TRAPS.get(name, ()),
        no_trap=no_trap,
    )


NORMAL = (
    strategies.hyperparameters(
        mean=[0.0, 1.0, -0.3, 1e-3, 1e4], stddev=[0.0, 0.1, 1.0, 1e-7, 123.456, -0.5]
    ),
    {"mean": NOT_A_NUMBER, "stddev": (*NOT_A_NUMBER, None)},
)
GAINS = (
    strategies.hyperparameters(gain=[1.0, 1.41, -0.3, 0.0]),
    {"gain": NOT_A_NUMBER},
)
SCALES = (0.0, -1.0, *NOT_A_NUMBER)
PARTS = (
    part("RandomNormal", *NORMAL),
    part("TruncatedNormal", *NORMAL),
    part(
        "RandomUniform",
        UNIFORM,
        {"minval": (*NOT_A_NUMBER, None), "maxval": NOT_A_NUMBER},
    ),
    part(
        "VarianceScaling",
        strategies.hyperparameters(
            scale=(1e-3, 1e3),
            mode=list(initializers.VarianceScaling.MODES),
            distribution=list(initializers.VarianceScaling.DISTRIBUTIONS),
        ),
        {
            "scale": SCALES,
            "mode": ("fan_average", "FAN_IN"),
            "distribution": ("gaussian",),
        },
    ),
    # Variance scalings that TF1 gave a name.
    part("GlorotUniform"),
    part("GlorotNormal"),
    part("HeNormal"),
    part("HeUniform"),
    part("LecunNormal"),
    part("LecunUniform"),
    part(
        "ContribVarianceScaling",
        strategies.hyperparameters(
            factor=(1e-3, 1e3),
            mode=list(initializers.ContribVarianceScaling.MODES),
            uniform=[False, True],
        ),
        {"factor": SCALES, "mode": ("fan_in",), "uniform": (1,)},
    ),
    part(
        "Xavier",
        strategies.hyperparameters(uniform=[False, True]),
        {"uniform": (None,)},
    ),
    part(
        "UniformUnitScaling",
        strategies.hyperparameters(factor=[1.0, 1.15, 1.43, 0.0, -0.7]),
        {"factor": NOT_A_NUMBER},
    ),
    part("Orthogonal", *GAINS),
    part("Identity", *GAINS, no_trap="keras.initializers.Identity agrees to the bit"),
    part(
        "Constant",
        CONSTANTS,
        {"value": (None, "0.1", [[1, 2], [3]], 1j), "verify_shape": (None,)},
    ),
)
