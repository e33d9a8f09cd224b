"""TF1's initialisers as Keras ones, the random ones keyed by (graph seed, op seed).

Keras's own initialisers of the same names draw other numbers from the same seed. These
hold no state: a part gives the same tensor at every call, so that global seeds, call
order, retracing and the reuse of a layer cannot change it.
"""

import math

import keras
import numpy as np
import tensorflow as tf

from tf2_keras.tf1_semantics import philox
from tf2_keras.tf1_semantics.constants import constant
from tf2_keras.tf1_semantics.errors import (
    require,
    require_number,
    require_one_of,
    require_positive,
)
from tf2_keras.tf1_semantics.xla import refuse_xla

__all__ = [
    "Constant",
    "ContribVarianceScaling",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "LecunNormal",
    "LecunUniform",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "UniformUnitScaling",
    "VarianceScaling",
    "Xavier",
]


class _Seeded(keras.initializers.Initializer):
    """The base of the random ones.

    A subclass names its arguments in ``_arguments``, in the order of its constructor,
    keeps them under their names, and draws in ``values``.
    """

    _arguments = ()

    def __init__(self, seed):
        philox.op_seeds(seed)  # refuses a bad seed here rather than at the first call
        self.seed = tuple(seed) if isinstance(seed, list) else seed

    def __call__(self, shape, dtype=None):
        refuse_xla(type(self).__name__)
        return self.values(tuple(int(size) for size in shape), _asked(dtype))

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

    def get_config(self):
        return {name: getattr(self, name) for name in (*self._arguments, "seed")}


def _asked(dtype):
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
class RandomNormal(_Seeded):
    """``tf.random_normal(shape, mean, stddev, seed=op_seed)``.

    TF1's stddev is 1.0 where nothing is said, Keras's 0.05.

    Args:
        mean, stddev: floats. A negative stddev mirrors the numbers, as in TF1.
        seed: (graph seed, op seed), or the op seed alone.

    Returns on call: a tensor of the asked shape and dtype, the same at every call.
    Raises:
        ValueError: for arguments that are no numbers or no seeds.
    Source: tf.random_normal_initializer, 1.15.
    """

    _arguments = ("mean", "stddev")

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
class RandomUniform(_Seeded):
    """``tf.random_uniform(shape, minval, maxval, seed=op_seed)``: [minval, maxval).

    TF1's range is [0, 1) where nothing is said, Keras's [-0.05, 0.05).

    Args:
        minval: a number.
        maxval: a number; None for 1, which only a float dtype allows.
        seed: (graph seed, op seed), or the op seed alone.

    Returns on call: float16, bfloat16, float32, float64, int32 or int64.
    Raises:
        ValueError: for arguments that are no numbers or no seeds; on call, for an
            integer dtype whose range is not given, not of integers or empty.
    Source: tf.random_uniform_initializer, random_ops.random_uniform, 1.15.
    """

    _arguments = ("minval", "maxval")

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
            isinstance(self.maxval, int)
            and isinstance(self.minval, int)
            and self.minval < self.maxval,
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


# The standard deviation of a standard normal truncated to [-2, 2].
TRUNCATED_STDDEV = 0.87962566103423978


@keras.saving.register_keras_serializable("tf1_semantics")
class VarianceScaling(_Seeded):
    r"""``tf.variance_scaling_initializer``: variance scale / fan.

    Args:
        scale: positive float.
        mode: 'fan_in', 'fan_out' or 'fan_avg'; kernels are [..., in, out].
        distribution: 'truncated_normal' ('normal' is TF1's older name for it),
            'untruncated_normal' or 'uniform'.
        seed: (graph seed, op seed), or the op seed alone.

    Raises:
        ValueError: for an unknown mode or distribution or a scale that is not positive.
    Source: tf.variance_scaling_initializer, 1.15; He et al. 2015, arXiv:1502.01852.
    """

    MODES = ("fan_in", "fan_out", "fan_avg")
    DISTRIBUTIONS = ("truncated_normal", "normal", "untruncated_normal", "uniform")
    _arguments = ("scale", "mode", "distribution")

    def __init__(
        self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=0
    ):
        require_positive("scale", scale, "2.0 for He et al")
        require_one_of("mode", mode, self.MODES, "fan_in")
        require_one_of(
            "distribution", distribution, self.DISTRIBUTIONS, "truncated_normal"
        )
        super().__init__(seed)
        self.scale = scale
        self.mode = mode
        self.distribution = distribution

    def values(self, shape, dtype):
        fan_in, fan_out = compute_fans(shape)
        fan = {
            "fan_in": fan_in,
            "fan_out": fan_out,
            "fan_avg": (fan_in + fan_out) / 2.0,
        }[self.mode]
        scale = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * scale)
            return self.draw_uniform(shape, dtype, -limit, limit)
        if self.distribution == "untruncated_normal":
            return self.draw_normal(shape, dtype, 0.0, math.sqrt(scale))
        stddev = math.sqrt(scale) / TRUNCATED_STDDEV
        return self.draw_truncated_normal(shape, dtype, 0.0, stddev)


