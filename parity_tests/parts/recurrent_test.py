"""TF1's cells and loops as Keras layers: claims against compat.v1 graphs."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests.engine import budgets, strategies
from parity_tests.engine.comparison import compare_plays
from parity_tests.pair.pair import Pair
from parity_tests.parts.pairs import Pairs
from parity_tests.parts.recurrent import CELL_STRATEGIES
from parity_tests.parts.recurrent_twins import cell_of_twin, named, of_loop, twin
from parity_tests.witness import golden, replay
from tf1_graph import session
from tf1_graph.parts import recurrent as tf1_recurrent
from tf1_graph.parts.recurrent import FEATURES, batch_of, values_of
from tf2_keras import training
from tf2_keras.tf1_semantics.recurrent import (
    DynamicRNN,
    LSTMCell,
)

DTYPES = ("float32", "float64", "float16")
RNN = ("recurrent.BasicRNNCell", {"num_units": 4})
LSTM = ("recurrent.BasicLSTMCell", {"num_units": 4})
GRU = ("recurrent.GRUCell", {"num_units": 4})
PEEPHOLES = ("recurrent.LSTMCell", {"num_units": 4, "use_peepholes": True})
# Graphs of loops are slow to build: few examples, more in the other profiles.
FEW = settings(max_examples=max(2, settings.default.max_examples // 8))
PAIRS = Pairs(tf1_recurrent.program, twin)


def problem_of(dtype="float32", lengths="int32", initial=False):
    return {
        "features": FEATURES, "dtype": dtype, "lengths": lengths, "initial": initial,
    }  # fmt: skip


def ordinary(built, time=23, lengths=(0, 5, 23, 7)):
    """({input: array}, {variable: array}) of normal data, the same in every test."""
    takes_lengths = "sequence_length" in built.inputs
    x = np.random.RandomState(0).standard_normal((len(lengths), time, FEATURES))
    x = x.astype(built.inputs["x"].dtype.as_numpy_dtype)
    lengths = np.array(lengths, np.int32) if takes_lengths else None
    return batch_of(built, x, lengths), values_of(built)


def require_parity(pair, batch, values, levels=("function", "eager"), steps=1):
    """Fails unless both sides agree to the bit: outputs, states, gradients."""
    for level in levels:
        comparison = pair.compare([("train", batch)] * steps, level, values)
        comparison.require_agreement(reproduce=level)
        assert comparison.records == steps + 1


@st.composite
def inputs(draw, problem, time_major):
    """(x, lengths) of awkward data; of the lengths some are 0 or full."""
    batch, time = draw(st.integers(1, 5)), draw(st.sampled_from([1, 2, 3, 7, 24]))
    shape = (time, batch, FEATURES) if time_major else (batch, time, FEATURES)
    x = draw(strategies.arrays(shape, dtype=problem["dtype"], magnitude=10.0))
    if problem["lengths"] is None:
        return x, None
    lengths = st.lists(st.integers(0, time), min_size=batch, max_size=batch)
    return x, np.array(draw(lengths), problem["lengths"])


@st.composite
def problems(draw):
    return problem_of(
        draw(st.sampled_from(DTYPES)),
        draw(st.sampled_from([None, "int32", "int64"])),
        draw(st.booleans()),
    )


def require_drawn_parity(data, part, arguments, steps=1):
    """The same of drawn problems, inputs and weights."""
    problem = data.draw(problems())
    pair = PAIRS(part, arguments, problem)
    time_major = arguments.get("time_major", False)
    x, lengths = data.draw(inputs(problem, time_major))
    seed = data.draw(st.integers(0, 2**31))
    batch = batch_of(pair.program, x, lengths, time_major, seed)
    require_parity(pair, batch, values_of(pair.program, seed), steps=steps)


@pytest.mark.slow
@pytest.mark.parametrize("part", CELL_STRATEGIES)
@FEW
@given(data=st.data())
def test_cells_in_loops_are_those_of_tf1(part, data):
    cell = (part, data.draw(CELL_STRATEGIES[part]))
    arguments = {"cell": cell, "time_major": data.draw(st.booleans())}
    # The second step finds the streams of dropouts where the first left them.
    require_drawn_parity(data, "recurrent.DynamicRNN", arguments, steps=2)


BOTH = {"cell_fw": LSTM, "cell_bw": GRU}


@pytest.mark.slow
@FEW
@given(data=st.data())
def test_both_directions_are_those_of_tf1(data):
    arguments = {**BOTH, "time_major": data.draw(st.booleans())}
    require_drawn_parity(data, "recurrent.BidirectionalDynamicRNN", arguments)


@pytest.mark.slow
def test_both_directions_with_peepholes_are_those_of_tf1():
    arguments = {"cell_fw": PEEPHOLES, "cell_bw": PEEPHOLES}
    pair = PAIRS("recurrent.BidirectionalDynamicRNN", arguments, problem_of())
    require_parity(pair, *ordinary(pair.program))


# (cell, arguments, options that bind): what an example may draw and never feel.
PROJECTED = {"num_units": 4, "num_proj": 3}
WRAPPED = {"cell": ("recurrent.LSTMCell", PROJECTED), "seed": 3}
OPTIONS = [
    ("BasicRNNCell", {"num_units": 4}, {"activation": "relu"}),
    ("GRUCell", {"num_units": 4}, {"activation": "relu"}),
    ("BasicLSTMCell", {"num_units": 4}, {"activation": "softsign"}),
    ("BasicLSTMCell", {"num_units": 4}, {"forget_bias": 0.0}),
    ("LSTMCell", {"num_units": 4}, {"use_peepholes": True}),
    ("LSTMCell", {"num_units": 4}, {"num_proj": 3}),
    ("LSTMCell", {"num_units": 4}, {"cell_clip": 0.1}),
    ("LSTMCell", {"num_units": 4, "use_peepholes": True}, {"cell_clip": 0.1}),
    ("LSTMCell", PROJECTED, {"proj_clip": 0.05}),
    ("LSTMCell", {"num_units": 4}, {"forget_bias": -1.0}),
    ("LSTMCell", {"num_units": 4}, {"activation": "softsign"}),
    ("DropoutWrapper", WRAPPED, {"input_keep_prob": 0.7}),
    ("DropoutWrapper", WRAPPED, {"output_keep_prob": 0.7}),
    ("DropoutWrapper", WRAPPED, {"state_keep_prob": 0.7}),
    ("DropoutWrapper", {**WRAPPED, "fed": True}, {"state_keep_prob": 0.7}),
]


@pytest.mark.parametrize(
    "name, arguments, options",
    [
        pytest.param(*case, id="-".join([case[0], *case[2], *list(case[1])[1:]]))
        for case in OPTIONS
    ],
)
def test_every_option_of_a_cell_binds_and_is_that_of_tf1(name, arguments, options):
    """As it would be found if one side left it out."""
    part, problem = f"recurrent.{name}", problem_of()
    bound = PAIRS(part, {**arguments, **options}, problem)
    batch, values = ordinary(bound.program, time=7, lengths=(0, 5, 7))
    require_parity(bound, batch, values, levels=["function"])
    *_, record = bound.reference([("train", batch)], values)
    seen = list(record["outputs"].values())
    for option, tensor in (("cell_clip", 1), ("proj_clip", 0)):
        if option in options:
            assert (np.abs(seen[tensor]) == np.float32(options[option])).any()
    free = PAIRS(part, arguments, problem)
    batch = {name: batch[name] for name in ("x", "sequence_length")}
    moves = [("predict", batch)]
    values = {name: values[name] for name in free.program.variables}
    *_, record = free.reference(moves, values if "num_proj" not in options else None)
    assert not np.array_equal(seen[0], record["outputs"]["output or state 0"])


@pytest.mark.parametrize("part", CELL_STRATEGIES)
def test_cells_start_as_tf1_s_do(part):
    """Kernels from the seed of the variable scope, biases from what a cell says."""
    for arguments in tf1_recurrent.STARTS[part.partition(".")[2]]:
        if arguments.get("cell", (None,))[0] == tf1_recurrent.ECHO:
            continue  # has no weights
        for dtype in DTYPES:
            pair = PAIRS(part, arguments, problem_of(dtype, None))
            comparison = pair.compare([], "eager").require_agreement()
            cell = comparison.cells["initial values"]
            assert cell.compared == len(pair.program.variables)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_with_relu_a_loop_is_that_of_1_15_5_to_the_bit(dtype, needed_here):
    """What budgets say of sigmoid and tanh; float32's gradients are oneDNN's products."""
    play = f"BasicRNNCell 2 {dtype}"
    case = tf1_recurrent.CASES[play]
    assert case.arguments["activation"] == "relu"
    stored = golden.Golden(replay.GOLDENS / "parts" / "recurrent")
    if dtype == "float32":  # products sum in an order of the processor's extensions
        needed_here("parts/recurrent")
    of_products = budgets.Budget(normwise=4 if dtype == "float32" else None)
    replay.compare(
        stored,
        play,
        session.play(*tf1_recurrent.play(case)),
        lambda stage, _: of_products if stage == "gradients" else budgets.Budget(),
    ).require_agreement()


@pytest.mark.slow
@pytest.mark.parametrize("lengths", [None, "int32"], ids=["full", "lengths"])
@pytest.mark.parametrize(
    "cell",
    [
        pytest.param(PEEPHOLES, id="peepholes"),
        pytest.param(
            (
                "recurrent.MultiRNNCell",
                {
                    "cells": [
                        LSTM,
                        GRU,
                        ("recurrent.ResidualWrapper", {"cell": GRU}),
                        ("recurrent.ResidualWrapper", {"cell": PEEPHOLES}),
                    ]
                },
            ),
            id="stack",
        ),
        pytest.param(
            (
                "recurrent.DropoutWrapper",
                {
                    "cell": ("recurrent.MultiRNNCell", {"cells": [LSTM, GRU]}),
                    "state_keep_prob": 0.8,
                    "output_keep_prob": 0.5,
                    "seed": 7,
                },
            ),
            id="dropout-around-a-stack",
        ),
    ],
)
def test_tensors_with_three_gradients_add_them_in_the_order_of_tf1(cell, lengths):
    """Grappler sorts the inputs of a sum by name, over 23 steps here."""
    pair = PAIRS(*cell, problem_of(lengths=lengths))
    require_parity(pair, *ordinary(pair.program))


def twin_of_outputs(weights, predict):
    """A twin of which outputs alone are compared; weights by TF1's names."""
    return training.Twin(weights, {"predict": predict})


