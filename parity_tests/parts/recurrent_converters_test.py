"""Weights of TF1's cells in the stock Keras layers, and back."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.engine.ulps import normwise_error
from parity_tests.parts.recurrent import example, outputs_of_keras, stock
from tf2_keras.tf1_semantics import recurrent

# TF1's cell, the stock layer, the two converters, and the shapes of TF1's arrays.
KINDS = {
    "lstm": (
        "BasicLSTMCell",
        stock(keras.layers.LSTM),
        recurrent.lstm_weights_to_keras,
        recurrent.lstm_weights_from_keras,
        lambda rows, units: [(rows, 4 * units), (4 * units,)],
    ),
    "gru": (
        "GRUCell",
        stock(keras.layers.GRU, reset_after=False),
        recurrent.gru_weights_to_keras,
        recurrent.gru_weights_from_keras,
        lambda rows, units: [(rows, 2 * units), (2 * units,), (rows, units), (units,)],
    ),
    "basic_rnn": (
        "BasicRNNCell",
        stock(keras.layers.SimpleRNN),
        recurrent.basic_rnn_weights_to_keras,
        recurrent.basic_rnn_weights_from_keras,
        lambda rows, units: [(rows, units), (units,)],
    ),
}
# Keras multiplies inputs and state apart and adds the two products.
BUDGET = 8


@pytest.mark.parametrize("kind", KINDS)
def test_stock_layers_with_converted_weights_compute_what_tf1_did(kind):
    cell, make, convert, _, _ = KINDS[kind]
    problem, of_tf1 = example(cell)
    received = outputs_of_keras(make(), problem, convert(*of_tf1["weights"]))
    assert 0 < normwise_error(of_tf1["flat"][0], received) <= BUDGET


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_weights_come_back_as_they_were(kind, data):
    _, _, convert, back, shapes = KINDS[kind]
    units, features = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
    dtype = data.draw(st.sampled_from(["float16", "float32", "float64"]))
    weights = [
        data.draw(strategies.arrays(shape, dtype=dtype))
        for shape in shapes(features + units, units)
    ]
    options = {"forget_bias": 0.0} if kind == "lstm" else {}
    of_keras = convert(*weights, **options)
    assert of_keras[0].shape[0] == features and of_keras[1].shape[0] == units
    for one, other in zip(weights, back(*of_keras, **options), strict=True):
        assert one.dtype == other.dtype and one.tobytes() == other.tobytes()
    for one, other in zip(
        of_keras, convert(*back(*of_keras, **options), **options), strict=False
    ):
        assert one.tobytes() == other.tobytes()


@given(bias=strategies.arrays((8,)), forget_bias=st.sampled_from([1.0, 0.3, -2.5]))
def test_a_forget_bias_is_rounded_into_the_bias_and_out_again(bias, forget_bias):
    """Each way by half an ULP of the larger of the two at most; other gates not."""
    kernel = np.ones((5, 8), np.float32)
    of_keras = recurrent.lstm_weights_to_keras(kernel, bias, forget_bias)
    _, received = recurrent.lstm_weights_from_keras(*of_keras, forget_bias)
    largest = np.abs(bias[4:6]) + np.abs(np.float32(forget_bias))
    assert np.all(np.abs(received - bias)[4:6] <= np.spacing(largest))
    others = [0, 1, 2, 3, 6, 7]
    assert received[others].tobytes() == bias[others].tobytes()


def test_keras_weights_have_the_shapes_of_the_layers():
    for cell, make, convert, back, _ in KINDS.values():
        problem, of_tf1 = example(cell)
        layer = make()
        layer.build(problem.x.shape)
        converted = convert(*of_tf1["weights"])
        assert [one.shape for one in converted] == [one.shape for one in layer.weights]
        shapes = [one.shape for one in back(*layer.get_weights())]
        assert shapes == [one.shape for one in of_tf1["weights"]]


def zeros(*shapes):
    return [np.zeros(shape, np.float32) for shape in shapes]


@pytest.mark.parametrize(
    "convert, weights, options, rule",
    [
        (recurrent.lstm_weights_to_keras, zeros((5, 9), (9,)), {}, "kernel must be"),
        (recurrent.lstm_weights_to_keras, zeros((2, 8), (8,)), {}, "kernel must be"),
        (recurrent.lstm_weights_to_keras, zeros((40,), (8,)), {}, "kernel must be"),
        (recurrent.lstm_weights_to_keras, zeros((5, 8), (6,)), {}, "bias must be"),
        (
            recurrent.lstm_weights_to_keras,
            zeros((5, 8), (8,)),
            {"forget_bias": None},
            "forget_bias must be",
        ),
        (
            recurrent.lstm_weights_from_keras,
            zeros((3, 8), (3, 8), (8,)),
            {},
            "recurrent_kernel must be",
        ),
        (
            recurrent.lstm_weights_from_keras,
            zeros((3, 12), (2, 8), (8,)),
            {},
            "kernel must be",
        ),
        (
            recurrent.lstm_weights_from_keras,
            zeros((3, 8), (2, 8), (4,)),
            {},
            "bias must",
        ),
        (
            recurrent.gru_weights_to_keras,
            zeros((5, 4), (4,), (5, 2), (2,)),
            {"reset_after": True},
            "reset_after must be",
        ),
        (
            recurrent.gru_weights_to_keras,
            zeros((5, 4), (4,), (6, 2), (2,)),
            {},
            "candidate_kernel must",
        ),
        (
            recurrent.gru_weights_to_keras,
            zeros((5, 5), (5,), (5, 2), (2,)),
            {},
            "gate_kernel must",
        ),
        (
            recurrent.gru_weights_from_keras,
            zeros((3, 6), (2, 6), (2, 6)),  # that of reset_after=True
            {},
            "bias must be",
        ),
        (
            recurrent.gru_weights_from_keras,
            zeros((3, 6), (2, 6), (6,)),
            {"reset_after": True},
            "reset_after must be",
        ),
        (
            recurrent.basic_rnn_weights_to_keras,
            zeros((2, 2), (2,)),
            {},
            "kernel must be",
        ),
        (
            recurrent.basic_rnn_weights_from_keras,
            zeros((3, 2), (3, 2), (2,)),
            {},
            "recurrent_kernel must be",
        ),
    ],
)
def test_wrong_weights_are_told_by_rule_received_and_remedy(
    convert, weights, options, rule
):
    with pytest.raises(ValueError, match=rf"^{rule}.*\. Received: .*\. \w+ .*\.$"):
        convert(*weights, **options)
