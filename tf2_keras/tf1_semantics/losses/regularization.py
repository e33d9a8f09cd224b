"""TF1's penalties of weights as Keras regularisers."""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.configuration import Configured
from tf2_keras.tf1_semantics.errors import require_not_negative


@keras.saving.register_keras_serializable("tf1_semantics")
class L2(Configured, keras.regularizers.Regularizer):
    """``scale * tf.nn.l2_loss(x)``: ``scale * sum(x^2) / 2``.

    Keras's L2 has no half: L2(scale / 2) there is the same up to rounding.

    Args:
        scale: float, not negative.

    Returns on call: a scalar of the dtype of ``x``.
    Source: tf.contrib.layers.l2_regularizer, nn_ops.l2_loss.
    """

    def __init__(self, scale):
        require_not_negative("scale", scale, 1e-4)
        self.scale = scale

    def __call__(self, x):
        x = tf.convert_to_tensor(x)
        return tf.constant(self.scale, x.dtype) * tf.nn.l2_loss(x)
