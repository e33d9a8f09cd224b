"""Descriptors of tf1_semantics.recurrent's networks of as many cells as steps."""

import keras
import numpy as np

from parity_tests.parts.descriptor import Part, Trap
from parity_tests.parts.initializers import relative_error
from parity_tests.parts.recurrent import SHARED, a_cell
from parity_tests.parts.recurrent_traps import outputs_of_keras
from parity_tests.parts.recurrent_twins import cell_of_twin, of_loop
from tf1_graph import session
from tf1_graph.parts import recurrent as tf1_recurrent
from tf1_graph.parts import unrolled as tf1_unrolled
from tf2_keras.tf1_semantics import recurrent

PROOF = "parity_tests/parts/unrolled_test.py"


def twin(part, arguments, problem):
    """The twin of ``tf1_graph.parts.unrolled.program``."""
    specs, time_major = tf1_unrolled.loop_of(part, arguments)
    dtype = problem["dtype"]
    cells = [cell_of_twin(spec, dtype) for spec in specs]
    layer = getattr(recurrent, part.partition(".")[2])
    steps = problem["steps"]
    return of_loop(
        layer(*cells, time_major=time_major, dtype=dtype),
        problem["features"],
        (steps, None) if time_major else (None, steps),
    )


def _way_back_at_the_last_step():
    """``outputs[-1]`` of TF1 beside what Bidirectional gives without sequences."""
    units, steps = 5, 6
    cell = ("recurrent.BasicLSTMCell", {"num_units": units})
    arguments = {"cell_fw": cell, "cell_bw": cell}
    problem = {"features": 3, "steps": steps, "dtype": "float32", "initial": False}
    part = "recurrent.StaticBidirectionalRNN"
    program = tf1_unrolled.program(part, arguments, problem)
    x = np.random.RandomState(0).standard_normal((4, steps, 3)).astype(np.float32)
    values = tf1_recurrent.values_of(program)
    moves = [("predict", tf1_recurrent.batch_of(program, x))]
    _, record = session.play(program, moves, values)
    outputs, *_ = record["outputs"].values()
    layer = keras.layers.Bidirectional(keras.layers.LSTM(units))
    weights = [
        weight
        for way in ("fw", "bw")
        for weight in recurrent.lstm_weights_to_keras(
            *(
                values[f"bidirectional_rnn/{way}/basic_lstm_cell/{name}"]
                for name in ("kernel", "bias")
            )
        )
    ]
    return {1: relative_error(outputs[:, -1], outputs_of_keras(layer, x, weights))}


PARTS = (
    Part(
        name="recurrent.StaticRNN",
        tf1=tf1_unrolled.SYMBOLS["recurrent.StaticRNN"],
        samples=({"cell": a_cell()}, {"cell": a_cell(), "time_major": True}),
        refused=(
            ({"cell": None}, "cell"),
            ({"cell": keras.layers.LSTMCell(3)}, "cell"),
        ),
        proof=f"{PROOF}::test_an_unrolled_network_is_that_of_tf1",
        no_trap="keras.layers.RNN(..., unroll=True) agrees to rounding",
    ),
    Part(
        name="recurrent.StaticBidirectionalRNN",
        tf1=tf1_unrolled.SYMBOLS["recurrent.StaticBidirectionalRNN"],
        samples=(
            {"cell_fw": a_cell(), "cell_bw": a_cell()},
            {"cell_fw": a_cell(2), "cell_bw": a_cell(3), "time_major": True},
        ),
        refused=(
            ({"cell_fw": None, "cell_bw": a_cell()}, "cell_fw"),
            ({"cell_fw": a_cell(), "cell_bw": "lstm"}, "cell_bw"),
            ({"cell_fw": SHARED, "cell_bw": SHARED}, "cell_bw"),
        ),
        proof=f"{PROOF}::test_both_directions_unrolled_are_those_of_tf1",
        traps=(
            Trap(
                write="keras.layers.Bidirectional(keras.layers.LSTM(units))(x)",
                off=_way_back_at_the_last_step,
                at_least={1: 0.3},
                instead="outputs, *_ = recurrent.StaticBidirectionalRNN(fw, bw)(x); "
                "outputs[:, -1]",
            ),
        ),
    ),
)
