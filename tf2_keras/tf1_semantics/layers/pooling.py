"""TF1's pooling that tells where the maxima are, as a Keras layer.

``tf.nn.max_pool`` itself needs no part: ``keras.layers.MaxPooling2D`` runs its kernel,
and of equal maxima both send the gradient to the first.
"""

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


@keras.saving.register_keras_serializable("tf1_semantics")
class MaxPoolingWithArgmax(TF1Layer):
    """``tf.nn.max_pool_with_argmax``: the maxima and where they are.

    Of equal maxima the first is told, row by row, and gets the gradient.

    Args:
        ksize: of the window: an int, (height, width), or TF1's [1, height, width, 1].
        strides: as ksize.
        padding: 'SAME' or 'VALID'.
        output_dtype: of the indices, 'int64' or 'int32'. On a CPU the maxima have a
            gradient with int64 only.
        include_batch_in_index: True for indices into the flattened batch,
            ((b * height + y) * width + x) * channels + c; False, TF1's default, for
            indices into each flattened image.

    Input shape: [batch, height, width, channels].
    Output shape: a pair (maxima, indices), each [batch, new height, new width,
        channels].
    Raises:
        ValueError: for arguments other than these, or an input of another rank.
        NotImplementedError: under ``jit_compile=True``.
    Source: tf.nn.max_pool_with_argmax, 1.15.
    """

    kinds_of_inputs = ("floating", "integer")

    def __init__(
        self,
        ksize,
        strides,
        padding,
        output_dtype="int64",
        include_batch_in_index=False,
        **kwargs,
    ):
        self.ksize = _height_and_width("ksize", ksize)
        self.strides = _height_and_width("strides", strides)
        require_one_of("padding", padding, ("SAME", "VALID"), "SAME")
        require_one_of("output_dtype", output_dtype, ("int64", "int32"), "int64")
        require_flags(include_batch_in_index=include_batch_in_index)
        super().__init__(**kwargs)
        self.padding = padding
        self.include_batch_in_index = include_batch_in_index
        self.output_dtype = output_dtype

    def build(self, input_shape):
        require_images(input_shape)

    def call(self, x):
        refuse_xla(type(self).__name__)
        pooled = tf.raw_ops.MaxPoolWithArgmax(
            input=x,
            ksize=[1, *self.ksize, 1],
            strides=[1, *self.strides, 1],
            padding=self.padding,
            Targmax=tf.as_dtype(self.output_dtype),
            include_batch_in_index=self.include_batch_in_index,
        )
        return pooled.output, pooled.argmax


def _height_and_width(name, value):
    """(height, width) from an int, a pair, or TF1's list of four."""
    sizes = [value, value] if isinstance(value, int) else value
    if isinstance(sizes, (list, tuple)) and len(sizes) == 4:
        sizes = sizes[1:3] if (sizes[0], sizes[3]) == (1, 1) else None
    require(
        isinstance(sizes, (list, tuple))
        and len(sizes) == 2
        and all(is_int(size, at_least=1) for size in sizes),
        f"{name} must be a positive int, a pair of them or [1, height, width, 1]",
        repr(value),
        "Use for instance (2, 2)",
    )
    return tuple(sizes)
