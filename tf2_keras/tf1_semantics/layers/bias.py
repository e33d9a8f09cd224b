"""TF1's two ways to add a bias, whose gradients sum in different orders."""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.barriers import apart
from tf2_keras.tf1_semantics.errors import initializer_from
from tf2_keras.tf1_semantics.layers.layer import ElementwiseLayer, require_channels


class _Bias(ElementwiseLayer):
    """A layer with a bias; a subclass adds it."""

    def __init__(self, initializer="zeros", **kwargs):
        super().__init__(**kwargs)
        self.initializer = initializer_from("initializer", initializer)

    def build(self, input_shape):
        channels = require_channels(input_shape)
        self.bias = self.add_weight(
            shape=(channels,), initializer=self.initializer, name="bias"
        )


@keras.saving.register_keras_serializable("tf1_semantics")
class AddBias(_Bias):
    """``x + b``: a bias added by broadcasting, as in ``tf.matmul(x, w) + b``.

    Keras's own layers add theirs with BiasAdd, whose gradient sums in another order.

    Args:
        initializer: of the bias.

    Input shape: [..., channels]. Output shape: the same.
    Raises:
        ValueError: for an unknown initialiser, a channel axis without a size, or an
            input that is not of a float dtype.
    Source: math_ops.add and its gradient, _AddGrad, 1.15.
    """

    def call(self, x):
        return x + self.bias


@keras.saving.register_keras_serializable("tf1_semantics")
class BiasAdd(_Bias):
    """``tf.nn.bias_add(x, b)``, which tf.layers, slim and contrib ended in.

    Behind a convolution Keras's own bias has another gradient: oneDNN computes it
    together with the kernel's, and sums in another order. In TF1's graph the two were
    kept apart, as they are here. Behind a Dense of one unit Keras's own bias is added by
    broadcasting, as AddBias adds it.

    Args:
        initializer: of the bias.

    Input shape: [..., channels]. Output shape: the same.
    Raises:
        ValueError: for an unknown initialiser, a channel axis without a size, or an
            input that is not of a float dtype.
    Source: nn_ops.bias_add and its gradient, _BiasAddGrad, 1.15.
    """

    def call(self, x):
        return _bias_add(x, tf.convert_to_tensor(self.bias))


@tf.custom_gradient
def _bias_add(x, bias):
    def gradient(upstream):
        return upstream, tf.raw_ops.BiasAddGrad(out_backprop=apart(upstream))

    return tf.nn.bias_add(x, bias), gradient
