"""Claims about sums of many terms: in the order that TF1's names gave them."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from tf2_keras.tf1_semantics import sums


@pytest.mark.parametrize("count", [1, 2, 3, 9, 60])
def test_a_sum_is_taken_in_the_order_of_tf1_s_names(count):
    """Grappler sorts the terms by their nodes' names, in a function as in a Session."""
    random = np.random.RandomState(count)
    values = [np.float32(value) for value in 10.0 ** random.uniform(-4, 4, size=count)]
    # Names that sort otherwise than the terms were made.
    names = [f"penalty_{number}" for number in random.permutation(count)]
    with tf.Graph().as_default() as graph:
        terms = [
            tf.multiply(tf1.placeholder_with_default(value, []), 1.5, name=name)
            for value, name in zip(values, names, strict=True)
        ]
        total = tf.add_n(terms)
        with tf1.Session(graph=graph) as session:
            expected = session.run(total)
    ordered = [value for _, value in sorted(zip(names, values, strict=True))]

    @tf.function
    def summed(terms):
        with tf.GradientTape() as tape:
            tape.watch(terms)
            total = sums.add_n([term * 1.5 for term in terms])
        return total, tape.gradient(total, terms)

    received, gradients = summed([tf.constant(value) for value in ordered])
    np.testing.assert_array_equal(received.numpy(), expected, strict=True)
    assert [gradient.numpy() for gradient in gradients] == [1.5] * count
