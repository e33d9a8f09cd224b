"""Sums of gradients are TF1's."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.parts.gradients import in_a_function, of_tf1, start
from tf2_keras.tf1_semantics.gradients import gradients


@pytest.mark.slow
@given(seed=st.integers(0, 2**16), size=st.integers(1, 600))
def test_gradients_are_those_of_tf1(seed, size):
    values = start(seed, size)
    np.testing.assert_array_equal(in_a_function(values), of_tf1(values), strict=True)


def test_eager_code_takes_the_tapes_and_what_is_not_used_has_none():
    used, unused = keras.Variable([1.0, 2.0]), tf.Variable(1.0)

    def by_both():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(used.value))
        return gradients(loss, [used, unused], tape)

    for found, none in (by_both(), tf.function(by_both)()):
        assert none is None
        np.testing.assert_array_equal(found, np.float32([2, 4]), strict=True)
