"""Networks of as many cells as steps: claims against compat.v1 graphs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.parts.pairs import Pairs
from parity_tests.parts.recurrent import plain_cells
from parity_tests.parts.recurrent_test import DTYPES, FEW, require_parity
from parity_tests.parts.unrolled import twin
from tf1_graph.parts import recurrent as tf1_recurrent
from tf1_graph.parts import unrolled
from tf1_graph.parts.recurrent import FEATURES
from tf2_keras.tf1_semantics.recurrent import (
    BasicLSTMCell,
    DropoutWrapper,
    StaticRNN,
)

PAIRS = Pairs(unrolled.program, twin)
STACK = {
    "cells": [
        ("recurrent.GRUCell", {"num_units": 3}),
        ("recurrent.LSTMCell", {"num_units": 3, "use_peepholes": True}),
        ("recurrent.BasicRNNCell", {"num_units": 2}),
    ]
}
CELLS = plain_cells() | st.just(("recurrent.MultiRNNCell", STACK))


def has_peepholes(cell):
    name, arguments = cell
    if name == "recurrent.MultiRNNCell":
        return any(map(has_peepholes, arguments["cells"]))
    return arguments.get("use_peepholes", False)


def require_drawn_parity(data, part, arguments):
    """The same bits of drawn problems, numbers of steps, inputs and weights.

    Of a loss that depends on the outputs alone: of a state that has two gradients within
    the network, one from outside is the third, whose place in the sum TF1 chose by the
    name of an op out there.
    """
    # From zeros on, Grappler's arithmetic optimizer rewrote what peepholes are added to.
    starts = [True] if any(map(has_peepholes, arguments.values())) else [False, True]
    steps = data.draw(st.sampled_from([1, 2, 3, 12]))
    problem = {
        "features": FEATURES,
        "dtype": data.draw(st.sampled_from(DTYPES)),
        "initial": data.draw(st.sampled_from(starts)),
        "steps": steps,
    }
    arguments = {**arguments, "time_major": data.draw(st.booleans())}
    batch_size = data.draw(st.integers(1, 4))
    shape = [batch_size, batch_size, FEATURES]
    shape[0 if arguments["time_major"] else 1] = steps
    x = data.draw(
        strategies.arrays(tuple(shape), dtype=problem["dtype"], magnitude=10.0)
    )
    seed = data.draw(st.integers(0, 2**31))
    pair = PAIRS(part, arguments, problem)
    batch = tf1_recurrent.batch_of(
        pair.program, x, time_major=arguments["time_major"], seed=seed
    )
    for name in batch:
        if name.startswith("upstream_") and name != "upstream_0":
            batch[name] = np.zeros_like(batch[name])
    require_parity(pair, batch, tf1_recurrent.values_of(pair.program, seed))


@pytest.mark.slow
@FEW
@given(data=st.data())
def test_an_unrolled_network_is_that_of_tf1(data):
    require_drawn_parity(data, "recurrent.StaticRNN", {"cell": data.draw(CELLS)})


@pytest.mark.slow
@FEW
@given(data=st.data())
def test_both_directions_unrolled_are_those_of_tf1(data):
    arguments = {"cell_fw": data.draw(CELLS), "cell_bw": data.draw(CELLS)}
    require_drawn_parity(data, "recurrent.StaticBidirectionalRNN", arguments)


@pytest.mark.parametrize("steps", [3, 12, 28])
def test_weights_with_many_gradients_add_them_in_the_order_of_tf1(steps):
    """By name the eleventh comes before the second."""
    problem = {"features": FEATURES, "dtype": "float32", "initial": False}
    pair = PAIRS(
        "recurrent.StaticRNN", {"cell": tf1_recurrent.LSTM}, {**problem, "steps": steps}
    )
    x = np.random.RandomState(0).standard_normal((3, steps, FEATURES))
    batch = tf1_recurrent.batch_of(pair.program, x.astype(np.float32))
    require_parity(pair, batch, tf1_recurrent.values_of(pair.program))


def test_an_unknown_number_of_steps_is_refused():
    with pytest.raises(ValueError, match="^inputs must have a known number of time"):
        StaticRNN(BasicLSTMCell(2)).build((None, None, 3))


def test_a_dropout_is_refused():
    dropped = DropoutWrapper(BasicLSTMCell(2), output_keep_prob=0.5, seed=1)
    with pytest.raises(ValueError, match="^cell must be without dropout. Received: "):
        StaticRNN(dropped).build((None, 4, 3))
