"""TF1's image resizing as Keras layers: the corners of pixels, not their centres."""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.errors import is_int, require, require_flags
from tf2_keras.tf1_semantics.layers.layer import TF1Layer, require_images
from tf2_keras.tf1_semantics.xla import refuse_xla


class _Resize(TF1Layer):
    """The base of both."""

    kinds_of_inputs = ("floating", "integer")

    def __init__(self, size, align_corners=False, half_pixel_centers=False, **kwargs):
        require(
            isinstance(size, (list, tuple))
            and len(size) == 2
            and all(is_int(length, at_least=1) for length in size),
            "size must be a pair of positive ints, (height, width)",
            repr(size),
            "Use for instance (32, 32)",
        )
        require_flags(
            align_corners=align_corners, half_pixel_centers=half_pixel_centers
        )
        require(
            not (align_corners and half_pixel_centers),
            "half_pixel_centers must be False where align_corners is True",
            repr(half_pixel_centers),
            "Use one of the two",
        )
        super().__init__(**kwargs)
        self.size = tuple(size)
        self.align_corners = align_corners
        self.half_pixel_centers = half_pixel_centers

    def build(self, input_shape):
        require_images(input_shape)

    def resize(self, kernel, x):
        return kernel(
            images=x,
            size=self.size,
            align_corners=self.align_corners,
            half_pixel_centers=self.half_pixel_centers,
        )


@keras.saving.register_keras_serializable("tf1_semantics")
class ResizeBilinear(_Resize):
    """``tf.image.resize_bilinear``, without smoothing where it shrinks.

    An output pixel y lies at y * height / new height: the pixels' upper left corners
    are aligned, not their centres, as today's ``tf.image.resize`` and Keras's
    ``Resizing`` have it.

    Args:
        size: (new height, new width).
        align_corners: True to align the centres of the corner pixels:
            y * (height - 1) / (new height - 1).
        half_pixel_centers: True to align centres throughout, which is what
            ``tf.image.resize`` does; TF1's default is False.

    Input shape: [batch, height, width, channels], floats or integers.
    Output shape: [batch, *size, channels], always float32.
    Raises:
        ValueError: for a size that is no pair of positive ints, both flags at once, or
            an input of another rank.
        NotImplementedError: under ``jit_compile=True``.
    Source: tf.image.resize_bilinear, 1.15; resize_bilinear_op.cc.
    """

    def call(self, x):
        refuse_xla(type(self).__name__)
        return self.resize(tf.raw_ops.ResizeBilinear, x)


@keras.saving.register_keras_serializable("tf1_semantics")
class ResizeNearestNeighbor(_Resize):
    """``tf.image.resize_nearest_neighbor``: pixel floor(y * height / new height).

    With ``align_corners`` it is the rounded y * (height - 1) / (new height - 1); with
    ``half_pixel_centers`` floor((y + 1/2) * height / new height), which is what
    ``tf.image.resize`` and Keras's ``Resizing`` do.

    Args:
        size: (new height, new width).
        align_corners: True to align the centres of the corner pixels.
        half_pixel_centers: True to align centres throughout.

    Input shape: [batch, height, width, channels].
    Output shape: [batch, *size, channels], in the input's dtype.
    Raises:
        ValueError: for a size that is no pair of positive ints, both flags at once, or
            an input of another rank.
    Source: tf.image.resize_nearest_neighbor, 1.15; resize_nearest_neighbor_op.cc.
    """

    def call(self, x):
        return self.resize(tf.raw_ops.ResizeNearestNeighbor, x)
