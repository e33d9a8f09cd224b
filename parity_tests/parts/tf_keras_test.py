"""tf.keras of 1.15 as Keras 3 objects: values, states and gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.parts.pairs import Pairs
from parity_tests.parts.tf_keras import twin
from tf1_graph.parts import recurrent as tf1_recurrent
from tf1_graph.parts import tf_keras as tf1_keras
from tf2_keras.tf1_semantics import tf_keras

PAIRS = Pairs(tf1_keras.program, twin)


CASES = {
    name: case
    for name, case in tf1_keras.CASES.items()
    if case.problem["dtype"] == "float32"
}


def compared(case, level, seed=0):
    """The Comparison of a case's part: trained on two batches, predicted."""
    pair = PAIRS(*case[:3])
    moves = [
        (move, batch)
        for batch in tf1_keras.batches(pair.program, case.part, case.problem, seed)
        for move in ("train", "predict")
    ]
    values = tf1_recurrent.values_of(pair.program, seed)
    return pair.compare(moves, level, values)


@pytest.mark.parametrize("name", CASES)
@given(seed=st.integers(0, 2**16))
def test_numbers_are_those_of_tf1(name, seed):
    comparison = compared(CASES[name], "function", seed).require_agreement()
    assert comparison.records == 5


def first_of(part):
    return next(case for case in CASES.values() if case.part == part)


@pytest.mark.parametrize("part", tf1_keras.SYMBOLS)
def test_they_are_so_eagerly_within_budgets(part):
    """Values to the bit; a tape adds a weight's gradients in another order."""
    assert compared(first_of(part), "eager").require_agreement().records == 5


@pytest.mark.parametrize("part", list(tf1_keras.SYMBOLS)[1:])
def test_an_eager_budget_is_needed(part):
    cells = compared(first_of(part), "eager").cells
    assert [stage for stage, cell in cells.items() if cell.max_ulp] == ["gradients"]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_hard_sigmoid_has_a_slope_of_a_fifth(dtype):
    x = tf.constant([-3, -2.5, 0, 1, 2.5, 3, np.nan], dtype)
    expected = tf.constant([0, 0, 0.5, 0.7, 1, 1, np.nan], dtype)
    np.testing.assert_allclose(tf_keras.hard_sigmoid(x), expected, rtol=1e-3)


@pytest.mark.parametrize("layer", [tf_keras.LSTM, tf_keras.GRU])
def test_a_model_is_saved_and_loaded_with_all_that_it_was_told(layer, tmp_path):
    made = layer(3, "relu", return_sequences=True, dropout=0.5, use_bias=False)
    model = keras.Sequential([keras.Input((None, 2)), made])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.layers[0].get_config() == made.get_config()
    assert loaded.layers[0].cell.recurrent_activation is tf_keras.hard_sigmoid
    x = np.random.RandomState(0).standard_normal((2, 4, 2)).astype(np.float32)
    np.testing.assert_array_equal(model(x), loaded(x), strict=True)


def test_masks_of_a_dropout_differ_from_gate_to_gate():
    """As in 1.15, whose masks were not seeded: what they are is Keras's own."""
    cell = tf_keras.LSTMCell(4, dropout=0.5, recurrent_dropout=0.5)
    x, states = tf.ones([64, 8]), [tf.ones([64, 4])] * 2
    trained, predicted = (cell(x, states, training=flag)[0] for flag in (True, False))
    assert np.abs(trained - predicted).max() > 0.01
    masks = [mask.numpy() for mask in cell.get_dropout_mask(x)]
    assert len(masks) == 4 and set(np.unique(masks)) == {0.0, 2.0}
    assert (masks[0] != masks[1]).any()


def test_xla_which_computes_otherwise_is_refused():
    layer = tf_keras.GRU(3)
    layer.build((None, 4, 2))
    compiled = tf.function(layer, jit_compile=True)
    with pytest.raises(NotImplementedError, match="Use jit_compile=False"):
        compiled(tf.zeros([2, 4, 2]))


@pytest.mark.parametrize("layer", [tf_keras.LSTM, tf_keras.GRU])
def test_a_model_may_begin_with_the_layer(layer):
    """As 1.15's programs have it: with input_shape, no Input is needed."""
    model = keras.Sequential([layer(3, input_shape=(5, 2)), keras.layers.Dense(1)])
    assert model.built and model.input_shape == (None, 5, 2)
    model = keras.Sequential(
        [layer(3, input_shape=(None, 2), activity_regularizer="l2")]
    )
    assert model.built and model.input_shape == (None, None, 2)


CONFIG = {"units": 3, "activation": "tanh", "recurrent_activation": "hard_sigmoid"}


GLOROT = {"class_name": "GlorotUniform", "config": {"seed": 1}}


@pytest.mark.parametrize(
    "layer, entry",
    [
        (tf_keras.LSTM, {"kernel_initializer": GLOROT}),
        (tf_keras.LSTM, {"time_major": False}),
        (keras.layers.LSTM, {"time_major": False}),
        (tf_keras.GRU, {"batch_input_shape": (None, 5, 2)}),
        (keras.layers.GRU, {"batch_input_shape": (None, 5, 2)}),
    ],
)
def test_a_config_of_1_15_is_not_read(layer, entry):
    layer.from_config(dict(CONFIG))
    with pytest.raises((TypeError, ValueError)):
        layer.from_config({**CONFIG, **entry})