def compute_fans(shape):
    """(fan in, fan out) of a kernel [..., in, out]. Source: init_ops._compute_fans."""
    shape = [int(size) for size in shape]
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    receptive_field = math.prod(shape[:-2])
    return shape[-2] * receptive_field, shape[-1] * receptive_field


class _NamedScaling(VarianceScaling):
    """The base of the variance scalings that TF1 gave a name: only the seed is free."""

    _arguments = ()
    _scaling = None

    def __init__(self, seed=0):
        super().__init__(*self._scaling, seed=seed)


@keras.saving.register_keras_serializable("tf1_semantics")
class GlorotUniform(_NamedScaling):
    """``tf.glorot_uniform_initializer``, what ``tf.get_variable`` used if given none.

    Keras's namesake has the same limits, sqrt(6 / (fan in + fan out)), but draws other
    numbers.

    Args:
        seed: (graph seed, op seed), or the op seed alone.

    Source: tf.glorot_uniform_initializer, 1.15; Glorot and Bengio 2010.
    """

    _scaling = (1.0, "fan_avg", "uniform")


@keras.saving.register_keras_serializable("tf1_semantics")
class GlorotNormal(_NamedScaling):
    """``tf.glorot_normal_initializer``, truncated: variance 2 / (fan in + fan out).

    Args:
        seed: (graph seed, op seed), or the op seed alone.

    Source: tf.glorot_normal_initializer, 1.15; Glorot and Bengio 2010.
    """

    _scaling = (1.0, "fan_avg", "truncated_normal")


@keras.saving.register_keras_serializable("tf1_semantics")
class HeNormal(_NamedScaling):
    """``tf.initializers.he_normal``, truncated: variance 2 / fan in.

    ``tf.contrib.layers.variance_scaling_initializer()`` has another spread; that one is
    ``ContribVarianceScaling``.

    Args:
        seed: (graph seed, op seed), or the op seed alone.

    Source: tf.initializers.he_normal, 1.15; He et al. 2015, arXiv:1502.01852.
    """

    _scaling = (2.0, "fan_in", "truncated_normal")


@keras.saving.register_keras_serializable("tf1_semantics")
class HeUniform(_NamedScaling):
    """``tf.initializers.he_uniform``: limits sqrt(6 / fan in).

    Args:
        seed: (graph seed, op seed), or the op seed alone.

    Source: tf.initializers.he_uniform, 1.15; He et al. 2015, arXiv:1502.01852.
    """

    _scaling = (2.0, "fan_in", "uniform")


@keras.saving.register_keras_serializable("tf1_semantics")
class LecunNormal(_NamedScaling):
    """``tf.initializers.lecun_normal``, truncated: variance 1 / fan in.

    Args:
        seed: (graph seed, op seed), or the op seed alone.

    Source: tf.initializers.lecun_normal, 1.15.
    """

    _scaling = (1.0, "fan_in", "truncated_normal")


@keras.saving.register_keras_serializable("tf1_semantics")
class LecunUniform(_NamedScaling):
    """``tf.initializers.lecun_uniform``: limits sqrt(3 / fan in).

    Args:
        seed: (graph seed, op seed), or the op seed alone.

    Source: tf.initializers.lecun_uniform, 1.15.
    """

    _scaling = (1.0, "fan_in", "uniform")


