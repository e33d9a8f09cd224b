"""What TF1's streaming metrics share: variables, shapes, weights."""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.configuration import Configured
from tf2_keras.tf1_semantics.errors import require
from tf2_keras.tf1_semantics.losses.weighting import (
    check_broadcastable,
    require_same_shape,
)


def of_one_shape(y_true, y_pred, sample_weight):
    """The three as tensors; a last axis of size 1 is dropped where it is one too many.

    Source: metrics_impl._remove_squeezable_dimensions.
    """
    rank = y_true.shape.rank - y_pred.shape.rank
    if rank == 1 and y_true.shape[-1] in (1, None):
        y_true = tf.squeeze(y_true, [-1])
    elif rank == -1 and y_pred.shape[-1] in (1, None):
        y_pred = tf.squeeze(y_pred, [-1])
    require_same_shape(y_true, y_pred)
    return y_true, y_pred, weights_for(y_pred, sample_weight)


def weights_for(values, sample_weight):
    """``sample_weight`` in float32 and in the shape of ``values``; None stays None."""
    if sample_weight is None:
        return None
    weights = tf.convert_to_tensor(sample_weight)
    if weights.shape.rank:
        surplus = weights.shape.rank - values.shape.rank
        if surplus == 1 and weights.shape[-1] in (1, None):
            weights = tf.squeeze(weights, [-1])
        elif surplus == -1:
            weights = weights[..., tf.newaxis]
    with tf.control_dependencies(check_broadcastable("sample_weight", weights, values)):
        return tf.cast(weights, tf.float32) * tf.ones_like(values, tf.float32)


def require_all(condition, rule, values, remedy):
    """Raises eagerly; returns [an assertion] for what must not happen without it."""
    holds = tf.reduce_all(condition)
    if tf.executing_eagerly():
        wrong = tf.boolean_mask(
            tf.reshape(values, [-1]), tf.reshape(tf.logical_not(condition), [-1])
        )
        require(bool(holds), rule, wrong[:3].numpy().tolist(), remedy)
        return []
    return [tf.debugging.Assert(holds, [f"{rule}. Received:", values, f". {remedy}."])]


class Streaming(Configured, keras.metrics.Metric):
    """A metric whose variables are float32, whatever Keras's policy is."""

    def add_zeros(self, name, shape=(), dtype="float32"):
        return self.add_variable(
            shape=shape, initializer="zeros", dtype=dtype, name=name
        )
