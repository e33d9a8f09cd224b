"""Traps of tf1_semantics.recurrent: one example of every kind, on converted weights."""

import functools

import keras
import numpy as np
import tensorflow as tf

from parity_tests.parts.descriptor import Trap
from parity_tests.parts.initializers import relative_error
from parity_tests.parts.recurrent_twins import stock
from tf1_graph import session
from tf1_graph.parts import recurrent as tf1_recurrent
from tf2_keras import tf1_semantics

UNITS_OF_TRAPS, FEATURES_OF_TRAPS = 5, 3
LENGTHS_OF_TRAPS = np.array([2, 6, 4], np.int32)


@functools.cache
def example(part, masked=False):
    """(x, [weights], [outputs and states]) of TF1's cell on ordinary data."""
    problem = {
        "features": FEATURES_OF_TRAPS,
        "dtype": "float32",
        "lengths": "int32" if masked else None,
        "initial": False,
    }
    arguments = {"num_units": UNITS_OF_TRAPS}
    program = tf1_recurrent.program(part, arguments, problem)
    x = np.random.RandomState(0).standard_normal((3, 6, FEATURES_OF_TRAPS))
    x, lengths = x.astype(np.float32), LENGTHS_OF_TRAPS if masked else None
    values = tf1_recurrent.values_of(program)
    moves = [("predict", tf1_recurrent.batch_of(program, x, lengths))]
    _, record = session.play(program, moves, values)
    return x, list(values.values()), list(record["outputs"].values())


def outputs_of_keras(layer, x, weights, masked=False):
    """What a stock layer returns with the given weights."""
    options = {}
    if masked:
        options["mask"] = tf.constant(np.arange(x.shape[1]) < LENGTHS_OF_TRAPS[:, None])
    layer.build(x.shape)
    layer.set_weights(weights)
    return tf.nest.map_structure(
        lambda tensor: tensor.numpy(), layer(tf.constant(x), **options)
    )


def _off(part, make, convert, masked=False):
    """{1: error} of a stock layer's outputs with weights that ``convert`` makes."""
    x, weights, seen = example(part, masked)
    received = outputs_of_keras(make(), x, convert(*weights), masked)
    return {1: relative_error(seen[0], received)}


def stock_for(kind, **options):
    """() -> a stock layer of the width that the traps have."""
    return functools.partial(stock, kind, UNITS_OF_TRAPS, **options)


def unpermuted(kernel, bias):
    """The rows split where Keras has two kernels, the gates left as they are."""
    return [kernel[:-UNITS_OF_TRAPS], kernel[-UNITS_OF_TRAPS:], bias]


def without_forget_bias(kernel, bias):
    return tf1_semantics.recurrent.lstm_weights_to_keras(kernel, bias, forget_bias=0.0)


def with_zero_gate_bias(gate_kernel, gate_bias, candidate_kernel, candidate_bias):
    return tf1_semantics.recurrent.gru_weights_to_keras(
        gate_kernel, 0 * gate_bias, candidate_kernel, candidate_bias
    )


def for_reset_after(*weights):
    """As if the second bias of reset_after=True were just zeros."""
    kernel, recurrent, bias = tf1_semantics.recurrent.gru_weights_to_keras(*weights)
    return [kernel, recurrent, np.stack([bias, 0 * bias])]


def _gates_at_the_start():
    """Both GRUs before any training, of the same kernels."""
    x, (gate_kernel, _, kernel, bias), _ = example("recurrent.GRUCell")
    weights = [gate_kernel, np.ones(2 * UNITS_OF_TRAPS, np.float32), kernel, 0 * bias]
    outputs = [
        outputs_of_keras(stock("gru", UNITS_OF_TRAPS), x, converted)
        for converted in (
            tf1_semantics.recurrent.gru_weights_to_keras(*weights),
            with_zero_gate_bias(*weights),
        )
    ]
    return {1: relative_error(*outputs)}


def _range_of_first_kernels():
    """Spread of the first kernels, of 64 units on 64 features; seeds do not matter."""
    problem = {"features": 64, "dtype": "float32", "lengths": None, "initial": False}
    part, arguments = "recurrent.LSTMCell", {"num_units": 64}
    (start,) = session.play(tf1_recurrent.program(part, arguments, problem), [])
    expected, *_ = start["initial values"].values()
    layer = keras.layers.LSTM(64)
    layer.build((None, None, 64))
    received = np.concatenate([weight.numpy() for weight in layer.weights[:2]])
    spreads = [
        np.stack([array[:64].std(), array[64:].std()]) for array in (expected, received)
    ]
    return {1: relative_error(*spreads)}


