"""TF1's random initialisers as Keras ones, against compat.v1 graphs."""

import keras
import pytest
import tensorflow as tf
from hypothesis import example, given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.engine.comparison import compare_runs
from tf2_keras import tf1_semantics

DTYPES = ("float16", "bfloat16", "float32", "float64")
OF_TF1 = {
    "RandomNormal": tf.compat.v1.random_normal_initializer,
    "TruncatedNormal": tf.compat.v1.truncated_normal_initializer,
    "VarianceScaling": tf.compat.v1.variance_scaling_initializer,
}
INT64 = st.integers(-(2**63), 2**63 - 1)
seeds = strategies.seeds() | INT64 | INT64.map(lambda seed: seed % 1000)
normal_arguments = strategies.hyperparameters(
    mean=[0.0, 1.0, -0.3, 1e-3, 1e4], stddev=[0.0, 0.1, 1.0, 1e-7, 123.456]
)
ARGUMENTS = {
    "RandomNormal": normal_arguments,
    "TruncatedNormal": normal_arguments,
    "VarianceScaling": strategies.hyperparameters(
        scale=(1e-3, 1e3),
        mode=list(tf1_semantics.initializers.VarianceScaling.MODES),
        distribution=list(tf1_semantics.initializers.VarianceScaling.DISTRIBUTIONS),
    ),
}
shapes = st.lists(st.integers(1, 7), max_size=4).map(tuple) | st.sampled_from(
    [(0,), (3, 0), (300,), (64, 33), (3, 3, 16, 8), (5, 5, 5, 2, 3)]
)


@st.composite
def initialisers(draw):
    """(name, arguments) of one of the three."""
    name = draw(st.sampled_from(sorted(OF_TF1)))
    return name, draw(ARGUMENTS[name])


def values_of_tf1(name, arguments, shape, dtype, graph_seed, op_seed):
    """What a variable starts with in a graph with these seeds."""
    with tf.Graph().as_default() as graph:
        if graph_seed is not None:
            tf.compat.v1.set_random_seed(graph_seed)
        variable = tf.compat.v1.get_variable(
            "variable",
            shape,
            dtype,
            initializer=OF_TF1[name](**arguments, seed=op_seed),
        )
    with tf.compat.v1.Session(graph=graph) as session:
        session.run(variable.initializer)
        return session.run(variable)


def initialiser(name, arguments, graph_seed, op_seed):
    seed = op_seed if graph_seed is None else (graph_seed, op_seed)
    return getattr(tf1_semantics.initializers, name)(**arguments, seed=seed)


def require_equal(expected, received):
    """Fails unless the two are the same to the bit; an empty tensor equals another."""
    assert expected.shape == received.shape and expected.dtype == received.dtype
    if expected.size:
        compare_runs(
            [{"initial values": {"variable": expected}}],
            [{"initial values": {"variable": received}}],
        ).require_agreement()


@given(
    kind=initialisers(),
    shape=shapes,
    dtype=st.sampled_from(DTYPES),
    graph_seed=st.none() | seeds,
    op_seed=seeds,
)
@example(("RandomNormal", {}), (3,), "float32", 0, 0)  # TF1 makes it (0, 2**31 - 1)
@example(("RandomNormal", {}), (3,), "float32", 2**31 - 1, 2**31 - 1)
@example(("TruncatedNormal", {}), (3,), "float32", None, -1)
@example(("VarianceScaling", {}), (), "float32", 1, 2)
@example(("VarianceScaling", {}), (4, 5), "float16", -(2**63), 2**63 - 1)
def test_values_are_those_of_tf1(kind, shape, dtype, graph_seed, op_seed):
    name, arguments = kind
    expected = values_of_tf1(name, arguments, shape, dtype, graph_seed, op_seed)
    received = initialiser(name, arguments, graph_seed, op_seed)(shape, dtype)
    require_equal(expected, received.numpy())


