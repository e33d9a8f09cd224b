"""Descriptors of tf1_semantics.recurrent. How its parts run: ``recurrent_runs``."""

import functools

import keras
import numpy as np
import tensorflow as tf
from hypothesis import strategies as st
from tensorflow.python.keras.layers.legacy_rnn import rnn_cell_impl

from parity_tests.engine import strategies
from parity_tests.parts.descriptor import Part, Trap
from parity_tests.parts.initializers import REFUSED_SEEDS, relative_error
from parity_tests.parts.recurrent_runs import Problem, Twin, run_of_tf1
from tf2_keras import tf1_semantics

# The parts' arguments.
UNITS = st.integers(1, 5)
FORGET_BIAS = st.sampled_from([1.0, 0.0, 0.3, -1.0])
ACTIVATION = st.sampled_from(["tanh", None, "relu", "sigmoid", "softsign"])
CELL_STRATEGIES = {
    "BasicRNNCell": strategies.hyperparameters(num_units=UNITS, activation=ACTIVATION),
    "GRUCell": strategies.hyperparameters(num_units=UNITS, activation=ACTIVATION),
    "BasicLSTMCell": strategies.hyperparameters(
        num_units=UNITS, activation=ACTIVATION, forget_bias=FORGET_BIAS
    ),
    "LSTMCell": strategies.hyperparameters(
        num_units=UNITS,
        activation=ACTIVATION,
        forget_bias=FORGET_BIAS,
        use_peepholes=[True, False],
        cell_clip=[None, 0.1, 3.0],
        num_proj=[None, 1, 3],
        proj_clip=[None, 0.05],
    ),
}


PLAIN_CELLS = tuple(CELL_STRATEGIES)


@st.composite
def plain_cells(draw, units=None):
    """("GRUCell", {...}): one of the four, of a given width."""
    name = draw(st.sampled_from(PLAIN_CELLS))
    arguments = draw(CELL_STRATEGIES[name])
    if units is not None:
        arguments = {**arguments, "num_units": units, "num_proj": None}
        if name != "LSTMCell":
            del arguments["num_proj"]
    return name, arguments


SHARE = st.sampled_from([1.0, 0.5, 0.7, 0.9, 0.123])
CELL_STRATEGIES["DropoutWrapper"] = strategies.hyperparameters(
    cell=plain_cells(),
    input_keep_prob=SHARE,
    output_keep_prob=SHARE,
    state_keep_prob=SHARE,
    seed=st.sampled_from([0, 5, 2**31 - 1, -3]),
    fed=[False, True],
)
# As wide as the inputs, which the problems therefore draw with three features.
CELL_STRATEGIES["ResidualWrapper"] = strategies.hyperparameters(
    cell=plain_cells(units=3)
)
CELL_STRATEGIES["MultiRNNCell"] = st.fixed_dictionaries(
    {
        "cells": st.lists(
            plain_cells()
            | st.tuples(st.just("DropoutWrapper"), CELL_STRATEGIES["DropoutWrapper"]),
            min_size=1,
            max_size=3,
        )
    }
)

# Traps: one example of every kind, on converted weights of the same values.
UNITS_OF_TRAPS, FEATURES_OF_TRAPS = 5, 3
LENGTHS_OF_TRAPS = np.array([2, 6, 4], np.int32)


@functools.cache
def example(name, masked=False):
    """(problem, {"weights", "outputs"}) of TF1's cell on ordinary data."""
    x = np.random.RandomState(0).standard_normal((3, 6, FEATURES_OF_TRAPS))
    problem = Problem(
        cells=((name, {"num_units": UNITS_OF_TRAPS}),),
        x=x.astype(np.float32),
        lengths=LENGTHS_OF_TRAPS if masked else None,
    )
    (of_tf1,) = run_of_tf1(problem)
    flat = [value for key, value in of_tf1["loss"].items() if key != "loss"]
    return problem, {"weights": list(of_tf1["initial values"].values()), "flat": flat}