@keras.saving.register_keras_serializable("tf1_semantics")
class ContribVarianceScaling(_Seeded):
    r"""``tf.contrib.layers.variance_scaling_initializer``, slim's as well.

    Where it truncates, its stddev is sqrt(1.3 * factor / n) before truncation:
    ``VarianceScaling`` corrects by 1 / 0.8796 instead, about sqrt(1.2924).

    Args:
        factor: positive float.
        mode: 'FAN_IN', 'FAN_OUT' or 'FAN_AVG': what n is; kernels are [..., in, out].
        uniform: True for limits of sqrt(3 * factor / n), False for a truncated normal.
        seed: (graph seed, op seed), or the op seed alone.

    Raises:
        ValueError: for arguments outside their range; on call, for a kernel without
            inputs or outputs, where n is 0.
    Source: contrib/layers/python/layers/initializers.py, 1.15.
    """

    MODES = ("FAN_IN", "FAN_OUT", "FAN_AVG")
    _arguments = ("factor", "mode", "uniform")

    def __init__(self, factor=2.0, mode="FAN_IN", uniform=False, seed=0):
        require_positive("factor", factor, "2.0 for He et al")
        require_one_of("mode", mode, self.MODES, "FAN_IN")
        _require_bool("uniform", uniform, False)
        super().__init__(seed)
        self.factor = factor
        self.mode = mode
        self.uniform = uniform

    def values(self, shape, dtype):
        fan_in, fan_out = (float(fan) for fan in compute_fans(shape))
        n = {"FAN_IN": fan_in, "FAN_OUT": fan_out, "FAN_AVG": (fan_in + fan_out) / 2.0}[
            self.mode
        ]
        require(
            n > 0,
            f"shape must have a {self.mode} above zero",
            repr(shape),
            "Use VarianceScaling for an empty kernel",
        )
        if self.uniform:
            limit = math.sqrt(3.0 * self.factor / n)
            return self.draw_uniform(shape, dtype, -limit, limit)
        stddev = math.sqrt(1.3 * self.factor / n)
        return self.draw_truncated_normal(shape, dtype, 0.0, stddev)


@keras.saving.register_keras_serializable("tf1_semantics")
class Xavier(ContribVarianceScaling):
    """``tf.contrib.layers.xavier_initializer``: variance 2 / (fan in + fan out).

    Args:
        uniform: True for limits of sqrt(6 / (fan in + fan out)), False for a truncated
            normal, whose spread is not quite that of ``GlorotNormal``.
        seed: (graph seed, op seed), or the op seed alone.

    Source: contrib/layers/python/layers/initializers.py, 1.15; Glorot and Bengio 2010.
    """

    _arguments = ("uniform",)

    def __init__(self, uniform=True, seed=0):
        super().__init__(1.0, "FAN_AVG", uniform, seed)


@keras.saving.register_keras_serializable("tf1_semantics")
class UniformUnitScaling(_Seeded):
    r"""``tf.uniform_unit_scaling_initializer``: limits factor * sqrt(3 / fan).

    The fan is the product of all sizes but the last, 1 for a vector: not the fan in of
    ``VarianceScaling``, which is the size of a vector.

    Args:
        factor: float; about 1.43 for ReLU. A negative one mirrors the numbers.
        seed: (graph seed, op seed), or the op seed alone.

    Source: tf.uniform_unit_scaling_initializer, 1.15; Sussillo and Abbott 2014,
        arXiv:1412.6558.
    """

    _arguments = ("factor",)

    def __init__(self, factor=1.0, seed=0):
        require_number("factor", factor, 1.0)
        super().__init__(seed)
        self.factor = factor

    def values(self, shape, dtype):
        limit = math.sqrt(3 / max(math.prod(shape[:-1]), 1.0)) * self.factor
        return self.draw_uniform(shape, dtype, -limit, limit)


@keras.saving.register_keras_serializable("tf1_semantics")
class Orthogonal(_Seeded):
    """``tf.orthogonal_initializer``: orthonormal rows or columns, times gain.

    The kernel is taken as a matrix [product of all sizes but the last, last size].

    Args:
        gain: float.
        seed: (graph seed, op seed), or the op seed alone.

    Returns on call: float32 or float64, the dtypes of TF1's QR decomposition.
    Raises:
        ValueError: on call, for a shape of fewer than two axes or another dtype.
    Source: tf.orthogonal_initializer, 1.15; Saxe et al. 2014, arXiv:1312.6120.
    """

    _arguments = ("gain",)
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


@keras.saving.register_keras_serializable("tf1_semantics")
class Identity(keras.initializers.Initializer):
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
        dtype = _asked(dtype)
        return constant(self.gain, dtype) * tf.eye(*shape, dtype=dtype)

    def get_config(self):
        return {"gain": self.gain}


@keras.saving.register_keras_serializable("tf1_semantics")
class Constant(keras.initializers.Initializer):
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
        _require_bool("verify_shape", verify_shape, False)
        self.value = _as_lists(value)
        self.verify_shape = verify_shape

    def __call__(self, shape, dtype=None):
        shape = tuple(int(size) for size in shape)
        dtype = _asked(dtype)
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

    def get_config(self):
        return {"value": self.value, "verify_shape": self.verify_shape}


def _as_lists(value):
    """Tuples as lists: what comes back from JSON."""
    if isinstance(value, (list, tuple)):
        return [_as_lists(each) for each in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def _require_bool(name, value, usual):
    require(
        isinstance(value, bool),
        f"{name} must be True or False",
        repr(value),
        f"Use {usual}",
    )
