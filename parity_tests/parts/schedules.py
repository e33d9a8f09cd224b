"""Descriptors of tf1_semantics.schedules."""

import contextlib
import functools

import keras
import numpy as np
import tensorflow as tf
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.parts.descriptor import Part, Trap

OF_KERAS = keras.optimizers.schedules
PROOF = (
    "parity_tests/parts/schedules_test.py::test_rates_are_those_of_tf1_at_every_level"
)
STEPS = (1, 10, 100)


def rates_of_tf1(decay, steps, graph_seed=None, seeds=None):
    """The learning rates of a compat.v1 graph, as training there computes them.

    Nothing fetches them and the step is a resource variable: with an alpha or beta of
    zero, a fed step or a reference variable gives other last digits.

    Args:
        decay: function of the global step, a tensor, to a learning rate, a tensor.
        steps: ints, the step for one run of the Session after another.
        graph_seed: of the graph.
        seeds: a list that receives (graph seed, op seed) of the graph's random op.
    """
    with tf.Graph().as_default() as graph:
        if graph_seed is not None:
            tf.compat.v1.set_random_seed(graph_seed)
        global_step = tf.compat.v1.train.create_global_step()
        fed = tf.compat.v1.placeholder(tf.int64, [])
        count = global_step.assign(fed).op
        rate = decay(global_step)
        held = tf.compat.v1.get_variable(
            "rate", initializer=np.zeros([], rate.dtype.as_numpy_dtype)
        )
        train = held.assign(rate).op
        value = held.read_value()
    if seeds is not None:
        (random,) = [
            node for node in graph.get_operations() if node.type.startswith("Random")
        ]
        seeds.append((random.get_attr("seed"), random.get_attr("seed2")))
    rates = []
    with contextlib.closing(tf.compat.v1.Session(graph=graph)) as session:
        for step in steps:
            session.run(count, {fed: step})
            session.run(train)
            rates.append(session.run(value))
    return rates


def off(write, decay):
    """{step: error} of rates after so many steps."""
    expected = rates_of_tf1(decay, STEPS)
    compiled = tf.function(
        lambda step: write(step), input_signature=[tf.TensorSpec([], tf.int64)]
    )
    return {
        step: float(abs(compiled(step) - rate) / rate)
        for step, rate in zip(STEPS, expected, strict=False)
    }


@functools.cache
def off_without_global_step():
    """{step: error} for a program that minimises without ``global_step=``."""
    with tf.Graph().as_default() as graph:
        global_step = tf.compat.v1.train.create_global_step()
        rate = tf.compat.v1.train.exponential_decay(0.1, global_step, 10, 0.5)
        weights = tf.compat.v1.get_variable("weights", initializer=1.0)
        train = tf.compat.v1.train.GradientDescentOptimizer(rate).minimize(weights)
        initialise = tf.compat.v1.global_variables_initializer()
    written = OF_KERAS.ExponentialDecay(0.1, 10, 0.5)
    errors = {}
    with contextlib.closing(tf.compat.v1.Session(graph=graph)) as session:
        session.run(initialise)
        for step in range(1, 101):
            session.run(train)
            if step in STEPS:
                expected = session.run(rate)
                errors[step] = float(abs(written(step) - expected) / expected)
    return errors


def with_step_second(decay):
    """The decay as a function of (step, **arguments)."""

    def reference(step, learning_rate, dtype="float32", **arguments):
        if dtype == "float64":  # a Python number would be a float32
            learning_rate = np.float64(learning_rate)
        return decay(learning_rate, step, **arguments)

    return reference


def piecewise_constant(step, boundaries, values, dtype="float32"):
    values = [np.dtype(dtype).type(value) for value in values]
    boundaries = [step.dtype.as_numpy_dtype(boundary) for boundary in boundaries]
    return tf.compat.v1.train.piecewise_constant(step, boundaries, values)


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


