"""TF1's initialisers that draw nothing."""

import math

import keras
import numpy as np
import tensorflow as tf

from tf2_keras.tf1_semantics.configuration import Configured
from tf2_keras.tf1_semantics.constants import constant
from tf2_keras.tf1_semantics.errors import require, require_flags, require_number
from tf2_keras.tf1_semantics.initializers.distributions import asked_dtype


@keras.saving.register_keras_serializable("tf1_semantics")
class Identity(Configured, keras.initializers.Initializer):
    """``tf.initializers.identity``: gain on the diagonal, zeros elsewhere.

    Args:
        gain: float.

    Raises:
        ValueError: for a gain that is no number; on call, unless there are two axes.
    Source: tf.initializers.identity, 1.15.
    """

    def __init__(self, gain=1.0):
        require_number("gain", gain, 1.0)
        self.gain = gain

    def __call__(self, shape, dtype=None):
        shape = tuple(int(size) for size in shape)
        require(
            len(shape) == 2,
            "shape must have two axes",
            repr(shape),
            "Use Orthogonal for others",
        )
        dtype = asked_dtype(dtype)
        return constant(self.gain, dtype) * tf.eye(*shape, dtype=dtype)


@keras.saving.register_keras_serializable("tf1_semantics")
class Constant(Configured, keras.initializers.Initializer):
    """``tf.constant_initializer``: one value, or as many as there are, in order.

    An array fills the tensor element by element, whatever its shape; if it has fewer,
    the last one is repeated to the end. Keras broadcasts it instead.

    Args:
        value: a number, or an array or nested list of numbers.
        verify_shape: whether an array must have the shape of the tensor.

    Raises:
        ValueError: for what is no number or array of such; on call, for more values
            than the tensor holds, another shape under ``verify_shape``, or values with
            a fraction for an integer dtype.
    Source: tf.constant_initializer, 1.15; tensor_util.make_tensor_proto.
    """

    def __init__(self, value=0, verify_shape=False):
        if isinstance(value, (np.ndarray, np.generic)):
            value = value.tolist()  # exact, and JSON can hold it
        try:
            array = np.array(value)
        except ValueError:  # rows of different lengths
            array = np.array(None)
        require(
            array.dtype.kind in "fiub",
            "value must be a number or an array of numbers",
            repr(value),
            "Use a value such as 0.1 or [1, 2, 3]",
        )
        require_flags(verify_shape=verify_shape)
        self.value = _as_lists(value)
        self.verify_shape = verify_shape

    def __call__(self, shape, dtype=None):
        shape = tuple(int(size) for size in shape)
        dtype = asked_dtype(dtype)
        value = np.array(self.value)
        require(
            not dtype.is_integer or not value.size or value.dtype.kind in "iub",
            f"value must be of integers for {dtype.name}",
            repr(self.value),
            "Use a float dtype for it",
        )
        require(
            not self.verify_shape or value.shape == shape,
            f"value must have the shape {shape}",
            repr(value.shape),
            "Use verify_shape=False to fill in order",
        )
        size = math.prod(shape)
        if not size:
            return tf.zeros(shape, dtype)
        require(
            value.size <= size,
            f"value must hold at most {size} elements",
            repr(value.size),
            "Use fewer, or a larger tensor",
        )
        flat = value.ravel().astype(dtype.as_numpy_dtype)
        if flat.size:
            flat = np.pad(flat, (0, size - flat.size), mode="edge")
        else:  # TF1 fills from nothing with zeros
            flat = np.zeros(size, flat.dtype)
        return tf.constant(flat.reshape(shape), dtype)


def _as_lists(value):
    """Tuples as lists: what comes back from JSON."""
    if isinstance(value, (list, tuple)):
        return [_as_lists(element) for element in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
