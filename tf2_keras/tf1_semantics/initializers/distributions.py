"""TF1's random initialisers of a given distribution, and what all random ones share."""

import math

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics import philox
from tf2_keras.tf1_semantics.configuration import Configured
from tf2_keras.tf1_semantics.constants import constant
from tf2_keras.tf1_semantics.errors import (
    is_int,
    require,
    require_number,
    require_one_of,
)
from tf2_keras.tf1_semantics.xla import refuse_xla


class Seeded(Configured, keras.initializers.Initializer):
    """The base of the random ones; a subclass draws in ``values``."""

    def __init__(self, seed):
        philox.op_seeds(seed)  # refuses a bad seed here rather than at the first call
        self.seed = tuple(seed) if isinstance(seed, list) else seed

    def __call__(self, shape, dtype=None):
        refuse_xla(type(self).__name__)
        return self.values(tuple(int(size) for size in shape), asked_dtype(dtype))

    def values(self, shape, dtype):
        raise NotImplementedError

    def draw_normal(self, shape, dtype, mean, stddev):
        standard = philox.normal(shape, self.seed, dtype=dtype)
        return _scaled_and_shifted(standard, constant(stddev, dtype), mean)

    def draw_truncated_normal(self, shape, dtype, mean, stddev):
        standard = philox.truncated_normal(shape, self.seed, dtype=dtype)
        return _scaled_and_shifted(standard, constant(stddev, dtype), mean)

    def draw_uniform(self, shape, dtype, low, high):
        standard = philox.uniform(shape, self.seed, dtype=dtype)
        # TF1 rounds both ends to the dtype before it subtracts.
        width = constant(high, dtype) - constant(low, dtype)
        return _scaled_and_shifted(standard, width, low)


def asked_dtype(dtype):
    """The dtype that was asked for; Keras's float dtype for None."""
    return tf.as_dtype(dtype or keras.config.floatx())


def _scaled_and_shifted(standard, scale, shift):
    """Two roundings, scale then shift, as the TF1 graph has two ops.

    scale is a tensor, shift a number.
    """
    scaled = standard * scale
    # Grappler takes the second out where it adds zero, so that -0.0 stays; 1.15.5 made
    # it 0.0.
    if standard.dtype.as_numpy_dtype(shift) == 0:
        return scaled
    return scaled + constant(shift, standard.dtype)


@keras.saving.register_keras_serializable("tf1_semantics")
class RandomNormal(Seeded):
    """``tf.random_normal(shape, mean, stddev, seed=op_seed)``.

    TF1's stddev is 1.0 where nothing is said, Keras's 0.05.

    Args:
        mean, stddev: floats. A negative stddev mirrors the numbers, as in TF1.
        seed: (graph seed, op seed), or the op seed alone; default 0, see the package.

    Returns on call: a tensor of the asked shape and dtype, the same at every call.
    Raises:
        ValueError: for arguments that are no numbers or no seeds.
    Source: tf.random_normal_initializer, 1.15.
    """

    def __init__(self, mean=0.0, stddev=1.0, seed=0):
        require_number("mean", mean, 0.0)
        require_number("stddev", stddev, "a value such as 0.1")
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def values(self, shape, dtype):
        return self.draw_normal(shape, dtype, self.mean, self.stddev)


@keras.saving.register_keras_serializable("tf1_semantics")
class TruncatedNormal(RandomNormal):
    """``tf.truncated_normal(shape, mean, stddev, seed=op_seed)``: within 2 stddev.

    Keras's namesake has the same distribution, but draws other numbers.

    Source: tf.truncated_normal_initializer, 1.15.
    """

    def values(self, shape, dtype):
        return self.draw_truncated_normal(shape, dtype, self.mean, self.stddev)


@keras.saving.register_keras_serializable("tf1_semantics")
class RandomUniform(Seeded):
    """``tf.random_uniform(shape, minval, maxval, seed=op_seed)``: [minval, maxval).

    TF1's range is [0, 1) where nothing is said, Keras's [-0.05, 0.05).

    Args:
        minval: a number.
        maxval: a number; None for 1, which only a float dtype allows.
        seed: (graph seed, op seed), or the op seed alone; default 0, see the package.

    Returns on call: float16, bfloat16, float32, float64, int32 or int64.
    Raises:
        ValueError: for arguments that are no numbers or no seeds; on call, for an
            integer dtype whose range is not given, not of integers or empty.
    Source: tf.random_uniform_initializer, random_ops.random_uniform, 1.15.
    """

    def __init__(self, minval=0, maxval=None, seed=0):
        require_number("minval", minval, 0)
        if maxval is not None:
            require_number("maxval", maxval, 1)
        super().__init__(seed)
        self.minval = minval
        self.maxval = maxval

    def values(self, shape, dtype):
        if dtype.is_integer:
            return self._integers(shape, dtype)
        high = 1 if self.maxval is None else self.maxval
        return self.draw_uniform(shape, dtype, self.minval, high)

    def _integers(self, shape, dtype):
        require(
            is_int(self.minval) and is_int(self.maxval) and self.minval < self.maxval,
            f"maxval must be an int above an int minval for {dtype.name}",
            f"minval={self.minval!r}, maxval={self.maxval!r}",
            "Use for instance 0, 10",
        )
        graph_seed, op_seed = philox.op_seeds(self.seed)
        return tf.raw_ops.StatelessRandomUniformIntV2(
            shape=shape,
            key=tf.constant([graph_seed], tf.uint64),
            counter=tf.constant([0, op_seed], tf.uint64),
            alg=philox.PHILOX,
            minval=tf.constant(self.minval, dtype),
            maxval=tf.constant(self.maxval, dtype),
        )


@keras.saving.register_keras_serializable("tf1_semantics")
class Orthogonal(Seeded):
    """``tf.orthogonal_initializer``: orthonormal rows or columns, times gain.

    The kernel is taken as a matrix [product of all sizes but the last, last size].

    Args:
        gain: float.
        seed: (graph seed, op seed), or the op seed alone; default 0, see the package.

    Returns on call: float32 or float64, the dtypes of TF1's QR decomposition.
    Raises:
        ValueError: on call, for a shape of fewer than two axes or another dtype.
    Source: tf.orthogonal_initializer, 1.15; Saxe et al. 2014, arXiv:1312.6120.
    """

    DTYPES = ("float32", "float64")

    def __init__(self, gain=1.0, seed=0):
        require_number("gain", gain, 1.0)
        super().__init__(seed)
        self.gain = gain

    def values(self, shape, dtype):
        require(
            len(shape) >= 2,
            "shape must have at least two axes",
            repr(shape),
            "Use RandomNormal for a vector",
        )
        require_one_of("dtype", dtype.name, self.DTYPES, "float32")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall = (max(rows, columns), min(rows, columns))
        q, r = tf.linalg.qr(philox.normal(tall, self.seed, dtype=dtype))
        # The sign makes the decomposition unique: each direction is as likely.
        q *= tf.sign(tf.linalg.diag_part(r))
        if rows < columns:
            q = tf.linalg.matrix_transpose(q)
        return constant(self.gain, dtype) * tf.reshape(q, shape)
