"""TF1's initialisers as Keras ones, beside TF1's programs.

What they refuse and how they are configured is tested with all parts, in parts_test.py.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.engine.comparison import compare_plays
from parity_tests.pair.pair import Pair
from parity_tests.parts import initializers
from parity_tests.parts.initializers import (
    BETWEEN_FLOAT16S,
    CONSTANTS,
    FLOATS,
    INTEGER_RANGES,
    INTEGERS,
    relative_error,
)
from parity_tests.parts.making import made
from tf1_graph import session
from tf1_graph.parts import initializers as tf1_initializers
from tf1_graph.parts.initializers import MOVES, UNSEEDED
from tf2_keras import tf1_semantics
from tf2_keras.tf1_semantics.initializers import VarianceScaling

PARTS = {part.name.partition(".")[2]: part for part in initializers.PARTS}
SEEDED = sorted(name for name, part in PARTS.items() if part.name not in UNSEEDED)
# What not every initialiser makes: floats of any kind.
DTYPES = {"Orthogonal": ("float32", "float64")}
INT64 = st.integers(-(2**63), 2**63 - 1)
seeds = strategies.seeds() | INT64 | INT64.map(lambda seed: seed % 1000)
sizes = st.integers(1, 7)
shapes = st.lists(sizes, max_size=4).map(tuple) | st.sampled_from(
    [(0,), (3, 0), (300,), (64, 33), (3, 3, 16, 8), (5, 5, 5, 2, 3)]
)
kernels = st.lists(sizes, min_size=2, max_size=4).map(tuple) | st.sampled_from(
    [(64, 33), (33, 64), (3, 3, 16, 8)]
)
SHAPES = {
    "Orthogonal": kernels,
    "Identity": st.tuples(sizes, sizes),
    # As many as a constant may hold, and not zero, where TF1 divides by zero.
    "Constant": st.sampled_from([(9,), (3, 4), (10,), (2, 5, 3)]),
    "ContribVarianceScaling": shapes.filter(lambda shape: 0 not in shape),
    "Xavier": shapes.filter(lambda shape: 0 not in shape),
}


@st.composite
def problems(draw, name):
    """(arguments, shape, dtype) for one of the parts."""
    shape = draw(SHAPES.get(name, shapes))
    if name in ("RandomUniform", "Constant") and draw(st.booleans()):
        integers = CONSTANTS.filter(lambda drawn: _is_of_integers(drawn["value"]))
        arguments = draw(INTEGER_RANGES if name == "RandomUniform" else integers)
        return arguments, shape, draw(st.sampled_from(INTEGERS))
    dtype = draw(st.sampled_from(DTYPES.get(name, FLOATS)))
    return draw(PARTS[name].arguments), shape, dtype


def _is_of_integers(value):
    return np.asarray(value).dtype.kind == "i"


def with_seed(arguments, graph_seed, op_seed):
    """Arguments with the seeds of a graph and an op; without any if there is none."""
    if op_seed is None:
        return arguments
    seed = op_seed if graph_seed is None else (graph_seed, op_seed)
    return {**arguments, "seed": seed}


def initialiser(name, arguments, graph_seed=None, op_seed=None):
    return made(f"initializers.{name}", with_seed(arguments, graph_seed, op_seed))


def value_of_tf1(name, arguments, shape, dtype):
    """What a variable starts with in a TF1 graph."""
    program = tf1_initializers.program(
        f"initializers.{name}", arguments, (shape, dtype)
    )
    *_, record = session.play(program, MOVES)
    return record["initial values"]["variable"]


def require_equal(expected, received):
    """Fails unless the two are the same to the bit; an empty tensor equals another."""
    assert expected.shape == received.shape and expected.dtype == received.dtype
    if expected.size:
        compare_plays(
            [{"initial values": {"variable": expected}}],
            [{"initial values": {"variable": received}}],
        ).require_agreement()


def require_parity(
    name, problem, graph_seed, op_seed, initializer=None, levels=("eager", "function")
):
    """Fails unless both sides make the same, to the bit."""
    arguments, *problem = problem
    arguments = (
        with_seed(arguments, graph_seed, op_seed) if name in SEEDED else arguments
    )
    part = f"initializers.{name}"
    with Pair(
        tf1_initializers.program(part, arguments, problem),
        initializers.twin(part, arguments, problem, initializer),
    ) as pair:
        for level in levels:
            comparison = pair.compare(MOVES, level)
            if 0 in problem[0]:  # nothing to compare but shape and dtype
                assert comparison.first_divergence is None
            else:
                comparison.require_agreement()


@pytest.mark.parametrize("name", sorted(PARTS))
@given(data=st.data())
def test_values_are_those_of_tf1(name, data):
    problem = data.draw(problems(name))
    require_parity(name, problem, data.draw(st.none() | seeds), data.draw(seeds))


NORMAL = "RandomNormal", ({}, (3,), "float32")
CASES = [
    (*NORMAL, 0, 0),  # TF1 makes it (0, 2**31 - 1)
    (*NORMAL, 2**31 - 1, 2**31 - 1),
    ("TruncatedNormal", ({}, (3,), "float32"), None, -1),
    ("VarianceScaling", ({}, (), "float32"), 1, 2),
    ("VarianceScaling", ({}, (4, 5), "float16"), -(2**63), 2**63 - 1),
    ("RandomUniform", ({"minval": -0.0, "maxval": -1.0}, (9,), "float32"), 1, 2),
    ("RandomUniform", ({"minval": 0, "maxval": 1.0}, (9,), "bfloat16"), 1, 2),
    # Both ends are rounded before they are subtracted: 0.7 - 0.1 is not 0.6.
    ("RandomUniform", ({"minval": 0.1, "maxval": 0.7}, (300,), "float32"), 1, 2),
    ("RandomUniform", ({"minval": 0.3, "maxval": 0.9}, (300,), "float16"), 1, 2),
    # Rounded to float32 first, it would lie between two float16s.
    ("RandomNormal", ({"stddev": BETWEEN_FLOAT16S}, (9,), "float16"), 1, 2),
    ("RandomUniform", ({"maxval": BETWEEN_FLOAT16S}, (9,), "float16"), 1, 2),
    ("Orthogonal", ({"gain": BETWEEN_FLOAT16S}, (9, 3), "float32"), 1, 2),
    ("Identity", ({"gain": BETWEEN_FLOAT16S}, (3, 5), "float16"), None, None),
    ("Constant", ({"value": BETWEEN_FLOAT16S}, (3,), "float16"), None, None),
    ("RandomUniform", ({"minval": 3, "maxval": 2**40}, (9,), "int64"), 1, 2),
    ("Orthogonal", ({"gain": 1.3}, (160, 160), "float32"), 1, 2),
    ("Orthogonal", ({"gain": 1.3}, (3, 3, 64, 96), "float64"), 1, 2),
    ("Constant", ({"value": []}, (3,), "int32"), None, None),
    ("Constant", ({"value": [1, 2]}, (0, 2), "float32"), None, None),
    ("Constant", ({"value": 0.1}, (), "float32"), None, None),
    ("Constant", ({"value": True}, (2,), "float32"), None, None),
    ("Identity", ({"gain": -1.0}, (3, 5), "float16"), None, None),
]


@pytest.mark.parametrize("name, problem, graph_seed, op_seed", CASES)
def test_corner_cases_are_those_of_tf1(name, problem, graph_seed, op_seed):
    require_parity(name, problem, graph_seed, op_seed)


@pytest.mark.parametrize("name", sorted(PARTS))
def test_values_in_fit_are_those_of_tf1(name):
    arguments = {"value": 0.3} if name == "Constant" else {}
    require_parity(name, (arguments, (3, 4), "float32"), 1, 2, levels=["fit"])


@pytest.mark.parametrize("distribution", VarianceScaling.DISTRIBUTIONS)
@pytest.mark.parametrize("mode", VarianceScaling.MODES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_every_variance_scaling_is_that_of_tf1(mode, distribution, dtype):
    arguments = {"scale": 2.0, "mode": mode, "distribution": distribution}
    for shape in [(), (5,), (17, 31), (2, 3, 4, 5, 6)]:
        problem = arguments, shape, dtype
        require_parity("VarianceScaling", problem, 1, 2, levels=["eager"])


@pytest.mark.parametrize(
    "name, sample",
    [(name, sample) for name in SEEDED for sample in PARTS[name].samples],
)
def test_nothing_but_the_seed_decides_what_comes_out(name, sample):
    """Not global seeds, call order, retracing or other instances."""
    made_first, other = (initialiser(name, sample) for _ in range(2))
    problem = (3, 4), "int32" if sample.get("minval") == -5 else "float32"
    first = made_first(*problem).numpy()
    keras.utils.set_random_seed(7)
    tf.random.normal([5])
    require_equal(first, made_first(*problem).numpy())
    drawn_again = tf.function(lambda _: made_first(*problem))
    for anything in (tf.zeros([1]), tf.zeros([2, 2])):  # the second is traced anew
        require_equal(first, drawn_again(anything).numpy())
    require_equal(first, other(*problem).numpy())


@pytest.mark.parametrize("name", SEEDED)
def test_layers_that_share_it_start_alike(name):
    shared = initialiser(name, {}, None, 5)
    expected = shared((3, 4)).numpy()
    for _ in range(2):
        layer = keras.layers.Dense(4, kernel_initializer=shared)
        layer.build((None, 3))
        require_equal(expected, layer.kernel.numpy())


@pytest.mark.parametrize("name", SEEDED)
def test_another_seed_makes_other_numbers(name):
    """Both of a pair count; and every seed of int64 is another up to its modulus."""
    pairs = [(1, 2), (2, 2), (1, 3), (2, 1), (87654321, 2), 3]
    made = [
        initialiser(name, {"seed": pair})((5, 4), "float32").numpy().tobytes()
        for pair in pairs
    ]
    assert len(set(made)) == len(pairs)
    again = initialiser(name, {"seed": (1 + 2**31 - 1, 2 - (2**31 - 1))})
    assert again((5, 4), "float32").numpy().tobytes() == made[0]


def test_a_saved_layer_keeps_its_initialiser(tmp_path):
    initial = tf1_semantics.initializers.VarianceScaling(2.0, seed=(1, 42))
    layer = keras.layers.Dense(3, kernel_initializer=initial)
    model = keras.Sequential([keras.Input((4,)), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    again = loaded.layers[0].kernel_initializer
    require_equal(layer.kernel.numpy(), again((4, 3)).numpy())


@pytest.mark.parametrize("name", sorted(PARTS))
def test_layers_use_it_in_their_own_dtype(name):
    arguments = {"value": [0.1, 0.2, 0.7]} if name == "Constant" else {}
    if name in SEEDED:
        arguments = with_seed(arguments, 1, 2)
    for dtype in DTYPES.get(name, ("float16", "float32", "float64")):
        layer = keras.layers.Dense(
            5, kernel_initializer=initialiser(name, arguments), dtype=dtype
        )
        layer.build((None, 4))
        expected = value_of_tf1(name, arguments, (4, 5), dtype)
        require_equal(expected, layer.kernel.numpy())


@pytest.mark.parametrize("name", SEEDED)
def test_xla_which_draws_other_numbers_is_refused(name):
    made = initialiser(name, {}, 1, 2)
    with pytest.raises(NotImplementedError, match="Use jit_compile=False"):
        tf.function(lambda: made((3, 3)), jit_compile=True)()


@pytest.mark.parametrize(
    "name, arguments, shape, dtype, wrong",
    [
        ("Orthogonal", {}, (3,), "float32", "shape"),
        ("Orthogonal", {}, (3, 3), "float16", "dtype"),
        ("Identity", {}, (3, 3, 3), "float32", "shape"),
        ("Identity", {}, (3,), "float32", "shape"),
        ("RandomUniform", {}, (3,), "int32", "maxval"),
        ("RandomUniform", {"maxval": 1.5}, (3,), "int32", "maxval"),
        ("RandomUniform", {"minval": 2, "maxval": 2}, (3,), "int64", "maxval"),
        ("Constant", {"value": [1.0, 2.0, 3.0]}, (2,), "float32", "value"),
        ("Constant", {"value": 0.5}, (2,), "int32", "value"),
        ("Constant", {"value": [1, 2], "verify_shape": True}, (2, 1), "int32", "value"),
        ("ContribVarianceScaling", {}, (0, 3), "float32", "shape"),
    ],
)
def test_a_shape_or_dtype_that_does_not_suit_is_refused(
    name, arguments, shape, dtype, wrong
):
    with pytest.raises(ValueError) as caught:
        initialiser(name, arguments)(shape, dtype)
    message = str(caught.value)
    assert message.startswith(f"{wrong} must ")
    assert ". Received: " in message and ". Use " in message and message.endswith(".")


def test_where_keras_agrees():
    """Identity, Constant with one value, and the limits and spreads of the others."""
    for name, arguments, of_keras in (
        ("Identity", {"gain": -1.3}, keras.initializers.Identity(-1.3)),
        ("Constant", {"value": 0.1}, keras.initializers.Constant(0.1)),
    ):
        problem = arguments, (3, 4), "float32"
        require_parity(name, problem, None, None, of_keras)
    for name in ("GlorotUniform", "HeUniform", "LecunUniform"):
        expected = value_of_tf1(name, {"seed": 0}, (200, 200), "float32")
        received = getattr(keras.initializers, name)(seed=1)((200, 200)).numpy()
        largest = (np.abs(value).max() for value in (expected, received))
        assert relative_error(*largest) < 0.001


def test_planted_faults_are_found():
    """One ULP more in the spread; a stream that was read before."""
    problem = {}, (3, 4), "float32"
    sound = initialiser("TruncatedNormal", {}, 1, 2)
    require_parity("TruncatedNormal", problem, 1, 2, sound)
    wider = float(np.nextafter(1, 2, dtype=np.float32))
    for wrong in (
        initialiser("TruncatedNormal", {"stddev": wider}, 1, 2),
        lambda shape, dtype: sound((shape[0] + 1, *shape[1:]), dtype)[1:],
    ):
        with pytest.raises(AssertionError):
            require_parity("TruncatedNormal", problem, 1, 2, wrong)
