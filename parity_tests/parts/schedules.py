"""Descriptors of tf1_semantics.schedules, and their twins."""

import keras
import numpy as np
import tensorflow as tf
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.parts.descriptor import Part, Trap
from parity_tests.parts.making import made
from tf1_graph import session
from tf1_graph.parts import cases
from tf1_graph.parts import schedules as tf1_schedules
from tf1_graph.parts.schedules import CASES, SYMBOLS
from tf2_keras import training

OF_KERAS = keras.optimizers.schedules
PROOF = (
    "parity_tests/parts/schedules_test.py::test_rates_are_those_of_tf1_at_every_level"
)
STEPS = (1, 10, 100)


def twin(part, arguments, _steps=None, schedule=None):
    """The ``training.Twin`` of ``tf1_graph.parts.schedules.program``.

    Args:
        schedule: what to use in place of the part.
    """
    schedule = schedule or made(part, arguments)
    dtype = getattr(schedule, "dtype", "float32")
    global_step = tf.Variable(np.int64(0), trainable=False)
    held = tf.Variable(tf.zeros([], dtype), trainable=False)

    def count(step):
        global_step.assign(step)

    def train():
        # Grappler leaves a function that returns nothing as it was written.
        held.assign(schedule(global_step.read_value()))

    def look():
        rate = schedule(global_step.read_value())
        held.assign(rate)
        return {"outputs": {"rate": rate}}

    return training.Twin(
        {"global_step": global_step, "rate": held},
        {"count": count, "train": train, "look": look},
        inputs={"step": tf.TensorSpec([], tf.int64)},
    )


def off(schedule, part, arguments):
    """{step: error} of a schedule of Keras's after so many steps."""
    moves = tf1_schedules.moves(STEPS, ("look",))
    expected, received = (
        [record["outputs"]["rate"] for record in records if "outputs" in record]
        for records in (
            session.play(tf1_schedules.program(part, arguments), moves),
            training.play(twin(part, arguments, schedule=schedule), moves),
        )
    )
    return {
        step: float(abs(rate_of_keras - rate) / rate)
        for step, rate, rate_of_keras in zip(STEPS, expected, received, strict=True)
    }


