"""A bias that is added by broadcasting."""

import keras

from tf2_keras.tf1_semantics.errors import initializer_from
from tf2_keras.tf1_semantics.layers.layer import ElementwiseLayer, require_channels


@keras.saving.register_keras_serializable("tf1_semantics")
class AddBias(ElementwiseLayer):
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

    def __init__(self, initializer="zeros", **kwargs):
        super().__init__(**kwargs)
        self.initializer = initializer_from("initializer", initializer)

    def build(self, input_shape):
        channels = require_channels(input_shape)
        self.bias = self.add_weight(
            shape=(channels,), initializer=self.initializer, name="bias"
        )

    def call(self, x):
        return x + self.bias
