"""The claims about TF1's dropout as a layer: the same mask at the same step."""

import contextlib
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1
from hypothesis import example, given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.witness import stored
from parity_tests.witness.programs import dropout as of_1_15_5
from tf2_keras import tf1_semantics
from tf2_keras.tf1_semantics import philox
from tf2_keras.tf1_semantics.layers.dropout import SCALINGS

SEED = (1, 14)
BOTH_KINDS = pytest.mark.parametrize(
    "fed", [pytest.param(True, id="fed"), pytest.param(False, id="number")]
)


BOTH_AGES = pytest.mark.parametrize("scaling", SCALINGS)


def dropout_of_1_15(x, keep_prob, seed):
    """nn_ops.dropout of 1.15, in ops of today's compat.v1."""
    rate = tf.convert_to_tensor(1 - keep_prob, x.dtype)
    kept = tf1.random_uniform(tf.shape(x), seed=seed, dtype=x.dtype) >= rate
    return x * (1 / (1 - rate)) * tf.cast(kept, x.dtype)


def dropout_of_compat_v1(x, keep_prob, seed):
    return tf1.nn.dropout(x, keep_prob=keep_prob, seed=seed)


REFERENCES = {"1.15": dropout_of_1_15, "compat.v1": dropout_of_compat_v1}


@contextlib.contextmanager
def session_of_dropout(keep_prob, seed, fed, scaling="1.15", dtype="float32"):
    """(x, training) -> what a dropout alone in a graph returns, run by run.

    Fed, keep_prob comes through a placeholder, 1.0 when not training. As a Python
    number it is part of the graph, and what does not train goes past the op.
    """
    with tf1.Graph().as_default() as built:
        tf1.set_random_seed(seed[0])
        x = tf1.placeholder(dtype)
        placeholder = tf1.placeholder(dtype, [])
        dropped = x
        if fed or keep_prob < 1:
            share = placeholder if fed else keep_prob
            dropped = REFERENCES[scaling](x, share, seed[1])
    # Not `with Session`: the graph would stay the default while the layers run.
    with contextlib.closing(tf1.Session(graph=built)) as session:

        def run(values, training=True):
            if not fed and not training:
                return values
            feed = {x: values, placeholder: keep_prob if training else 1.0}
            return session.run(dropped, feed)

        yield run


def ways_to_call(keep_prob, seed, fed, scaling, dtype="float32"):
    """{name: (x, training) -> array}: a layer called eagerly, and one in functions."""
    eager, layer = (
        tf1_semantics.layers.Dropout(keep_prob, seed, fed, scaling, dtype=dtype)
        for _ in range(2)
    )
    layer.build([None, None])
    functions = {
        training: tf.function(
            functools.partial(layer, training=training),
            input_signature=[tf.TensorSpec([None, None], dtype)],
        )
        for training in (True, False)
    }
    return {
        "eager": lambda x, training: eager(x, training=training).numpy(),
        "function": lambda x, training: functions[training](x).numpy(),
    }


@st.composite
def runs(draw):
    """Two to five steps: [(x [rows, columns], whether it is a training step)]."""
    columns = draw(st.integers(1, 9))
    rows = draw(st.lists(st.integers(1, 40), min_size=2, max_size=5))
    dtype = draw(st.sampled_from(["float32", "float16", "float64"]))
    return [
        (draw(strategies.arrays((size, columns), dtype)), draw(st.booleans()))
        for size in rows
    ]


def ordinary_run(trains):
    """Batches of 6, 5, 6 … examples, the same in every test."""
    random = np.random.RandomState(0)
    return [
        (random.standard_normal((6 - step % 2, 7)).astype(np.float32), training)
        for step, training in enumerate(trains)
    ]


def flushed(x):
    """Denormals as zeros, as TensorFlow's ops take them on a CPU; not of float16."""
    if x.dtype == np.float16:  # computed as float32, where they are none
        return x
    tiny = np.finfo(x.dtype).tiny
    return np.where(np.abs(x) < tiny, np.copysign(np.zeros_like(x), x), x)


@BOTH_AGES
@BOTH_KINDS
@given(
    keep_prob=strategies.hyperparameters(keep_prob=(0.01, 1.0)),
    seed=st.tuples(strategies.seeds(), strategies.seeds()),
    run=runs(),
)
@example({"keep_prob": 1.0}, SEED, ordinary_run([True] * 3))
@example({"keep_prob": 0.5}, (0, 0), ordinary_run([True, False, True]))
@example({"keep_prob": 0.8}, SEED, ordinary_run([True, False, True]))
def test_masks_are_bit_equal_step_by_step(fed, scaling, keep_prob, seed, run):
    of_layer = {**keep_prob, "seed": seed, "fed": fed, "scaling": scaling}
    of_layer["dtype"] = run[0][0].dtype.name
    ways = ways_to_call(**of_layer)
    with session_of_dropout(**of_layer) as reference:
        for x, training in run:
            expected = reference(x, training)
            for name, dropout in ways.items():
                received = dropout(x, training)
                if not training:
                    # The graph computes with a fed 1.0, the layer hands x on as it is.
                    received, expected = flushed(received), flushed(expected)
                assert received.tobytes() == expected.tobytes(), name


