"""Descriptors of tf1_semantics.initializers."""

import functools
import math

import keras
import numpy as np
import tensorflow as tf
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.parts.descriptor import Part, Trap
from tf2_keras import tf1_semantics

FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = ("int32", "int64")
# Rounds to one float16, and by way of float32 to the next.
BETWEEN_FLOAT16S = 0.055587768438749185
# What else than floats of any shape a part makes.
DTYPES = {
    "Orthogonal": ("float32", "float64"),
    "RandomUniform of integers": INTEGERS,
    "Constant of integers": INTEGERS,
}


def _of_compat(name):
    """The class in tf.compat.v1, which takes the same arguments."""
    return getattr(tf.compat.v1, name)


def contrib_variance_scaling(factor=2.0, mode="FAN_IN", uniform=False, seed=None):
    """What tf.contrib.layers.variance_scaling_initializer did, in compat.v1 ops."""

    def initialise(shape, dtype=tf.float32, **_):
        sizes = [float(size) for size in shape] or [1.0]
        window = math.prod(sizes[:-2])
        fan_in = window * (sizes[-2] if len(sizes) > 1 else sizes[-1])
        fan_out = window * sizes[-1]
        average = (fan_in + fan_out) / 2.0
        n = {"FAN_IN": fan_in, "FAN_OUT": fan_out, "FAN_AVG": average}[mode]
        if uniform:
            limit = math.sqrt(3.0 * factor / n)
            return tf.compat.v1.random_uniform(shape, -limit, limit, dtype, seed)
        stddev = math.sqrt(1.3 * factor / n)
        return tf.compat.v1.truncated_normal(shape, 0.0, stddev, dtype, seed)

    return initialise


def xavier(uniform=True, seed=None):
    """What tf.contrib.layers.xavier_initializer did."""
    return contrib_variance_scaling(1.0, "FAN_AVG", uniform, seed)


def values_of_tf1(reference, arguments, shape, dtype, graph_seed, op_seed):
    """What a variable starts with in a graph with these seeds.

    Args:
        reference: of the part.
        arguments: keyword arguments other than the seed.
        graph_seed: None for a graph without one.
        op_seed: None for an initialiser that takes none.
    """
    if op_seed is not None:
        arguments = {**arguments, "seed": op_seed}
    with tf.Graph().as_default() as graph:
        if graph_seed is not None:
            tf.compat.v1.set_random_seed(graph_seed)
        variable = tf.compat.v1.get_variable(
            "variable", shape, dtype, initializer=reference(**arguments)
        )
    with tf.compat.v1.Session(graph=graph) as session:
        session.run(variable.initializer)
        return session.run(variable)


@functools.cache
def _reference_of_trap(reference, arguments, shape):
    arguments = dict(arguments)
    op_seed = arguments.pop("seed", None)
    return values_of_tf1(reference, arguments, shape, "float32", None, op_seed)


def relative_error(expected, received):
    """The largest difference over the largest magnitude of what is expected."""
    difference = np.abs(np.asarray(received, np.float64) - expected).max()
    return float(difference / np.abs(expected).max())


def _trap(write, reference, arguments, naive, at_least, instead, shape=(64, 32)):
    """A trap that makes a kernel; its error is measured at the first step."""

    def off():
        expected = _reference_of_trap(reference, tuple(arguments.items()), shape)
        received = naive()(shape, dtype="float32")
        return {1: relative_error(expected, received.numpy())}

    return Trap(write, off, {1: at_least}, instead)


def _other_numbers(name, reference, arguments=(), at_least=0.5):
    """The same-named Keras initialiser with the same arguments and seed."""
    arguments = {**dict(arguments), "seed": 42}
    shown = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    return _trap(
        f"keras.initializers.{name}({shown})",
        reference,
        arguments,
        lambda: getattr(keras.initializers, name)(**arguments),
        at_least,
        f"tf1_semantics.initializers.{name}({shown})",
    )


