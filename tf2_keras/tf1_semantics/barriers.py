"""What stood between two ops in TF1's graphs and kept Grappler from merging them."""

import tensorflow as tf


def apart(x):
    """``x`` as it is, with an op of its own.

    ``tf.gradients`` put a control dependency behind every op with several gradients,
    past which neither Grappler nor oneDNN looked.
    """
    return tf.raw_ops.Snapshot(input=x)


@tf.custom_gradient
def with_value_apart(x):
    """``x`` by way of an op of its own; its gradient comes as it is."""
    return apart(x), lambda gradient: gradient


@tf.custom_gradient
def with_gradient_apart(x):
    """``x`` as it is; its gradient comes ``apart``."""
    return x, apart