# ------------------------------------------------------- genuine TensorFlow 1.15.5


def test_the_golden_is_what_its_provenance_says():
    stored.require_provenance("dropout")


def with_gradient(layer, x, upstream, training):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=training)
    return y, tape.gradient(y, x, upstream)


def require_same_bits(received, expected, message):
    """Equal to the bit, but that all NaNs are alike."""
    assert (received.dtype, received.shape) == (expected.dtype, expected.shape)
    bits = f"u{expected.dtype.itemsize}"
    alike = received.view(bits) == expected.view(bits)
    alike |= np.isnan(received) & np.isnan(expected)
    assert alike.all(), f"{message}: {received[~alike][:3]}, {expected[~alike][:3]}"


@pytest.mark.parametrize("level", ["function", "eager"])
@pytest.mark.parametrize("dtype", of_1_15_5.DTYPES)
@pytest.mark.parametrize("kind", of_1_15_5.KINDS)
def test_1_15_5_itself_is_matched_to_the_bit(kind, dtype, level):
    """Values and gradients of finite numbers and others, of ordinary shares and odd."""
    x, upstream = (tf.constant(of_1_15_5.data(dtype, salt)) for salt in (0, 1))
    for of_share, keep_prob in zip(
        stored.computed("dropout")[f"{kind}/{dtype}"], of_1_15_5.KEEP_PROBS, strict=True
    ):
        layer = tf1_semantics.layers.Dropout(
            keep_prob, of_1_15_5.SEED, fed=kind == "fed", dtype=dtype
        )
        layer.build(x.shape)
        steps = {
            training: functools.partial(with_gradient, layer, training=training)
            for training in (True, False)
        }
        if level == "function":
            specs = [tf.TensorSpec([None, None], dtype)] * 2
            steps = {
                training: tf.function(step, input_signature=specs)
                for training, step in steps.items()
            }
        runs = of_1_15_5.steps(kind)
        for training, expected in zip(runs, of_share, strict=True):
            for value, array in zip(
                steps[training](x, upstream), expected, strict=True
            ):
                value = value.numpy() if training else flushed(value.numpy())
                require_same_bits(value, array, f"keep_prob={keep_prob}")


@pytest.mark.parametrize("kind", of_1_15_5.KINDS)
def test_numbers_that_equal_the_rate_are_kept_as_in_1_15_5(kind):
    ones = tf.ones(of_1_15_5.TIED_SHAPE, tf.float16)
    for kept, keep_prob in zip(
        stored.computed("dropout")[f"{kind}/ties"],
        of_1_15_5.TIED_KEEP_PROBS,
        strict=True,
    ):
        noise = philox.uniform(ones.shape, of_1_15_5.SEED, dtype=tf.float16).numpy()
        assert (noise == np.float16(1 - keep_prob)).sum() > 3
        for scaling in SCALINGS:
            layer = tf1_semantics.layers.Dropout(
                keep_prob, of_1_15_5.SEED, kind == "fed", scaling, dtype="float16"
            )
            received = layer(ones, training=True).numpy()
            np.testing.assert_array_equal(received != 0, kept, strict=True)


class Echo(tf1_semantics.recurrent.cells.Cell):
    """As in the program: hands its inputs on, as output and as state."""

    state_size = output_size = of_1_15_5.SEQUENCES[2]
    state_is_memory = False

    def step(self, inputs, states, _training):
        return inputs, tf.nest.pack_sequence_as(states, [inputs])


@pytest.mark.parametrize("level", ["function", "eager"])
@pytest.mark.parametrize("dtype", of_1_15_5.DTYPES)
@pytest.mark.parametrize("kind", of_1_15_5.KINDS)
def test_the_wrapper_of_cells_matches_1_15_5_to_the_bit(kind, dtype, level):
    cell = tf1_semantics.recurrent.DropoutWrapper(
        Echo(dtype=dtype),
        *of_1_15_5.SHARES,
        seed=of_1_15_5.SEED,
        fed=kind == "fed",
        dtype=dtype,
    )
    layer = tf1_semantics.recurrent.DynamicRNN(cell, dtype=dtype)
    layer.build(of_1_15_5.SEQUENCES)

    def step(x, upstream):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs, state = layer(x, training=True)
            loss = tf.reduce_sum(outputs * upstream)
        return {
            "outputs": outputs,
            "state": state,
            "gradient": tape.gradient(loss, x),
        }

    if level == "function":
        step = tf.function(step, autograph=False)
    arrays = [tf.constant(of_1_15_5.sequences(dtype, salt)) for salt in (0, 1)]
    for run in range(2):
        for name, value in step(*arrays).items():
            expected = stored.computed("dropout")[
                f"wrapper/{kind}/{dtype}/{run}/{name}"
            ]
            if name == "gradient":  # of -0.0 comes 0.0, as DynamicRNN says
                expected = expected + np.zeros_like(expected)
            require_same_bits(value.numpy(), expected, name)