def _part(name, tf1, reference, **rest):
    return Part(
        name=f"initializers.{name}",
        tf1=tf1,
        reference=reference,
        proof="parity_tests/parts/initializers_test.py::test_values_are_those_of_tf1",
        **rest,
    )


def _scaling(name, reference):
    """A variance scaling that TF1 gave a name: only its seed is free."""
    return _part(
        name,
        f"tf.initializers.{reference}",
        getattr(tf.compat.v1.initializers, reference),
        arguments=st.just({}),
        samples=({}, {"seed": 7}, {"seed": (1, 42)}),
        refused=REFUSED_SEEDS,
        traps=(_other_numbers(name, getattr(tf.compat.v1.initializers, reference)),),
    )


REFUSED_SEEDS = tuple(
    ({"seed": seed}, "seed")
    for seed in (None, 1.5, True, "1", (1, 2, 3), (1, None), 2**63, (-(2**63) - 1, 0))
)
NOT_A_NUMBER = (float("nan"), float("inf"), "1", True)
NORMAL = strategies.hyperparameters(
    mean=[0.0, 1.0, -0.3, 1e-3, 1e4], stddev=[0.0, 0.1, 1.0, 1e-7, 123.456, -0.5]
)
NORMAL_REFUSED = (
    *REFUSED_SEEDS,
    *(({"mean": value}, "mean") for value in NOT_A_NUMBER),
    *(({"stddev": value}, "stddev") for value in (*NOT_A_NUMBER, None)),
)
NORMAL_SAMPLES = ({}, {"mean": 0.3, "stddev": -0.1, "seed": 5}, {"seed": (1, 42)})
# Integers and floats: TF1 adds nothing where minval is the int 0.
UNIFORM = strategies.hyperparameters(
    minval=[0, 0.0, -0.3, 0.1, 5, -1e4], maxval=[None, 1, 0.7, 1e-3, -2.0, 300]
)
INTEGER_RANGES = st.tuples(st.integers(-(2**31), 2**31 - 2), st.integers(1, 2**32)).map(
    lambda pair: {"minval": pair[0], "maxval": min(sum(pair), 2**31 - 1)}
)
VARIANCE_SCALING = tf1_semantics.initializers.VarianceScaling
CONTRIB_MODES = tf1_semantics.initializers.ContribVarianceScaling.MODES

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

