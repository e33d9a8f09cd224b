"""Weights of TF1's cells in the stock Keras layers, and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.pair.pair import Pair
from parity_tests.parts.recurrent_twins import stock, twin
from tf1_graph.parts import recurrent as tf1_recurrent
from tf2_keras.tf1_semantics import recurrent

# Shapes of TF1's arrays.
SHAPES = {
    "lstm": lambda rows, units: [(rows, 4 * units), (4 * units,)],
    "gru": lambda rows, units: [
        (rows, 2 * units),
        (2 * units,),
        (rows, units),
        (units,),
    ],
    "basic_rnn": lambda rows, units: [(rows, units), (units,)],
}


def converters(kind):
    """(to the stock layer's weights, from them)."""
    return (getattr(recurrent, f"{kind}_weights_{way}_keras") for way in ("to", "from"))


# Keras multiplies inputs and state apart and adds the two products.
BUDGET = 8


@pytest.mark.parametrize("way", ["to", "from"])
@pytest.mark.parametrize("kind", SHAPES)
def test_stock_layers_with_converted_weights_compute_what_tf1_did(kind, way):
    """And converted back the weights are what they were."""
    part, arguments = f"recurrent.{kind}_weights_{way}_keras", {"num_units": 5}
    problem = {"features": 3, "dtype": "float32", "lengths": None, "initial": False}
    program = tf1_recurrent.program(part, arguments, problem)
    x = np.random.RandomState(0).standard_normal((3, 6, 3)).astype(np.float32)
    moves = [("predict", tf1_recurrent.batch_of(program, x))]
    values = tf1_recurrent.values_of(program)
    with Pair(program, twin(part, arguments, problem)) as pair:
        for level in ("function", "eager"):
            cells = pair.compare(moves, level, values).cells
            assert cells["initial values"].ok and cells["updates"].ok
            assert 0 < cells["outputs"].normwise <= BUDGET


@pytest.mark.parametrize("kind", SHAPES)
@given(data=st.data())
def test_weights_come_back_as_they_were(kind, data):
    convert, back = converters(kind)
    units, features = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
    dtype = data.draw(st.sampled_from(["float16", "float32", "float64"]))
    weights = [
        data.draw(strategies.arrays(shape, dtype=dtype))
        for shape in SHAPES[kind](features + units, units)
    ]
    options = {"forget_bias": 0.0} if kind == "lstm" else {}
    of_keras = convert(*weights, **options)
    assert of_keras[0].shape[0] == features and of_keras[1].shape[0] == units
    returned = back(*of_keras, **options)
    for arrays, again in (
        (weights, returned),
        (of_keras, convert(*returned, **options)),
    ):
        for array, same in zip(arrays, again, strict=True):
            assert array.dtype == same.dtype and array.tobytes() == same.tobytes()


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


@pytest.mark.parametrize("kind", SHAPES)
def test_keras_weights_have_the_shapes_of_the_layers(kind):
    convert, back = converters(kind)
    weights = zeros(*SHAPES[kind](3 + 5, 5))
    layer = stock(kind, 5)
    layer.build((None, None, 3))
    converted = convert(*weights)
    assert [array.shape for array in converted] == [w.shape for w in layer.weights]
    shapes = [array.shape for array in back(*layer.get_weights())]
    assert shapes == [array.shape for array in weights]


def zeros(*shapes):
    return [np.zeros(shape, np.float32) for shape in shapes]


@pytest.mark.parametrize(
    "convert, weights, options, rule",
    [
        (recurrent.lstm_weights_to_keras, zeros((5, 9), (9,)), {}, "kernel must be"),
        (recurrent.lstm_weights_to_keras, zeros((2, 8), (8,)), {}, "kernel must be"),
        (recurrent.lstm_weights_to_keras, zeros((40,), (8,)), {}, "kernel must be"),
        # Of another rank, though some of the sizes fit, or of no units.
        (recurrent.lstm_weights_to_keras, zeros((5, 8, 8), (8,)), {}, "kernel must be"),
        (recurrent.lstm_weights_to_keras, zeros((), (8,)), {}, "kernel must be"),
        (recurrent.lstm_weights_to_keras, zeros((5, 0), (0,)), {}, "kernel must be"),
        *(
            (recurrent.basic_rnn_weights_from_keras, zeros(*shapes), {}, rule)
            for shapes, rule in (
                (((3, 0), (0, 0), (0,)), "recurrent_kernel must be"),
                (((3, 2), (2, 2, 1), (2,)), "recurrent_kernel must be"),
                (((3, 2), (2,), (2,)), "recurrent_kernel must be"),
                (((3, 2, 1), (2, 2), (2,)), "kernel must be"),
                (((2,), (2, 2), (2,)), "kernel must be"),
            )
        ),
        (
            recurrent.lstm_weights_to_keras,
            zeros((5, 8), (6,)),
            {},
            r"bias must be of the shape \[4 \* units\], \(8,\)",
        ),
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