def outputs_of_keras(layer, problem, weights, masked=False):
    """What a stock layer returns with the given weights."""
    options = {}
    if masked:
        times = np.arange(problem.x.shape[1])
        options["mask"] = tf.constant(times < problem.lengths[:, None])
    layer.build(problem.x.shape)
    layer.set_weights(weights)
    return tf.nest.map_structure(
        lambda one: one.numpy(), layer(tf.constant(problem.x), **options)
    )


def _off(name, make, convert, masked=False):
    """{1: error} of a stock layer's outputs with weights that ``convert`` makes."""
    problem, of_tf1 = example(name, masked)
    received = outputs_of_keras(make(), problem, convert(*of_tf1["weights"]), masked)
    return {1: relative_error(of_tf1["flat"][0], received)}


def stock(layer, **options):
    return functools.partial(layer, UNITS_OF_TRAPS, return_sequences=True, **options)


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
    problem, of_tf1 = example("GRUCell")
    gate_kernel, _, kernel, bias = of_tf1["weights"]
    weights = [gate_kernel, np.ones(2 * UNITS_OF_TRAPS, np.float32), kernel, 0 * bias]
    layers = [
        outputs_of_keras(stock(keras.layers.GRU, reset_after=False)(), problem, one)
        for one in (
            tf1_semantics.recurrent.gru_weights_to_keras(*weights),
            with_zero_gate_bias(*weights),
        )
    ]
    return {1: relative_error(*layers)}


def _range_of_first_kernels():
    """Spread of the first kernels, of 64 units on 64 features; seeds do not matter."""
    seed = tf1_semantics.initializers.GlorotUniform(seed=(1, 42))
    expected = seed((128, 256), "float32").numpy()
    layer = keras.layers.LSTM(64)
    layer.build((None, None, 64))
    received = np.concatenate([one.numpy() for one in layer.weights[:2]])
    spreads = [
        np.stack([array[:64].std(), array[64:].std()]) for array in (expected, received)
    ]
    return {1: relative_error(*spreads)}


def _first_state_taken_for_the_memory():
    problem, of_tf1 = example("BasicLSTMCell")
    layer = keras.layers.RNN(
        keras.layers.StackedRNNCells([keras.layers.LSTMCell(UNITS_OF_TRAPS)]),
        return_state=True,
    )
    weights = tf1_semantics.recurrent.lstm_weights_to_keras(*of_tf1["weights"])
    received = outputs_of_keras(layer, problem, weights)
    return {1: relative_error(of_tf1["flat"][1], tf.nest.flatten(received[1])[0])}


def _mask_of_a_whole_sequence():
    """TF1's input masks differ from step to step: shares of steps with another mask."""
    x = np.ones((4, 30, 8), np.float32)
    spec = ("DropoutWrapper", {
        "cell": ("BasicRNNCell", {"num_units": 8, "activation": "relu"}),
        "input_keep_prob": 0.7, "seed": 1,
    })  # fmt: skip
    # A cell that hands its input on: identity for the inputs, zeros for the state.
    weights = [np.eye(16, 8, dtype=np.float32), np.zeros(8, np.float32)]
    twin = Twin(Problem((spec,), x))
    for weight, value in zip(twin.weights.values(), weights, strict=False):
        weight.assign(value)
    expected = twin.layer(tf.constant(x), training=True)[0].numpy()
    layer = keras.layers.SimpleRNN(
        8, activation="relu", dropout=0.3, return_sequences=True, seed=1
    )
    layer.build(x.shape)
    layer.set_weights(tf1_semantics.recurrent.basic_rnn_weights_to_keras(*weights))
    received = layer(tf.constant(x), training=True).numpy()
    changes = [
        float((one[:, 1:] != one[:, :-1]).mean()) for one in (expected, received)
    ]
    return {1: abs(changes[1] - changes[0]) / changes[0]}