def _first_state_taken_for_the_memory():
    x, weights, seen = example("recurrent.BasicLSTMCell")
    layer = keras.layers.RNN(
        keras.layers.StackedRNNCells([keras.layers.LSTMCell(UNITS_OF_TRAPS)]),
        return_state=True,
    )
    weights = tf1_semantics.recurrent.lstm_weights_to_keras(*weights)
    received = outputs_of_keras(layer, x, weights)
    return {1: relative_error(seen[1], tf.nest.flatten(received[1])[0])}


def _mask_of_a_whole_sequence():
    """TF1's input masks differ from step to step: shares of steps with another mask."""
    x = np.ones((4, 30, 8), np.float32)
    # A cell that hands its input on: identity for the inputs, zeros for the state.
    cell = ("recurrent.BasicRNNCell", {"num_units": 8, "activation": "relu"})
    weights = [np.eye(16, 8, dtype=np.float32), np.zeros(8, np.float32)]
    problem = {"features": 8, "dtype": "float32", "lengths": None, "initial": False}
    arguments = {"cell": cell, "input_keep_prob": 0.7, "seed": 1}
    program = tf1_recurrent.program("recurrent.DropoutWrapper", arguments, problem)
    moves = [("predict", tf1_recurrent.batch_of(program, x))]
    values = dict(zip(program.variables, weights, strict=True))
    _, record = session.play(program, moves, values)
    layer = stock("basic_rnn", 8, activation="relu", dropout=0.3, seed=1)
    layer.build(x.shape)
    layer.set_weights(tf1_semantics.recurrent.basic_rnn_weights_to_keras(*weights))
    received = layer(tf.constant(x), training=True).numpy()
    expected, received = (
        np.mean(outputs[:, 1:] != outputs[:, :-1])
        for outputs in (record["outputs"]["output or state 0"], received)
    )
    return {1: relative_error(expected, received)}


UNPERMUTED = Trap(
    write="keras.layers.LSTM(units) with TF1's kernel split in rows, gates as they are",
    off=lambda: _off("recurrent.BasicLSTMCell", stock_for("lstm"), unpermuted),
    at_least={1: 0.1},
    instead="layer.set_weights(recurrent.lstm_weights_to_keras(kernel, bias))",
)
RESET_AFTER = Trap(
    write="keras.layers.GRU(units) with its default reset_after=True",
    off=lambda: _off(
        "recurrent.GRUCell", stock_for("gru", reset_after=True), for_reset_after
    ),
    at_least={1: 0.05},
    instead="keras.layers.GRU(units, reset_after=False) or recurrent.GRUCell(units)",
)
CLOSED_GATES = Trap(
    write="keras.layers.GRU(units, reset_after=False), gate bias from zero",
    off=_gates_at_the_start,
    at_least={1: 0.05},
    instead="recurrent.GRUCell(units), whose gate bias starts at one",
)
FORGOTTEN_BIAS = Trap(
    write="keras.layers.LSTM(units), gates in order, forget_bias left out",
    off=lambda: _off("recurrent.BasicLSTMCell", stock_for("lstm"), without_forget_bias),
    at_least={1: 0.05},
    instead="recurrent.lstm_weights_to_keras(kernel, bias, 1.0)",
)
FIRST_KERNELS = Trap(
    write="keras.layers.LSTM(units) trained from its own first weights",
    off=_range_of_first_kernels,
    at_least={1: 0.05},
    instead="recurrent.LSTMCell(units): one glorot_uniform kernel",
)
ONE_MASK = Trap(
    write="keras.layers.LSTM(units, dropout=0.3), one mask a sequence",
    off=_mask_of_a_whole_sequence,
    at_least={1: 0.9},
    instead="recurrent.DropoutWrapper(cell, keep_prob, seed=op_seed)",
)
SWAPPED_STATES = Trap(
    write="c, h = the state of keras.layers.StackedRNNCells([LSTMCell(n)])",
    off=_first_state_taken_for_the_memory,
    at_least={1: 0.1},
    instead="recurrent.MultiRNNCell(cells), whose states are (c, h)",
)
REPEATED_OUTPUTS = Trap(
    write="keras.layers.LSTM(units, return_sequences=True)(x, mask=mask)",
    off=lambda: _off(
        "recurrent.BasicLSTMCell",
        stock_for("lstm"),
        tf1_semantics.recurrent.lstm_weights_to_keras,
        masked=True,
    ),
    at_least={1: 0.05},
    instead="recurrent.DynamicRNN(cell)(x, sequence_length=lengths)",
)