@pytest.mark.parametrize("distribution", tf1_semantics.initializers.VarianceScaling.DISTRIBUTIONS)
@pytest.mark.parametrize("mode", tf1_semantics.initializers.VarianceScaling.MODES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_variance_scaling_is_that_of_tf1(mode, distribution, dtype):
    arguments = {"scale": 2.0, "mode": mode, "distribution": distribution}
    for shape in [(), (5,), (17, 31), (3, 3, 8, 16), (2, 3, 4, 5, 6)]:
        expected = values_of_tf1("VarianceScaling", arguments, shape, dtype, 1, 2)
        received = initialiser("VarianceScaling", arguments, 1, 2)(shape, dtype)
        require_equal(expected, received.numpy())


@given(kind=initialisers(), shape=shapes, dtype=st.sampled_from(DTYPES), seed=seeds)
def test_a_function_draws_what_eager_code_draws(kind, shape, dtype, seed):
    made = initialiser(*kind, None, seed)
    require_equal(
        made(shape, dtype).numpy(), tf.function(lambda: made(shape, dtype))().numpy()
    )


@given(kind=initialisers(), seed=seeds)
def test_the_same_comes_out_at_every_call_whatever_the_global_seeds(kind, seed):
    made = initialiser(*kind, None, seed)
    first = made((3, 4)).numpy()
    keras.utils.set_random_seed(seed % 1000)
    tf.random.normal([5])
    require_equal(first, made((3, 4)).numpy())


@given(kind=initialisers(), graph_seed=st.none() | seeds, op_seed=seeds)
def test_a_configuration_makes_the_same_initialiser_again(kind, graph_seed, op_seed):
    original = initialiser(*kind, graph_seed, op_seed)
    copies = [
        type(original).from_config(original.get_config()),
        keras.initializers.deserialize(keras.initializers.serialize(original)),
    ]
    for copy in copies:
        assert type(copy) is type(original)
        require_equal(original((2, 3)).numpy(), copy((2, 3)).numpy())


def test_a_saved_layer_keeps_its_initialiser(tmp_path):
    initial = tf1_semantics.initializers.VarianceScaling(2.0, seed=(1, 42))
    layer = keras.layers.Dense(3, kernel_initializer=initial)
    model = keras.Sequential([keras.Input((4,)), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    again = loaded.layers[0].kernel_initializer
    require_equal(layer.kernel.numpy(), again((4, 3)).numpy())


def test_layers_use_it_in_their_own_dtype():
    for dtype in ("float16", "float32", "float64"):
        initial = tf1_semantics.initializers.TruncatedNormal(stddev=0.1, seed=(1, 2))
        layer = keras.layers.Dense(5, kernel_initializer=initial, dtype=dtype)
        layer.build((None, 4))
        expected = values_of_tf1(
            "TruncatedNormal", {"stddev": 0.1}, (4, 5), dtype, 1, 2
        )
        require_equal(expected, layer.kernel.numpy())


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("RandomNormal", {"seed": None}),
        ("RandomNormal", {"seed": 1.5}),
        ("RandomNormal", {"seed": True}),
        ("RandomNormal", {"seed": (1, 2, 3)}),
        ("TruncatedNormal", {"seed": (1, None)}),
        ("TruncatedNormal", {"seed": "1"}),
        ("VarianceScaling", {"scale": 0.0}),
        ("VarianceScaling", {"scale": -1.0}),
        ("VarianceScaling", {"scale": float("nan")}),
        ("VarianceScaling", {"mode": "fan_average"}),
        ("VarianceScaling", {"distribution": "gaussian"}),
        ("VarianceScaling", {"seed": 2**64}),
    ],
)
def test_bad_arguments_are_told_by_rule_received_and_remedy(name, arguments):
    with pytest.raises(ValueError) as caught:
        getattr(tf1_semantics.initializers, name)(**{"seed": 1, **arguments})
    message = str(caught.value)
    ((wrong, value),) = arguments.items()
    assert message.startswith(f"{wrong} must be ")
    assert f". Received: {value!r}. Use " in message and message.endswith(".")
