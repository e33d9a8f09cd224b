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
from tf2_keras import tf1_semantics

SEED = (1, 14)
BOTH_KINDS = pytest.mark.parametrize(
    "fed", [pytest.param(True, id="fed"), pytest.param(False, id="number")]
)


@contextlib.contextmanager
def session_of_dropout(keep_prob, seed, fed):
    """(x, training) -> what ``tf.nn.dropout`` alone in a graph returns, run by run.

    Fed, keep_prob comes through a placeholder, 1.0 when not training. As a Python
    number it is part of the graph, and what does not train goes past the op.
    """
    with tf1.Graph().as_default() as built:
        tf1.set_random_seed(seed[0])
        x = tf1.placeholder(tf1.float32)
        placeholder = tf1.placeholder(tf1.float32)
        dropped = tf1.nn.dropout(
            x, keep_prob=placeholder if fed else keep_prob, seed=seed[1]
        )
    # Not `with Session`: the graph would stay the default while the layers run.
    with contextlib.closing(tf1.Session(graph=built)) as session:

        def run(values, training=True):
            if not fed and not training:
                return values
            feed = {x: values, placeholder: keep_prob if training else 1.0}
            return session.run(dropped, feed)

        yield run


def ways_to_call(keep_prob, seed, fed):
    """{name: (x, training) -> array}: a layer called eagerly, and one in functions."""
    eager = tf1_semantics.layers.Dropout(keep_prob, seed, fed=fed)
    layer = tf1_semantics.layers.Dropout(keep_prob, seed, fed=fed)
    layer.build([None, None])
    functions = {
        training: tf.function(
            functools.partial(layer, training=training),
            input_signature=[tf.TensorSpec([None, None])],
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
    return [
        (draw(strategies.arrays((size, columns))), draw(st.booleans())) for size in rows
    ]


def ordinary_run(trains):
    """Batches of 6, 5, 6 … examples, the same in every test."""
    random = np.random.RandomState(0)
    return [
        (random.standard_normal((6 - step % 2, 7)).astype(np.float32), training)
        for step, training in enumerate(trains)
    ]


def flushed(x):
    """Denormals as zeros, as every op of TensorFlow takes them on a CPU."""
    tiny = np.finfo(x.dtype).tiny
    return np.where(np.abs(x) < tiny, np.copysign(np.zeros_like(x), x), x)


@BOTH_KINDS
@given(
    keep_prob=strategies.hyperparameters(keep_prob=(0.01, 1.0)),
    seed=st.tuples(strategies.seeds(), strategies.seeds()),
    run=runs(),
)
@example({"keep_prob": 1.0}, SEED, ordinary_run([True] * 3))
@example({"keep_prob": 0.5}, (0, 0), ordinary_run([True, False, True]))
def test_masks_are_bit_equal_step_by_step(fed, keep_prob, seed, run):
    ways = ways_to_call(**keep_prob, seed=seed, fed=fed)
    with session_of_dropout(**keep_prob, seed=seed, fed=fed) as reference:
        for x, training in run:
            expected = reference(x, training)
            for name, dropout in ways.items():
                received = dropout(x, training)
                if not training:
                    # The graph divides by a fed 1.0, the layer hands x on as it is.
                    received, expected = flushed(received), flushed(expected)
                assert received.tobytes() == expected.tobytes(), name


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
    """Where 1 / keep_prob is exact they agree; elsewhere they are a rounding apart."""
    x = ordinary_run([True])[0][0]
    for keep_prob, alike in ((0.5, True), (0.25, True), (0.3, False), (0.9, False)):
        number, fed = (
            tf1_semantics.layers.Dropout(keep_prob, SEED, fed=fed)(
                x, training=True
            ).numpy()
            for fed in (False, True)
        )
        np.testing.assert_array_equal(number == 0, fed == 0)
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
    np.testing.assert_array_equal(other(run[0][0], training=True), first)


@pytest.mark.parametrize("keep_prob", [0, -0.1, 1.5])
def test_a_keep_prob_outside_its_range_is_refused(keep_prob):
    with pytest.raises(ValueError, match=r"in \(0, 1\]. Received: .*Use 1 - rate"):
        tf1_semantics.layers.Dropout(keep_prob, SEED)
