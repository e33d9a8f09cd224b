"""TF1's image resizing as Keras layers: the corners of pixels, not their centres."""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.errors import (
    is_int,
    require,
    require_flags,
    require_one_of,
)
from tf2_keras.tf1_semantics.layers.layer import TF1Layer, require_images
from tf2_keras.tf1_semantics.xla import refuse_xla


def _require_size(size):
    require(
        isinstance(size, (list, tuple))
        and len(size) == 2
        and all(is_int(length, at_least=1) for length in size),
        "size must be a pair of positive ints, (height, width)",
        repr(size),
        "Use for instance (32, 32)",
    )


class _Resize(TF1Layer):
    """The base of those that have both flags."""

    kinds_of_inputs = ("floating", "integer")

    def __init__(self, size, align_corners=False, half_pixel_centers=False, **kwargs):
        _require_size(size)
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


@keras.saving.register_keras_serializable("tf1_semantics")
class ResizeBicubic(_Resize):
    """``tf.image.resize_bicubic``: Keys's kernel with a = -0.75, in steps of 1/1024.

    The pixels' upper left corners are aligned. ``tf.image.resize`` and Keras's
    ``Resizing`` align centres and have a = -0.5 as well.

    Args:
        size: (new height, new width).
        align_corners: True to align the centres of the corner pixels.
        half_pixel_centers: True to align centres throughout, and for a = -0.5.

    Input shape: [batch, height, width, channels], floats or integers.
    Output shape: [batch, *size, channels], always float32.
    Raises:
        ValueError: for a size that is no pair of positive ints, both flags at once, or
            an input of another rank.
        NotImplementedError: under ``jit_compile=True``.
    Source: tf.image.resize_bicubic, 1.15; resize_bicubic_op.cc; Keys 1981.
    """

    def call(self, x):
        refuse_xla(type(self).__name__)
        return self.resize(tf.raw_ops.ResizeBicubic, x)


@keras.saving.register_keras_serializable("tf1_semantics")
class ResizeArea(TF1Layer):
    """``tf.image.resize_area``: means over the pixels that an output pixel covers.

    A pixel that is covered in part counts for that part. Neither TensorFlow has a
    gradient for it. Keras's ``Resizing`` has no such method; ``tf.image.resize`` has
    this one, to the bit, where ``align_corners`` is False.

    Args:
        size: (new height, new width).
        align_corners: True for factors of (height - 1) / (new height - 1).

    Input shape: [batch, height, width, channels], floats or integers.
    Output shape: [batch, *size, channels], always float32.
    Raises:
        ValueError: for a size that is no pair of positive ints, or an input of another
            rank.
        NotImplementedError: under ``jit_compile=True``.
    Source: tf.image.resize_area, 1.15; resize_area_op.cc.
    """

    kinds_of_inputs = ("floating", "integer")

    def __init__(self, size, align_corners=False, **kwargs):
        _require_size(size)
        require_flags(align_corners=align_corners)
        super().__init__(**kwargs)
        self.size = tuple(size)
        self.align_corners = align_corners

    def build(self, input_shape):
        require_images(input_shape)

    def call(self, x):
        refuse_xla(type(self).__name__)
        return tf.raw_ops.ResizeArea(
            images=x, size=self.size, align_corners=self.align_corners
        )


# By number, as tf.image.ResizeMethod was in TF1, and as it names them today.
METHODS = ("bilinear", "nearest", "bicubic", "area")


@keras.saving.register_keras_serializable("tf1_semantics")
class ResizeImages(TF1Layer):
    """``tf.image.resize_images``, which TF1 also called ``tf.image.resize``.

    One image or several, by any method, without smoothing where it shrinks. Images that
    have the size already, where both sizes are known, come back as they are, in their
    own dtype.

    Args:
        size: (new height, new width).
        method: 0 or "bilinear", 1 or "nearest", 2 or "bicubic", 3 or "area".
        align_corners: True to align the centres of the corner pixels; otherwise the
            upper left corners of all pixels are aligned.
        preserve_aspect_ratio: True to scale both sides by the smaller of the two
            factors, so that ``size`` is what the result has to fit in.

    Input shape: [height, width, channels] or [batch, height, width, channels], floats or
    integers.
    Output shape: the same with the new sizes; in float32 unless by "nearest".
    Raises:
        ValueError: for arguments outside their range, or an input of another rank.
        NotImplementedError: under ``jit_compile=True``.
    Source: tf.image.resize_images, 1.15; image_ops_impl._resize_images_common.
    """

    kinds_of_inputs = ("floating", "integer")

    def __init__(
        self,
        size,
        method=0,
        align_corners=False,
        preserve_aspect_ratio=False,
        **kwargs,
    ):
        _require_size(size)
        known = (*range(len(METHODS)), *METHODS)
        require_one_of("method", method, known, "bilinear")
        require_flags(
            align_corners=align_corners, preserve_aspect_ratio=preserve_aspect_ratio
        )
        super().__init__(**kwargs)
        self.size = tuple(size)
        self.method = method
        self.align_corners = align_corners
        self.preserve_aspect_ratio = preserve_aspect_ratio

    def build(self, input_shape):
        require(
            len(input_shape) in (3, 4),
            "inputs must be [height, width, channels], or [batch, ...] of such",
            repr(tuple(input_shape)),
            "Use keras.ops.expand_dims for missing axes",
        )

    def call(self, x):
        refuse_xla(type(self).__name__)
        if x.shape.rank == 3:
            return tf.squeeze(self._resized(x[tf.newaxis]), [0])
        return self._resized(x)

    def _resized(self, x):
        if not self.preserve_aspect_ratio:
            if tuple(x.shape[1:3]) == self.size:
                return x
            return self._by_method(x, self.size)
        before = tf.cast(tf.shape(x)[1:3], tf.float32)
        factor = tf.reduce_min(tf.cast(self.size, tf.float32) / before)
        return self._by_method(x, tf.cast(tf.round(factor * before), tf.int32))

    def _by_method(self, x, size):
        name = self.method if isinstance(self.method, str) else METHODS[self.method]
        kernel = {
            "bilinear": tf.raw_ops.ResizeBilinear,
            "nearest": tf.raw_ops.ResizeNearestNeighbor,
            "bicubic": tf.raw_ops.ResizeBicubic,
            "area": tf.raw_ops.ResizeArea,
        }[name]
        return kernel(images=x, size=size, align_corners=self.align_corners)