def test_the_ages_are_alike_where_keep_prob_is_a_power_of_two_and_else_apart():
    """The share of what is kept whose last bits differ; the masks are the same."""
    x = np.abs(np.random.RandomState(0).standard_normal((50, 100))).astype(np.float32)
    for keep_prob, fed, low, high in (
        (0.5, True, 0, 0),
        (0.25, False, 0, 0),
        (0.9, True, 0.25, 0.35),  # what the docstring says
        (0.1, False, 0.9, 1),  # 1 - 0.9 is rounded to float32 before the inverse
    ):
        of_1_15, of_compat_v1 = (
            tf1_semantics.layers.Dropout(keep_prob, SEED, fed, scaling)(
                x, training=True
            ).numpy()
            for scaling in SCALINGS
        )
        kept = of_1_15 != 0
        np.testing.assert_array_equal(kept, of_compat_v1 != 0, strict=True)
        apart = np.mean(of_1_15[kept] != of_compat_v1[kept])
        assert low <= apart <= high, keep_prob


# ------------------------------------------------------- the stream


@BOTH_KINDS
def test_evaluating_moves_the_stream_only_of_a_fed_keep_prob(fed):
    straight, evaluated = ([True, True], [True, False, True])
    last = []
    for trains in (straight, evaluated):
        with session_of_dropout(0.5, SEED, fed) as reference:
            x, _ = ordinary_run(trains)[0]
            last.append([reference(x, training) for training in trains][-1])
    assert np.array_equal(*last) == (not fed)


def test_a_number_is_scaled_by_its_inverse_and_a_fed_one_divided_by():
    """Under compat.v1. Where 1 / keep_prob is exact they agree, else to a rounding."""
    x = ordinary_run([True])[0][0]
    for keep_prob, alike in ((0.5, True), (0.25, True), (0.3, False), (0.9, False)):
        number, fed = (
            tf1_semantics.layers.Dropout(keep_prob, SEED, fed, "compat.v1")(
                x, training=True
            ).numpy()
            for fed in (False, True)
        )
        np.testing.assert_array_equal(number == 0, fed == 0, strict=True)
        assert np.array_equal(number, fed) == alike


# Keras 3 writes a TensorFlow variable as NumPy 1 would.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@BOTH_KINDS
def test_a_saved_layer_goes_on_in_its_stream(fed, tmp_path):
    run = ordinary_run([True] * 4)
    model = keras.Sequential(
        [keras.Input((7,)), tf1_semantics.layers.Dropout(0.3, SEED, fed=fed)]
    )
    with session_of_dropout(0.3, SEED, fed) as reference:
        for x, training in run[:2]:
            received = model(x, training=training).numpy()
            assert received.tobytes() == reference(x).tobytes()
        model.save(tmp_path / "dropout.keras")
        loaded = keras.models.load_model(tmp_path / "dropout.keras")
        for x, training in run[2:]:
            received = loaded(x, training=training).numpy()
            assert received.tobytes() == reference(x).tobytes()


@BOTH_KINDS
def test_retracing_goes_on_in_the_stream(fed):
    layer = tf1_semantics.layers.Dropout(0.3, SEED, fed=fed)
    layer.build([None, None])
    function = tf.function(functools.partial(layer, training=True))
    with session_of_dropout(0.3, SEED, fed) as reference:
        for rows in (2, 3, 4, 2):
            x = np.ones((rows, 7), np.float32)
            received = function(tf.constant(x)).numpy()
            assert received.tobytes() == reference(x).tobytes()
    assert function.experimental_get_tracing_count() > 1


def test_neither_global_seeds_nor_other_layers_touch_the_stream():
    run = ordinary_run([True] * 3)
    layer = tf1_semantics.layers.Dropout(0.3, SEED)
    other = tf1_semantics.layers.Dropout(0.3, SEED)
    with session_of_dropout(0.3, SEED, fed=False) as reference:
        for x, training in run:
            tf.random.set_seed(7)
            keras.utils.set_random_seed(7)
            received = layer(x, training=training).numpy()
            assert received.tobytes() == reference(x).tobytes()
    # The same seeds again start the same stream again.
    first = tf1_semantics.layers.Dropout(0.3, SEED)(run[0][0], training=True)
    np.testing.assert_array_equal(other(run[0][0], training=True), first, strict=True)


@pytest.mark.parametrize("keep_prob", [0, -0.1, 1.5])
def test_a_keep_prob_outside_its_range_is_refused(keep_prob):
    with pytest.raises(ValueError, match=r"in \(0, 1\]. Received: .*Use 1 - rate"):
        tf1_semantics.layers.Dropout(keep_prob, SEED)