PROOF = "parity_tests/parts/recurrent_test.py"
CELLS_PROOF = f"{PROOF}::test_cells_in_loops_are_those_of_tf1"
CONVERTERS_PROOF = "parity_tests/parts/recurrent_converters_test.py"
BAD_UNITS = tuple(
    ({"num_units": value}, "num_units") for value in (0, -1, 2.0, None, True)
)
NOT_TUPLES = ({"num_units": 3, "state_is_tuple": False}, "state_is_tuple")
BAD_FORGET_BIAS = tuple(
    ({"num_units": 3, "forget_bias": value}, "forget_bias")
    for value in (None, float("nan"), "1")
)
HARD_SIGMOID = ({"num_units": 3, "activation": "hard_sigmoid"}, "activation")
SEEDED = tf1_semantics.initializers.GlorotUniform(seed=(1, 42))


def a_cell(units=3):
    return tf1_semantics.recurrent.BasicLSTMCell(units)


SHARED = a_cell()


def converter(name, tf1, proof, trap=None, no_trap=None):
    return Part(
        name=f"recurrent.{name}",
        tf1=tf1,
        reference=getattr(rnn_cell_impl, tf1.rpartition(".")[2]),
        proof=f"{CONVERTERS_PROOF}::{proof}",
        traps=(trap,) if trap else (),
        no_trap=no_trap,
    )


UNPERMUTED = Trap(
    write="keras.layers.LSTM(units) with TF1's kernel split in rows, gates as they are",
    off=lambda: _off("BasicLSTMCell", stock(keras.layers.LSTM), unpermuted),
    at_least={1: 0.1},
    instead="layer.set_weights(recurrent.lstm_weights_to_keras(kernel, bias))",
)
RESET_AFTER = Trap(
    write="keras.layers.GRU(units) with its default reset_after=True",
    off=lambda: _off("GRUCell", stock(keras.layers.GRU), for_reset_after),
    at_least={1: 0.05},
    instead="keras.layers.GRU(units, reset_after=False) or recurrent.GRUCell(units)",
)

