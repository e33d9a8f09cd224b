"""Loops that a program wrote out itself: what they hand on, with TF1's gradient."""

import numpy as np
import pytest
import tensorflow as tf

from parity_tests.pair.pair import Pair
from parity_tests.parts.recurrent_twins import written_out
from tf1_graph.parts import recurrent as tf1_recurrent
from tf2_keras.tf1_semantics import recurrent


def compared(dtype, *carried):
    """The Comparison of a written-out loop over 23 steps with TF1's."""
    problem = {"features": 3, "dtype": dtype}
    program = tf1_recurrent.program(tf1_recurrent.CARRIED, {}, problem)
    x = np.random.RandomState(0).standard_normal((23, 5, 3)).astype(dtype)
    batch = tf1_recurrent.batch_of(program, x, time_major=True)
    values = tf1_recurrent.values_of(program)
    with Pair(program, written_out(problem, *carried)) as pair:
        return pair.compare([("train", batch)] * 2, "function", values)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_loop_that_is_written_out_is_that_of_tf1(dtype):
    assert compared(dtype).require_agreement().records == 3


def test_without_the_barrier_its_gradients_are_summed_in_another_order():
    comparison = compared("float32", lambda state: state)
    assert comparison.cells["outputs"].ok and not comparison.cells["gradients"].ok


def test_a_state_of_any_structure_is_carried_as_it_is():
    state = {"h": tf.constant([1.0, -0.0]), "c": (tf.constant(2.0),)}
    with tf.GradientTape() as tape:
        tape.watch(state)
        same = recurrent.carried(state)
        total = tf.reduce_sum(3 * same["h"]) + same["c"][0]
    tf.nest.assert_same_structure(state, same)
    for before, after in zip(*map(tf.nest.flatten, (state, same)), strict=True):
        np.testing.assert_array_equal(before, after, strict=True)
    gradients = tape.gradient(total, state)
    assert gradients["h"].numpy().tolist() == [3, 3] and gradients["c"][0] == 1