@pytest.mark.parametrize("masked", [False, True], ids=["full", "masked"])
@pytest.mark.parametrize("spec", [LSTM, GRU, PEEPHOLES], ids=lambda spec: spec[0])
def test_cells_work_in_the_loop_of_keras(spec, masked):
    """Outputs and final state to the bit; the zeros past the end need the option."""
    program = tf1_recurrent.program(
        *spec, problem_of(lengths="int32" if masked else None)
    )
    cell = cell_of_twin(spec)
    layer = keras.layers.RNN(
        cell, return_sequences=True, return_state=True, zero_output_for_mask=True
    )
    layer.build((None, None, FEATURES))

    def predict(x, sequence_length=None, **_):
        mask = None
        if masked:
            mask = tf.range(tf.shape(x)[1]) < sequence_length[:, None]
        return {"outputs": named(tf.nest.flatten(layer(x, mask=mask)))}

    batch, values = ordinary(program, lengths=(1, 5, 23, 7))
    twin_of_rnn = twin_of_outputs(DynamicRNN(cell).tf1_weights(), predict)
    with Pair(program, twin_of_rnn) as pair:
        moves = [("predict", batch)]
        pair.compare(moves, "function", values).require_agreement()


@pytest.mark.parametrize("level", ["function", "eager"])
@pytest.mark.parametrize("spec", [RNN, LSTM, GRU, PEEPHOLES], ids=lambda spec: spec[0])
def test_cells_work_alone(spec, level, needed_here):
    program = tf1_recurrent.program(*spec, problem_of(lengths=None, initial=True))
    cell = cell_of_twin(spec)
    cell.build((None, FEATURES))

    def predict(x, initial_0, initial_1=None, **_):
        states = [initial_0] if initial_1 is None else [initial_0, initial_1]
        states = tf.nest.pack_sequence_as(cell.state_size, states)
        output, states = cell(x[:, 0], states)
        return {"outputs": named([output[:, None], *tf.nest.flatten(states)])}

    batch, values = ordinary(program, time=1)
    # An LSTM has a split behind its bias, so that nothing is fused.
    budget_for = budgets.budget_for(spec[0], level)
    twin_of_cell = twin_of_outputs(DynamicRNN(cell).tf1_weights(), predict)
    with Pair(program, twin_of_cell, lambda _: budget_for) as pair:
        comparison = pair.compare([("predict", batch)], level, values)
    comparison.require_agreement()
    needed = budget_for("outputs", None).normwise is not None
    differs = comparison.cells["outputs"].normwise > 0
    if needed and not differs:
        needed_here("parts/recurrent")
    assert differs == needed


