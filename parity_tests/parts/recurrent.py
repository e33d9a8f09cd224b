"""Descriptors of tf1_semantics.recurrent. Twins and traps have files of their own."""

import keras
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.parts.descriptor import Part
from parity_tests.parts.initializers import REFUSED_SEEDS
from parity_tests.parts.recurrent_traps import (
    CLOSED_GATES,
    FIRST_KERNELS,
    FORGOTTEN_BIAS,
    ONE_MASK,
    REPEATED_OUTPUTS,
    RESET_AFTER,
    SWAPPED_STATES,
    UNPERMUTED,
)
from parity_tests.parts.recurrent_twins import twin as twin
from tf1_graph.parts.recurrent import SYMBOLS
from tf2_keras import tf1_semantics

# The parts' arguments.
UNITS = st.integers(1, 5)
FORGET_BIAS = st.sampled_from([1.0, 0.0, 0.3, -1.0])
ACTIVATION = st.sampled_from(["tanh", None, "relu", "sigmoid", "softsign"])
CELL_STRATEGIES = {
    "recurrent.BasicRNNCell": strategies.hyperparameters(
        num_units=UNITS, activation=ACTIVATION
    ),
    "recurrent.GRUCell": strategies.hyperparameters(
        num_units=UNITS, activation=ACTIVATION
    ),
    "recurrent.BasicLSTMCell": strategies.hyperparameters(
        num_units=UNITS, activation=ACTIVATION, forget_bias=FORGET_BIAS
    ),
    "recurrent.LSTMCell": strategies.hyperparameters(
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
    """("recurrent.GRUCell", {...}): one of the four, of a given width."""
    name = draw(st.sampled_from(PLAIN_CELLS))
    arguments = draw(CELL_STRATEGIES[name])
    if units is not None:
        arguments = {**arguments, "num_units": units, "num_proj": None}
        if name != "recurrent.LSTMCell":
            del arguments["num_proj"]
    return name, arguments


SHARE = st.sampled_from([1.0, 0.5, 0.7, 0.9, 0.123])
CELL_STRATEGIES["recurrent.DropoutWrapper"] = strategies.hyperparameters(
    cell=plain_cells(),
    input_keep_prob=SHARE,
    output_keep_prob=SHARE,
    state_keep_prob=SHARE,
    seed=st.sampled_from([0, 5, 2**31 - 1, -3]),
    fed=[False, True],
    scaling=["1.15", "compat.v1"],
)
# As wide as the inputs, which the problems therefore draw with three features.
CELL_STRATEGIES["recurrent.ResidualWrapper"] = strategies.hyperparameters(
    cell=plain_cells(units=3)
)
CELL_STRATEGIES["recurrent.MultiRNNCell"] = st.fixed_dictionaries(
    {
        "cells": st.lists(
            plain_cells()
            | st.tuples(
                st.just("recurrent.DropoutWrapper"),
                CELL_STRATEGIES["recurrent.DropoutWrapper"],
            ),
            min_size=1,
            max_size=3,
        )
    }
)

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


def converter(name, proof, trap=None, no_trap=None):
    return Part(
        name=f"recurrent.{name}",
        tf1=SYMBOLS[f"recurrent.{name}"],
        proof=f"{CONVERTERS_PROOF}::{proof}",
        traps=(trap,) if trap else (),
        no_trap=no_trap,
    )


PARTS = (
    Part(
        name="recurrent.BasicRNNCell",
        tf1=SYMBOLS["recurrent.BasicRNNCell"],
        arguments=CELL_STRATEGIES["recurrent.BasicRNNCell"],
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
        tf1=SYMBOLS["recurrent.GRUCell"],
        arguments=CELL_STRATEGIES["recurrent.GRUCell"],
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
            CLOSED_GATES,
        ),
    ),
    Part(
        name="recurrent.BasicLSTMCell",
        tf1=SYMBOLS["recurrent.BasicLSTMCell"],
        arguments=CELL_STRATEGIES["recurrent.BasicLSTMCell"],
        samples=(
            {"num_units": 3},
            {"num_units": 2, "forget_bias": 0.0, "kernel_initializer": SEEDED},
        ),
        refused=(*BAD_UNITS, *BAD_FORGET_BIAS, NOT_TUPLES, HARD_SIGMOID),
        proof=CELLS_PROOF,
        traps=(
            UNPERMUTED,
            FORGOTTEN_BIAS,
        ),
    ),
    Part(
        name="recurrent.LSTMCell",
        tf1=SYMBOLS["recurrent.LSTMCell"],
        arguments=CELL_STRATEGIES["recurrent.LSTMCell"],
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
            *(
                ({"num_units": 3, "cell_clip": clip}, "cell_clip")
                for clip in (-1.0, "1")
            ),
            *(({"num_units": 3, "proj_clip": clip}, "proj_clip") for clip in (-1e-9,)),
            *(
                ({"num_units": 3, "num_proj": width}, "num_proj")
                for width in (0, -2, 1.5)
            ),
        ),
        proof=CELLS_PROOF,
        traps=(FIRST_KERNELS,),
    ),
    Part(
        name="recurrent.DropoutWrapper",
        tf1=SYMBOLS["recurrent.DropoutWrapper"],
        arguments=CELL_STRATEGIES["recurrent.DropoutWrapper"],
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
        traps=(ONE_MASK,),
    ),
    Part(
        name="recurrent.ResidualWrapper",
        tf1=SYMBOLS["recurrent.ResidualWrapper"],
        arguments=CELL_STRATEGIES["recurrent.ResidualWrapper"],
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
        tf1=SYMBOLS["recurrent.MultiRNNCell"],
        arguments=CELL_STRATEGIES["recurrent.MultiRNNCell"],
        samples=({"cells": [a_cell(2), a_cell(3)]}, {"cells": [a_cell(1)]}),
        refused=(
            *(({"cells": value}, "cells") for value in ([], None, a_cell(), ["lstm"])),
            ({"cells": [a_cell()], "state_is_tuple": False}, "state_is_tuple"),
        ),
        proof=CELLS_PROOF,
        traps=(SWAPPED_STATES,),
    ),
    Part(
        name="recurrent.DynamicRNN",
        tf1=SYMBOLS["recurrent.DynamicRNN"],
        samples=(
            {"cell": a_cell()},
            {"cell": a_cell(), "time_major": True, "stateful": True},
        ),
        refused=(
            ({"cell": None}, "cell"),
            ({"cell": a_cell(), "stateful": 1}, "stateful"),
            ({"cell": keras.layers.LSTMCell(3)}, "cell"),
        ),
        proof=CELLS_PROOF,
        traps=(REPEATED_OUTPUTS,),
    ),
    Part(
        name="recurrent.BidirectionalDynamicRNN",
        tf1=SYMBOLS["recurrent.BidirectionalDynamicRNN"],
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
    Part(
        name="recurrent.carried",
        tf1=SYMBOLS["recurrent.carried"],
        proof="parity_tests/parts/written_out_test.py"
        "::test_a_loop_that_is_written_out_is_that_of_tf1",
        no_trap="Keras has no namesake; a loop without it is off by roundings",
    ),
    converter(
        "lstm_weights_to_keras",
        "test_stock_layers_with_converted_weights_compute_what_tf1_did",
        trap=UNPERMUTED,
    ),
    converter(
        "lstm_weights_from_keras",
        "test_weights_come_back_as_they_were",
        no_trap="Keras has no namesake",
    ),
    converter(
        "gru_weights_to_keras",
        "test_stock_layers_with_converted_weights_compute_what_tf1_did",
        trap=RESET_AFTER,
    ),
    converter(
        "gru_weights_from_keras",
        "test_weights_come_back_as_they_were",
        no_trap="Keras has no namesake",
    ),
    converter(
        "basic_rnn_weights_to_keras",
        "test_stock_layers_with_converted_weights_compute_what_tf1_did",
        no_trap="keras.layers.SimpleRNN with converted weights agrees to rounding",
    ),
    converter(
        "basic_rnn_weights_from_keras",
        "test_weights_come_back_as_they_were",
        no_trap="Keras has no namesake",
    ),
)
