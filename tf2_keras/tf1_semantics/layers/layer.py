"""What the layers share: what they take, and a configuration by signature."""

import keras

from tf2_keras.tf1_semantics.configuration import Configured
from tf2_keras.tf1_semantics.errors import require, require_dtype


class TF1Layer(Configured, keras.layers.Layer):
    """A layer that refuses, before anything happens, what TF1's op had no kernel for."""

    kinds_of_inputs = ("floating",)

    def __call__(self, *args, **kwargs):
        usual = self.compute_dtype if "floating" in self.kinds_of_inputs else "int64"
        for inputs in (*args, *kwargs.values())[:1]:
            require_dtype("inputs", inputs, self.kinds_of_inputs, usual)
        return super().__call__(*args, **kwargs)


class ElementwiseLayer(TF1Layer):
    """A layer whose outputs have the shape of its inputs."""

    def compute_output_shape(self, input_shape):
        return input_shape


def require_channels(input_shape, axis=-1):
    """Number of channels of an input whose axis for them has a size."""
    channels = input_shape[axis] if len(input_shape) else None
    require(
        channels is not None,
        "channels must be known",
        repr(tuple(input_shape)),
        f"Use an input whose axis {axis} has a size",
    )
    return channels


def require_images(input_shape):
    """The input must have four axes."""
    require(
        len(input_shape) == 4,
        "inputs must be [batch, height, width, channels]",
        repr(tuple(input_shape)),
        "Use keras.ops.expand_dims for missing axes",
    )