FAULTS = {
    "gates in the order of Keras": ("kernel", lambda kernel: np.concatenate(
        [np.split(kernel, 4, -1)[gate] for gate in (0, 2, 1, 3)], -1
    )),
    "a transposed state": ("kernel", lambda kernel: np.concatenate(
        [kernel[FEATURES:], kernel[:FEATURES]]
    )),
    "forget_bias in the weights as well": ("bias", lambda bias: bias + np.repeat(
        [0, 0, 1, 0], len(bias) // 4
    ).astype(bias.dtype)),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_faulty_weights_are_found(fault):
    pair = PAIRS(*LSTM, problem_of())
    batch, values = ordinary(pair.program, time=5, lengths=(0, 5, 2))
    moves = [("train", batch)]
    name, spoil = FAULTS[fault]
    name = f"rnn/basic_lstm_cell/{name}"
    spoiled = {**values, name: spoil(values[name])}
    comparison = compare_plays(
        pair.reference(moves, values), pair.candidate(moves, "function", spoiled)
    )
    assert not comparison.cells["outputs"].ok and not comparison.cells["loss"].ok


class RenamedCell(LSTMCell):
    """A cell whose ops' names sort before those of the loop, as TF1's did not."""

    scope = "Another"

    def tf1_weights(self):
        return {
            name.replace(self.scope, LSTMCell.scope): weight
            for name, weight in super().tf1_weights().items()
        }


def test_names_of_ops_decide_over_the_last_bits():
    program = tf1_recurrent.program(*PEEPHOLES, problem_of())
    layer = DynamicRNN(RenamedCell(4, use_peepholes=True))
    with Pair(program, of_loop(layer, FEATURES)) as pair:
        batch, values = ordinary(program)
        cells = pair.compare([("train", batch)], "function", values).cells
    assert cells["outputs"].ok and not cells["gradients"].ok


class LateLoop(DynamicRNN):
    """Counts lengths from one."""

    def _loop(self, inputs, state, sequence_length=None, training=False):
        return super()._loop(inputs, state, sequence_length + 1, training)


def test_a_loop_that_ends_one_step_late_is_found():
    program = tf1_recurrent.program(*GRU, problem_of())
    with Pair(program, of_loop(LateLoop(cell_of_twin(GRU)), FEATURES)) as pair:
        batch, values = ordinary(program, time=5, lengths=(0, 2, 4))
        comparison = pair.compare([("train", batch)], "function", values)
    assert comparison.first_divergence.stage == "outputs"


# Bad input.