def off_without_global_step():
    """{step: error} for a program that minimises without ``global_step=``."""
    arguments = {"learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}
    program = tf1_schedules.uncounted("schedules.ExponentialDecay", arguments)
    records = list(session.play(program, [("train", {})] * (max(STEPS) + 1)))
    written = OF_KERAS.ExponentialDecay(*arguments.values())
    # The record after the initial values and `step` steps saw the rate of the next.
    rates = {step: records[step + 1]["outputs"]["rate"] for step in STEPS}
    return {
        step: float(abs(written(step) - rate) / rate) for step, rate in rates.items()
    }


def number(low, high, *corners):
    """Corner cases, or floats of three digits."""
    return st.sampled_from(corners) | strategies.hyperparameters(drawn=(low, high)).map(
        lambda one: one["drawn"]
    )


def decays(dtypes=("float32", "float64"), **others):
    """Arguments of a decay over ``decay_steps``."""
    return st.fixed_dictionaries(
        {
            "learning_rate": number(1e-5, 1.0, 0.1, 1.0),
            "decay_steps": st.sampled_from([1, 2, 3, 7, 10, 30, 100, 1000, 3.5])
            | st.integers(1, 10**6),
            **others,
            **({"dtype": st.sampled_from(dtypes)} if dtypes else {}),
        }
    )


exponential = decays(
    decay_rate=number(0.01, 2.0, 0.96, 0.5, 1.0), staircase=st.booleans()
)
polynomial = decays(
    end_learning_rate=number(1e-6, 1.0, 0.0, 1e-4),
    power=number(0.1, 4.0, 1.0, 0.0, 0.5, 2.0, 3.0, 4.0),
    cycle=st.booleans(),
).map(
    # TF1 had no other dtype where the decay starts again.
    lambda drawn: {**drawn, "dtype": "float32"} if drawn["cycle"] else drawn
)
waves = dict(
    num_periods=number(0.01, 4.0, 0.5, 1.0),
    alpha=number(0.0, 1.0, 0.0, 0.1),
    beta=number(0.0, 1.0, 0.001, 0.0),
)
restarts = decays(
    (),
    t_mul=number(1.0, 3.0, 2.0, 1.0, 1.5),
    m_mul=number(0.1, 1.5, 1.0, 0.5, 0.9),
    alpha=number(0.0, 1.0, 0.0, 0.1),
).map(
    lambda drawn: {
        "first_decay_steps" if name == "decay_steps" else name: value
        for name, value in drawn.items()
    }
)


@st.composite
def pieces(draw):
    boundaries = draw(
        st.lists(
            st.integers(-1, 40) | st.integers(0, 2**31 - 1),
            min_size=1,
            max_size=5,
            unique=True,
        )
    )
    values = [draw(number(1e-5, 1.0, 0.1, 0.0)) for _ in range(len(boundaries) + 1)]
    dtype = draw(st.sampled_from(["float32", "float64"]))
    return {"boundaries": sorted(boundaries), "values": values, "dtype": dtype}


COMMON_MISTAKES = (
    ({"learning_rate": -0.1, "decay_steps": 10}, "learning_rate"),
    ({"learning_rate": float("nan"), "decay_steps": 10}, "learning_rate"),
    ({"learning_rate": float("inf"), "decay_steps": 10}, "learning_rate"),
    ({"learning_rate": "0.1", "decay_steps": 10}, "learning_rate"),
    ({"learning_rate": 0.1, "decay_steps": 0}, "decay_steps"),
    ({"learning_rate": 0.1, "decay_steps": -5}, "decay_steps"),
)


def mistakes(wrong, required=None):
    """Pairs (arguments, name of the wrong one), the common ones too."""
    required = required or {}
    given = {"learning_rate": 0.1, "decay_steps": 10, **required}
    return (
        *(({**required, **common}, name) for common, name in COMMON_MISTAKES),
        *(({**given, name: value}, name) for name, value in wrong),
    )


# ULPs that Keras's namesakes are off when called eagerly, over the first 120 steps of the
# schedules below. In a tf.function that returns something they agree to the bit.
EAGER_ULPS_OF_KERAS = {
    "InverseTimeDecay": 1,
    "PiecewiseConstant": 0,
    "PolynomialDecay": 7453,  # where little is left of 1 - step / decay_steps
    "CosineDecay": 5,
    "CosineDecayRestarts": 10,
}


def agrees(name):
    """Why there is no trap."""
    ulps = EAGER_ULPS_OF_KERAS[name]
    eagerly = "and eagerly" if not ulps else f"and is up to {ulps} ULP off eagerly"
    return (
        "Keras's schedule agrees to the bit in a tf.function that returns something, "
        f"{eagerly}"
    )


# What the claims about Keras's namesakes are measured with: (its schedule, arguments of
# ours). All divide by numbers that are no power of two.
NAMESAKES = {
    "InverseTimeDecay": (
        OF_KERAS.InverseTimeDecay(0.1, 30, 0.7),
        {"learning_rate": 0.1, "decay_steps": 30, "decay_rate": 0.7},
    ),
    "PiecewiseConstant": (
        OF_KERAS.PiecewiseConstantDecay([10, 20], [0.3, 0.1, 0.01]),
        {"boundaries": [10, 20], "values": [0.3, 0.1, 0.01]},
    ),
    "PolynomialDecay": (
        OF_KERAS.PolynomialDecay(0.1, 97, 0.001, 0.7),
        {
            "learning_rate": 0.1,
            "decay_steps": 97,
            "end_learning_rate": 0.001,
            "power": 0.7,
        },
    ),
    "CosineDecay": (
        OF_KERAS.CosineDecay(0.1, 97, 0.1),
        {"learning_rate": 0.1, "decay_steps": 97, "alpha": 0.1},
    ),
    "CosineDecayRestarts": (
        OF_KERAS.CosineDecayRestarts(0.1, 30, 1.7, 0.9, 0.1),
        {
            "learning_rate": 0.1,
            "first_decay_steps": 30,
            "t_mul": 1.7,
            "m_mul": 0.9,
            "alpha": 0.1,
        },
    ),
}


def part(name, refused, traps=(), no_trap=None, proof=PROOF, **rest):
    """The descriptor of a schedule."""
    name = f"schedules.{name}"
    return Part(
        name=name,
        tf1=SYMBOLS[name],
        proof=proof,
        samples=cases.samples(CASES, name),
        refused=refused,
        traps=traps,
        no_trap=no_trap,
        **rest,
    )


def as_cosine(name):
    arguments = {"learning_rate": 0.1, "decay_steps": 200}
    return Trap(
        write="keras.optimizers.schedules.CosineDecay(0.1, 200)",
        off=lambda: off(OF_KERAS.CosineDecay(0.1, 200), f"schedules.{name}", arguments),
        at_least={10: 0.01, 100: 0.3},
        instead=f"tf1_semantics.schedules.{name}(0.1, 200)",
    )


RATE = {"decay_rate": 0.9}
NO_RATE = [("decay_rate", -0.5), ("decay_rate", None), ("dtype", "float16")]
PARTS = (
    part(
        "ExponentialDecay",
        mistakes([*NO_RATE, ("decay_rate", float("nan"))], RATE),
        traps=(
            Trap(
                write="keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5) for a "
                "program that calls minimize(loss) without global_step",
                off=off_without_global_step,
                at_least={10: 0.4, 100: 0.9},
                instead="0.1: the step stayed 0 and the rate never decayed",
            ),
        ),
        arguments=exponential,
    ),
    part(
        "NaturalExpDecay",
        mistakes(NO_RATE, RATE),
        traps=(
            Trap(
                write="keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)",
                off=lambda: off(
                    OF_KERAS.ExponentialDecay(0.1, 10, 0.9),
                    "schedules.NaturalExpDecay",
                    {"learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.9},
                ),
                at_least={1: 0.05, 10: 1.0, 100: 100.0},
                instead="tf1_semantics.schedules.NaturalExpDecay(0.1, 10, 0.9)",
            ),
        ),
        arguments=exponential,
    ),
    part(
        "InverseTimeDecay",
        mistakes(NO_RATE, RATE),
        no_trap=agrees("InverseTimeDecay"),
        arguments=exponential,
    ),
    part(
        "PiecewiseConstant",
        (
            ({"boundaries": [2, 1], "values": [0.3, 0.2, 0.1]}, "boundaries"),
            ({"boundaries": [1, 1], "values": [0.3, 0.2, 0.1]}, "boundaries"),
            ({"boundaries": [1.5], "values": [0.3, 0.2]}, "boundaries"),
            ({"boundaries": [float("nan")], "values": [0.3, 0.2]}, "boundaries"),
            ({"boundaries": [], "values": [0.3]}, "boundaries"),
            ({"boundaries": 5, "values": [0.3]}, "boundaries"),
            ({"boundaries": [1, 2], "values": [0.3, 0.2]}, "values"),
            ({"boundaries": [1], "values": [0.3, -0.2]}, "values"),
            ({"boundaries": [1], "values": [0.3, float("inf")]}, "values"),
            ({"boundaries": [1], "values": [0.3, 0.2], "dtype": "int32"}, "dtype"),
        ),
        no_trap=agrees("PiecewiseConstant"),
        arguments=pieces(),
    ),
    part(
        "PolynomialDecay",
        (
            *mistakes(
                [
                    ("end_learning_rate", -1.0),
                    ("power", -1.0),
                    ("power", float("inf")),
                    ("dtype", "float16"),
                ]
            ),
            *mistakes([("dtype", "float64")], {"cycle": True}),
        ),
        no_trap=agrees("PolynomialDecay"),
        arguments=polynomial,
    ),
    part(
        "WarmUp",
        mistakes(
            [
                ("warmup_steps", -1),
                ("warmup_steps", None),
                ("end_learning_rate", -1.0),
                ("power", -1.0),
            ],
            {"warmup_steps": 3},
        ),
        traps=(
            Trap(
                write="keras.optimizers.schedules.PolynomialDecay(0.1, 200, 0.0)",
                off=lambda: off(
                    OF_KERAS.PolynomialDecay(0.1, 200, 0.0),
                    "schedules.WarmUp",
                    {"learning_rate": 0.1, "decay_steps": 200, "warmup_steps": 20},
                ),
                at_least={1: 10.0, 10: 0.8},
                instead="tf1_semantics.schedules.WarmUp(0.1, 200, 20)",
            ),
        ),
        arguments=decays(
            (),
            warmup_steps=st.sampled_from([0, 1, 2, 3, 7, 10, 30, 1000])
            | st.integers(0, 10**5),
            end_learning_rate=number(1e-6, 1.0, 0.0, 1e-4),
            power=number(0.1, 4.0, 1.0, 0.5, 2.0),
        ),
    ),
    part(
        "CosineDecay",
        mistakes([("alpha", float("nan")), ("alpha", "0.1")]),
        no_trap=agrees("CosineDecay"),
        arguments=decays((), alpha=number(0.0, 1.0, 0.0, 0.1, 1.0)),
    ),
    part(
        "CosineDecayRestarts",
        (
            ({"learning_rate": -1.0, "first_decay_steps": 5}, "learning_rate"),
            ({"learning_rate": 0.1, "first_decay_steps": 0}, "first_decay_steps"),
            ({"learning_rate": 0.1, "first_decay_steps": 5, "t_mul": 0.5}, "t_mul"),
            ({"learning_rate": 0.1, "first_decay_steps": 5, "m_mul": 0}, "m_mul"),
            ({"learning_rate": 0.1, "first_decay_steps": 5, "alpha": None}, "alpha"),
        ),
        no_trap=agrees("CosineDecayRestarts"),
        arguments=restarts,
    ),
    part(
        "LinearCosineDecay",
        mistakes(
            [("num_periods", 0.0), ("alpha", float("inf")), ("beta", float("nan"))]
        ),
        traps=(as_cosine("LinearCosineDecay"),),
        arguments=decays((), **waves),
    ),
    part(
        "NoisyLinearCosineDecay",
        mistakes(
            [
                ("initial_variance", 0.0),
                ("variance_decay", -1.0),
                ("num_periods", -0.5),
                ("seed", None),
                ("seed", 1.5),
            ]
        ),
        no_trap="Keras has no namesake, and none of its schedules has noise",
        proof="parity_tests/parts/schedules_test.py::test_noise_is_that_of_tf1_step_after_step",
        arguments=decays(
            (),
            initial_variance=number(0.01, 3.0, 1.0),
            variance_decay=number(0.01, 3.0, 0.55, 0.0, 0.5, 1.0, 2.0, 3.0),
            **waves,
        ),
    ),
)