PARTS = (
    _part(
        "RandomNormal",
        "tf.random_normal_initializer",
        _of_compat("random_normal_initializer"),
        arguments=NORMAL,
        samples=NORMAL_SAMPLES,
        refused=NORMAL_REFUSED,
        traps=(
            _other_numbers("RandomNormal", _of_compat("random_normal_initializer")),
            _other_numbers(
                "RandomNormal",
                _of_compat("random_normal_initializer"),
                {"mean": 0.0, "stddev": 1.0},
            ),
        ),
    ),
    _part(
        "TruncatedNormal",
        "tf.truncated_normal_initializer",
        _of_compat("truncated_normal_initializer"),
        arguments=NORMAL,
        samples=NORMAL_SAMPLES,
        refused=NORMAL_REFUSED,
        traps=(
            _other_numbers(
                "TruncatedNormal", _of_compat("truncated_normal_initializer")
            ),
            # The same distribution, other numbers.
            _other_numbers(
                "TruncatedNormal",
                _of_compat("truncated_normal_initializer"),
                {"mean": 0.0, "stddev": 0.1},
            ),
        ),
    ),
    _part(
        "RandomUniform",
        "tf.random_uniform_initializer",
        _of_compat("random_uniform_initializer"),
        arguments=UNIFORM,
        samples=(
            {},
            {"minval": -0.3, "maxval": 0.7, "seed": 5},
            {"minval": -5, "maxval": 17, "seed": (1, 42)},
        ),
        refused=(
            *REFUSED_SEEDS,
            *(({"minval": value}, "minval") for value in (*NOT_A_NUMBER, None)),
            *(({"maxval": value}, "maxval") for value in NOT_A_NUMBER),
        ),
        traps=(
            _other_numbers("RandomUniform", _of_compat("random_uniform_initializer")),
            _other_numbers(
                "RandomUniform",
                _of_compat("random_uniform_initializer"),
                {"minval": -0.1, "maxval": 0.1},
            ),
        ),
    ),
    _part(
        "VarianceScaling",
        "tf.variance_scaling_initializer",
        _of_compat("variance_scaling_initializer"),
        arguments=strategies.hyperparameters(
            scale=(1e-3, 1e3),
            mode=list(VARIANCE_SCALING.MODES),
            distribution=list(VARIANCE_SCALING.DISTRIBUTIONS),
        ),
        samples=(
            {},
            {"scale": 2.0, "mode": "fan_avg", "distribution": "uniform", "seed": 3},
            {"distribution": "untruncated_normal", "seed": (1, 42)},
        ),
        refused=(
            *REFUSED_SEEDS,
            *(({"scale": value}, "scale") for value in (0.0, -1.0, *NOT_A_NUMBER)),
            ({"mode": "fan_average"}, "mode"),
            ({"mode": "FAN_IN"}, "mode"),
            ({"distribution": "gaussian"}, "distribution"),
        ),
        traps=(
            _other_numbers(
                "VarianceScaling", _of_compat("variance_scaling_initializer")
            ),
        ),
    ),
    _scaling("GlorotUniform", "glorot_uniform"),
    _scaling("GlorotNormal", "glorot_normal"),
    _scaling("HeNormal", "he_normal"),
    _scaling("HeUniform", "he_uniform"),
    _scaling("LecunNormal", "lecun_normal"),
    _scaling("LecunUniform", "lecun_uniform"),
    _part(
        "ContribVarianceScaling",
        "tf.contrib.layers.variance_scaling_initializer",
        contrib_variance_scaling,
        arguments=strategies.hyperparameters(
            factor=(1e-3, 1e3), mode=list(CONTRIB_MODES), uniform=[False, True]
        ),
        samples=(
            {},
            {"factor": 1.0, "mode": "FAN_AVG", "uniform": True, "seed": 3},
            {"mode": "FAN_OUT", "seed": (1, 42)},
        ),
        refused=(
            *REFUSED_SEEDS,
            *(({"factor": value}, "factor") for value in (0.0, -1.0, *NOT_A_NUMBER)),
            ({"mode": "fan_in"}, "mode"),
            ({"uniform": 1}, "uniform"),
        ),
        traps=(
            _trap(
                "keras.initializers.HeNormal(seed=42)",
                contrib_variance_scaling,
                {"seed": 42},
                lambda: keras.initializers.HeNormal(seed=42),
                0.5,
                "tf1_semantics.initializers.ContribVarianceScaling(seed=42)",
            ),
            # The same stream; contrib corrects for the truncation by 1.3, not 1.2924.
            _trap(
                "tf1_semantics.initializers.HeNormal(seed=42)",
                contrib_variance_scaling,
                {"seed": 42},
                lambda: tf1_semantics.initializers.HeNormal(seed=42),
                0.002,
                "tf1_semantics.initializers.ContribVarianceScaling(seed=42)",
            ),
        ),
    ),
    _part(
        "Xavier",
        "tf.contrib.layers.xavier_initializer",
        xavier,
        arguments=strategies.hyperparameters(uniform=[False, True]),
        samples=({}, {"uniform": False, "seed": 3}, {"seed": (1, 42)}),
        refused=(*REFUSED_SEEDS, ({"uniform": None}, "uniform")),
        traps=(
            _trap(
                "keras.initializers.GlorotUniform(seed=42)",
                xavier,
                {"seed": 42},
                lambda: keras.initializers.GlorotUniform(seed=42),
                0.5,
                "tf1_semantics.initializers.Xavier(seed=42)",
            ),
            _trap(
                "tf1_semantics.initializers.GlorotNormal(seed=42)",
                xavier,
                {"uniform": False, "seed": 42},
                lambda: tf1_semantics.initializers.GlorotNormal(seed=42),
                0.002,
                "tf1_semantics.initializers.Xavier(uniform=False, seed=42)",
            ),
        ),
    ),
    _part(
        "UniformUnitScaling",
        "tf.uniform_unit_scaling_initializer",
        _of_compat("uniform_unit_scaling_initializer"),
        arguments=strategies.hyperparameters(factor=[1.0, 1.15, 1.43, 0.0, -0.7]),
        samples=({}, {"factor": 1.43, "seed": 3}, {"seed": (1, 42)}),
        refused=(
            *REFUSED_SEEDS,
            *(({"factor": value}, "factor") for value in NOT_A_NUMBER),
        ),
        traps=(
            _trap(
                'keras.initializers.VarianceScaling(1.43, "fan_in", "uniform", seed=42)',
                _of_compat("uniform_unit_scaling_initializer"),
                {"factor": 1.43, "seed": 42},
                lambda: keras.initializers.VarianceScaling(
                    1.43, "fan_in", "uniform", seed=42
                ),
                0.5,
                "tf1_semantics.initializers.UniformUnitScaling(1.43, seed=42)",
            ),
            # The same stream; the factor is one of the limit, not of the variance.
            _trap(
                "tf1_semantics.initializers.VarianceScaling("
                '1.43, "fan_in", "uniform", seed=42)',
                _of_compat("uniform_unit_scaling_initializer"),
                {"factor": 1.43, "seed": 42},
                lambda: VARIANCE_SCALING(1.43, "fan_in", "uniform", seed=42),
                0.1,
                "tf1_semantics.initializers.UniformUnitScaling(1.43, seed=42)",
            ),
        ),
    ),
    _part(
        "Orthogonal",
        "tf.orthogonal_initializer",
        _of_compat("orthogonal_initializer"),
        arguments=strategies.hyperparameters(gain=[1.0, 1.41, -0.3, 0.0]),
        samples=({}, {"gain": 1.41, "seed": 3}, {"seed": (1, 42)}),
        refused=(
            *REFUSED_SEEDS,
            *(({"gain": value}, "gain") for value in NOT_A_NUMBER),
        ),
        traps=(_other_numbers("Orthogonal", _of_compat("orthogonal_initializer")),),
    ),
    _part(
        "Identity",
        "tf.initializers.identity",
        tf.compat.v1.initializers.identity,
        arguments=strategies.hyperparameters(gain=[1.0, 1.41, -0.3, 0.0]),
        samples=({}, {"gain": -0.3}),
        refused=tuple(({"gain": value}, "gain") for value in NOT_A_NUMBER),
        no_trap="keras.initializers.Identity agrees to the bit",
    ),
    _part(
        "Constant",
        "tf.constant_initializer",
        _of_compat("constant_initializer"),
        arguments=CONSTANTS,
        samples=(
            {},
            {"value": 0.1},
            {"value": [[1, 2], [3, 4]], "verify_shape": True},
            {"value": (1.5, 2.5)},
            {"value": np.float32([0.1, 0.7])},
        ),
        refused=(
            ({"value": None}, "value"),
            ({"value": "0.1"}, "value"),
            ({"value": [[1, 2], [3]]}, "value"),
            ({"value": 1j}, "value"),
            ({"value": 0.1, "verify_shape": None}, "verify_shape"),
        ),
        traps=(
            # Two values, three rows of two: TF1 repeats the last, Keras the row.
            _trap(
                "keras.initializers.Constant([1.0, 2.0])",
                _of_compat("constant_initializer"),
                {"value": (1.0, 2.0)},
                lambda: keras.initializers.Constant([1.0, 2.0]),
                0.4,
                "tf1_semantics.initializers.Constant([1.0, 2.0])",
                shape=(3, 2),
            ),
        ),
    ),
)