PARTS = (
    Part(
        name="recurrent.BasicRNNCell",
        tf1="tf.nn.rnn_cell.BasicRNNCell",
        reference=rnn_cell_impl.BasicRNNCell,
        arguments=CELL_STRATEGIES["BasicRNNCell"],
        samples=(
            {"num_units": 3},
            {"num_units": 2, "activation": "relu", "kernel_initializer": SEEDED},
            {"num_units": 2, "activation": None, "dtype": "float64"},
        ),
        refused=(*BAD_UNITS, HARD_SIGMOID),
        proof=CELLS_PROOF,
        no_trap="keras.layers.SimpleRNN with converted weights agrees to rounding",
    ),
    Part(
        name="recurrent.GRUCell",
        tf1="tf.nn.rnn_cell.GRUCell",
        reference=rnn_cell_impl.GRUCell,
        arguments=CELL_STRATEGIES["GRUCell"],
        samples=(
            {"num_units": 3},
            {
                "num_units": 2,
                "activation": "relu",
                "kernel_initializer": SEEDED,
                "bias_initializer": "zeros",
            },
        ),
        refused=(*BAD_UNITS, HARD_SIGMOID),
        proof=CELLS_PROOF,
        traps=(
            RESET_AFTER,
            Trap(
                write="keras.layers.GRU(units, reset_after=False), gate bias from zero",
                off=_gates_at_the_start,
                at_least={1: 0.05},
                instead="recurrent.GRUCell(units), whose gate bias starts at one",
            ),
        ),
    ),
    Part(
        name="recurrent.BasicLSTMCell",
        tf1="tf.nn.rnn_cell.BasicLSTMCell",
        reference=rnn_cell_impl.BasicLSTMCell,
        arguments=CELL_STRATEGIES["BasicLSTMCell"],
        samples=(
            {"num_units": 3},
            {"num_units": 2, "forget_bias": 0.0, "kernel_initializer": SEEDED},
        ),
        refused=(*BAD_UNITS, *BAD_FORGET_BIAS, NOT_TUPLES, HARD_SIGMOID),
        proof=CELLS_PROOF,
        traps=(
            UNPERMUTED,
            Trap(
                write="keras.layers.LSTM(units), gates in order, forget_bias left out",
                off=lambda: _off(
                    "BasicLSTMCell", stock(keras.layers.LSTM), without_forget_bias
                ),
                at_least={1: 0.05},
                instead="recurrent.lstm_weights_to_keras(kernel, bias, 1.0)",
            ),
        ),
    ),
    Part(
        name="recurrent.LSTMCell",
        tf1="tf.nn.rnn_cell.LSTMCell",
        reference=rnn_cell_impl.LSTMCell,
        arguments=CELL_STRATEGIES["LSTMCell"],
        samples=(
            {"num_units": 3},
            {
                "num_units": 4,
                "use_peepholes": True,
                "cell_clip": 3.0,
                "initializer": SEEDED,
                "num_proj": 2,
                "proj_clip": 0.5,
                "forget_bias": 0.0,
                "activation": "relu",
            },
        ),
        refused=(
            *BAD_UNITS,
            *BAD_FORGET_BIAS,
            NOT_TUPLES,
            HARD_SIGMOID,
            *(({"num_units": 3, "cell_clip": one}, "cell_clip") for one in (-1.0, "1")),
            *(({"num_units": 3, "proj_clip": one}, "proj_clip") for one in (-1e-9,)),
            *(({"num_units": 3, "num_proj": one}, "num_proj") for one in (0, -2, 1.5)),
        ),
        proof=CELLS_PROOF,
        traps=(
            Trap(
                write="keras.layers.LSTM(units) trained from its own first weights",
                off=_range_of_first_kernels,
                at_least={1: 0.05},
                instead="recurrent.LSTMCell(units): one glorot_uniform kernel",
            ),
        ),
    ),
    Part(
        name="recurrent.DropoutWrapper",
        tf1="tf.nn.rnn_cell.DropoutWrapper",
        reference=rnn_cell_impl.DropoutWrapper,
        arguments=CELL_STRATEGIES["DropoutWrapper"],
        samples=(
            {"cell": a_cell(), "seed": 1},
            {"cell": a_cell(), "input_keep_prob": 0.5, "seed": (1, 2), "fed": True},
            {
                "cell": a_cell(),
                "state_keep_prob": 0.5,
                "output_keep_prob": 0.1,
                "seed": 3,
                "scaling": "compat.v1",
            },
        ),
        refused=(
            *(
                ({"cell": a_cell(), "seed": 1, name: value}, name)
                for name in ("input_keep_prob", "output_keep_prob", "state_keep_prob")
                for value in (0.0, 1.1, float("nan"), "0.5", None)
            ),
            *(({"cell": a_cell(), **seed}, name) for seed, name in REFUSED_SEEDS),
            ({"cell": a_cell(), "seed": 1, "scaling": "tf1"}, "scaling"),
            ({"cell": None, "seed": 1}, "cell"),
            ({"cell": keras.layers.LSTMCell(3), "seed": 1}, "cell"),
            (
                {"cell": a_cell(), "seed": 1, "variational_recurrent": True},
                "variational_recurrent",
            ),
        ),
        proof=CELLS_PROOF,
        traps=(
            Trap(
                write="keras.layers.LSTM(units, dropout=0.3), one mask a sequence",
                off=_mask_of_a_whole_sequence,
                at_least={1: 0.9},
                instead="recurrent.DropoutWrapper(cell, keep_prob, seed=op_seed)",
            ),
        ),
    ),
    Part(
        name="recurrent.ResidualWrapper",
        tf1="tf.nn.rnn_cell.ResidualWrapper",
        reference=rnn_cell_impl.ResidualWrapper,
        arguments=CELL_STRATEGIES["ResidualWrapper"],
        samples=({"cell": a_cell()},),
        refused=(
            ({"cell": keras.layers.GRUCell(3)}, "cell"),
            ({"cell": "lstm"}, "cell"),
        ),
        proof=CELLS_PROOF,
        no_trap="Keras has no namesake",
    ),
    Part(
        name="recurrent.MultiRNNCell",
        tf1="tf.nn.rnn_cell.MultiRNNCell",
        reference=rnn_cell_impl.MultiRNNCell,
        arguments=CELL_STRATEGIES["MultiRNNCell"],
        samples=({"cells": [a_cell(2), a_cell(3)]}, {"cells": [a_cell(1)]}),
        refused=(
            *(({"cells": value}, "cells") for value in ([], None, a_cell(), ["lstm"])),
            ({"cells": [a_cell()], "state_is_tuple": False}, "state_is_tuple"),
        ),
        proof=CELLS_PROOF,
        traps=(
            Trap(
                write="c, h = the state of keras.layers.StackedRNNCells([LSTMCell(n)])",
                off=_first_state_taken_for_the_memory,
                at_least={1: 0.1},
                instead="recurrent.MultiRNNCell(cells), whose states are (c, h)",
            ),
        ),
    ),
    Part(
        name="recurrent.DynamicRNN",
        tf1="tf.nn.dynamic_rnn",
        reference=tf.compat.v1.nn.dynamic_rnn,
        samples=({"cell": a_cell()}, {"cell": a_cell(), "time_major": True}),
        refused=(
            ({"cell": None}, "cell"),
            ({"cell": keras.layers.LSTMCell(3)}, "cell"),
        ),
        proof=CELLS_PROOF,
        traps=(
            Trap(
                write="keras.layers.LSTM(units, return_sequences=True)(x, mask=mask)",
                off=lambda: _off(
                    "BasicLSTMCell",
                    stock(keras.layers.LSTM),
                    tf1_semantics.recurrent.lstm_weights_to_keras,
                    masked=True,
                ),
                at_least={1: 0.05},
                instead="recurrent.DynamicRNN(cell)(x, sequence_length=lengths)",
            ),
        ),
    ),
    Part(
        name="recurrent.BidirectionalDynamicRNN",
        tf1="tf.nn.bidirectional_dynamic_rnn",
        reference=tf.compat.v1.nn.bidirectional_dynamic_rnn,
        samples=(
            {"cell_fw": a_cell(), "cell_bw": a_cell()},
            {"cell_fw": a_cell(2), "cell_bw": a_cell(3), "time_major": True},
        ),
        refused=(
            ({"cell_fw": None, "cell_bw": a_cell()}, "cell_fw"),
            ({"cell_fw": a_cell(), "cell_bw": "lstm"}, "cell_bw"),
            ({"cell_fw": SHARED, "cell_bw": SHARED}, "cell_bw"),
        ),
        proof=f"{PROOF}::test_both_directions_are_those_of_tf1",
        no_trap="keras.layers.Bidirectional with a mask agrees to rounding",
    ),
    converter(
        "lstm_weights_to_keras",
        "tf.nn.rnn_cell.BasicLSTMCell",
        "test_stock_layers_with_converted_weights_compute_what_tf1_did",
        trap=UNPERMUTED,
    ),
    converter(
        "lstm_weights_from_keras",
        "tf.nn.rnn_cell.BasicLSTMCell",
        "test_weights_come_back_as_they_were",
        no_trap="Keras has no namesake",
    ),
    converter(
        "gru_weights_to_keras",
        "tf.nn.rnn_cell.GRUCell",
        "test_stock_layers_with_converted_weights_compute_what_tf1_did",
        trap=RESET_AFTER,
    ),
    converter(
        "gru_weights_from_keras",
        "tf.nn.rnn_cell.GRUCell",
        "test_weights_come_back_as_they_were",
        no_trap="Keras has no namesake",
    ),
    converter(
        "basic_rnn_weights_to_keras",
        "tf.nn.rnn_cell.BasicRNNCell",
        "test_stock_layers_with_converted_weights_compute_what_tf1_did",
        no_trap="keras.layers.SimpleRNN with converted weights agrees to rounding",
    ),
    converter(
        "basic_rnn_weights_from_keras",
        "tf.nn.rnn_cell.BasicRNNCell",
        "test_weights_come_back_as_they_were",
        no_trap="Keras has no namesake",
    ),
)
