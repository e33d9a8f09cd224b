"""A bias that is added by broadcasting."""

import keras

from tf2_keras.tf1_semantics.errors import require


def initializer_from(name, identifier):
    """The Keras initialiser that the argument ``name`` stands for."""
    try:
        initializer = keras.initializers.get(identifier)
    except ValueError:
        initializer = None
    require(
        initializer is not None,
        f"{name} must be an initializer or the name of one",
        repr(identifier),
        "Use 'zeros'",
    )
    return initializer


@keras.saving.register_keras_serializable("tf1_semantics")
class AddBias(keras.layers.Layer):
    """``x + b``: a bias added by broadcasting, as in ``tf.matmul(x, w) + b``.

    Keras's own layers add theirs with BiasAdd, whose gradient sums in another order.

    Args:
        initializer: of the bias.

    Input shape: [..., channels]. Output shape: the same.
    Raises:
        ValueError: for an unknown initialiser, or a channel axis without a size.
    Source: math_ops.add and its gradient, _AddGrad, 1.15.
    """

    def __init__(self, initializer="zeros", **kwargs):
        super().__init__(**kwargs)
        self.initializer = initializer_from("initializer", initializer)

    def build(self, input_shape):
        require(
            len(input_shape) > 0 and input_shape[-1] is not None,
            "channels must be known",
            repr(tuple(input_shape)),
            "Use an input whose last axis has a size",
        )
        self.bias = self.add_weight(
            shape=(input_shape[-1],), initializer=self.initializer, name="bias"
        )

    def call(self, x):
        return x + self.bias

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super().get_config()
        config["initializer"] = keras.initializers.serialize(self.initializer)
        return config