def as_cosine(decay, name):
    return Trap(
        write="keras.optimizers.schedules.CosineDecay(0.1, 200)",
        off=lambda: off(
            OF_KERAS.CosineDecay(0.1, 200), lambda step: decay(0.1, step, 200)
        ),
        at_least={10: 0.01, 100: 0.3},
        instead=f"tf1_semantics.schedules.{name}(0.1, 200)",
    )


PARTS = (
    Part(
        name="schedules.ExponentialDecay",
        tf1="tf.train.exponential_decay",
        reference=with_step_second(tf.compat.v1.train.exponential_decay),
        arguments=exponential,
        samples=(
            {"learning_rate": 0.1, "decay_steps": 30, "decay_rate": 0.7},
            {
                "learning_rate": 1,
                "decay_steps": 100,
                "decay_rate": 0.96,
                "staircase": True,
                "dtype": "float64",
            },
        ),
        refused=mistakes(
            [("decay_rate", -0.5), ("decay_rate", float("nan")), ("dtype", "float16")],
            {"decay_rate": 0.9},
        ),
        proof=PROOF,
        traps=(
            Trap(
                write="keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5) for a "
                "program that calls minimize(loss) without global_step",
                off=off_without_global_step,
                at_least={10: 0.4, 100: 0.9},
                instead="0.1: the step stayed 0 and the rate never decayed",
            ),
        ),
    ),
    Part(
        name="schedules.NaturalExpDecay",
        tf1="tf.train.natural_exp_decay",
        reference=with_step_second(tf.compat.v1.train.natural_exp_decay),
        arguments=exponential,
        samples=({"learning_rate": 0.1, "decay_steps": 30, "decay_rate": 0.7},),
        refused=mistakes(
            [("decay_rate", -0.5), ("decay_rate", None), ("dtype", "float16")],
            {"decay_rate": 0.9},
        ),
        proof=PROOF,
        traps=(
            Trap(
                write="keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)",
                off=lambda: off(
                    OF_KERAS.ExponentialDecay(0.1, 10, 0.9),
                    lambda step: tf.compat.v1.train.natural_exp_decay(
                        0.1, step, 10, 0.9
                    ),
                ),
                at_least={1: 0.05, 10: 1.0, 100: 100.0},
                instead="tf1_semantics.schedules.NaturalExpDecay(0.1, 10, 0.9)",
            ),
        ),
    ),
    Part(
        name="schedules.InverseTimeDecay",
        tf1="tf.train.inverse_time_decay",
        reference=with_step_second(tf.compat.v1.train.inverse_time_decay),
        arguments=exponential,
        samples=(
            NAMESAKES["InverseTimeDecay"][1],
            {
                "learning_rate": 0.1,
                "decay_steps": 3,
                "decay_rate": 2,
                "staircase": True,
                "dtype": "float64",
            },
        ),
        refused=mistakes(
            [("decay_rate", -0.5), ("decay_rate", None), ("dtype", "float16")],
            {"decay_rate": 0.9},
        ),
        proof=PROOF,
        no_trap=agrees("InverseTimeDecay"),
    ),
    Part(
        name="schedules.PiecewiseConstant",
        tf1="tf.train.piecewise_constant",
        reference=piecewise_constant,
        arguments=pieces(),
        samples=(
            NAMESAKES["PiecewiseConstant"][1],
            {"boundaries": [5], "values": [1, 0.1], "dtype": "float64"},
        ),
        refused=(
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
        proof=PROOF,
        no_trap=agrees("PiecewiseConstant"),
    ),
    Part(
        name="schedules.PolynomialDecay",
        tf1="tf.train.polynomial_decay",
        reference=with_step_second(tf.compat.v1.train.polynomial_decay),
        arguments=polynomial,
        samples=(
            {"learning_rate": 0.1, "decay_steps": 30},
            NAMESAKES["PolynomialDecay"][1],
            {"learning_rate": 0.1, "decay_steps": 7, "power": 3.0, "cycle": True},
        ),
        refused=mistakes(
            [
                ("end_learning_rate", -1.0),
                ("power", -1.0),
                ("power", float("inf")),
                ("dtype", "float16"),
            ]
        )
        + (
            (
                {
                    "learning_rate": 0.1,
                    "decay_steps": 5,
                    "cycle": True,
                    "dtype": "float64",
                },
                "dtype",
            ),
        ),
        proof=PROOF,
        no_trap=agrees("PolynomialDecay"),
    ),
    Part(
        name="schedules.CosineDecay",
        tf1="tf.train.cosine_decay",
        reference=with_step_second(tf.compat.v1.train.cosine_decay),
        arguments=decays((), alpha=number(0.0, 1.0, 0.0, 0.1, 1.0)),
        samples=(
            {"learning_rate": 0.1, "decay_steps": 30},
            NAMESAKES["CosineDecay"][1],
        ),
        refused=mistakes([("alpha", float("nan")), ("alpha", "0.1")]),
        proof=PROOF,
        no_trap=agrees("CosineDecay"),
    ),
    Part(
        name="schedules.CosineDecayRestarts",
        tf1="tf.train.cosine_decay_restarts",
        reference=with_step_second(tf.compat.v1.train.cosine_decay_restarts),
        arguments=restarts,
        samples=(
            {"learning_rate": 0.1, "first_decay_steps": 5, "m_mul": 0.9},
            NAMESAKES["CosineDecayRestarts"][1],
            {"learning_rate": 0.1, "first_decay_steps": 3, "t_mul": 1.0},
        ),
        refused=(
            ({"learning_rate": -1.0, "first_decay_steps": 5}, "learning_rate"),
            ({"learning_rate": 0.1, "first_decay_steps": 0}, "first_decay_steps"),
            ({"learning_rate": 0.1, "first_decay_steps": 5, "t_mul": 0.5}, "t_mul"),
            ({"learning_rate": 0.1, "first_decay_steps": 5, "m_mul": 0}, "m_mul"),
            ({"learning_rate": 0.1, "first_decay_steps": 5, "alpha": None}, "alpha"),
        ),
        proof=PROOF,
        no_trap=agrees("CosineDecayRestarts"),
    ),
    Part(
        name="schedules.LinearCosineDecay",
        tf1="tf.train.linear_cosine_decay",
        reference=with_step_second(tf.compat.v1.train.linear_cosine_decay),
        arguments=decays((), **waves),
        samples=(
            {"learning_rate": 0.1, "decay_steps": 30},
            {
                "learning_rate": 0.3,
                "decay_steps": 7,
                "num_periods": 2,
                "alpha": 0.2,
                "beta": 0.0,
            },
        ),
        refused=mistakes(
            [
                ("num_periods", 0.0),
                ("alpha", float("inf")),
                ("beta", float("nan")),
            ]
        ),
        proof=PROOF,
        traps=(as_cosine(tf.compat.v1.train.linear_cosine_decay, "LinearCosineDecay"),),
    ),
    Part(
        name="schedules.NoisyLinearCosineDecay",
        tf1="tf.train.noisy_linear_cosine_decay",
        reference=with_step_second(tf.compat.v1.train.noisy_linear_cosine_decay),
        arguments=decays(
            (),
            initial_variance=number(0.01, 3.0, 1.0),
            variance_decay=number(0.01, 3.0, 0.55, 0.0, 0.5, 1.0, 2.0, 3.0),
            **waves,
        ),
        samples=(
            {"learning_rate": 0.1, "decay_steps": 30, "seed": (1, 2)},
            {
                "learning_rate": 0.3,
                "decay_steps": 7,
                "initial_variance": 0.5,
                "variance_decay": 1.0,
                "num_periods": 2,
                "alpha": 0.2,
                "beta": 0.0,
                "seed": 7,
            },
        ),
        refused=mistakes(
            [
                ("initial_variance", 0.0),
                ("variance_decay", -1.0),
                ("num_periods", -0.5),
                ("seed", None),
                ("seed", 1.5),
            ]
        ),
        proof="parity_tests/parts/schedules_test.py::test_noise_is_that_of_tf1_step_after_step",
        no_trap="Keras has no namesake, and none of its schedules has noise",
    ),
)
