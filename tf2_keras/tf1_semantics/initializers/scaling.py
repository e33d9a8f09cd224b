"""TF1's initialisers whose spread comes from the shape of the kernel."""

import math

import keras

from tf2_keras.tf1_semantics.errors import (
    require,
    require_flags,
    require_number,
    require_one_of,
    require_positive,
)
from tf2_keras.tf1_semantics.initializers.distributions import Seeded

# The standard deviation of a standard normal truncated to [-2, 2].
TRUNCATED_STDDEV = 0.87962566103423978


@keras.saving.register_keras_serializable("tf1_semantics")
class VarianceScaling(Seeded):
    r"""``tf.variance_scaling_initializer``: variance scale / fan.

    Args:
        scale: positive float.
        mode: 'fan_in', 'fan_out' or 'fan_avg'; kernels are [..., in, out].
        distribution: 'truncated_normal' ('normal' is TF1's older name for it),
            'untruncated_normal' or 'uniform'.
        seed: (graph seed, op seed), or the op seed alone; default 0, see the package.

    Raises:
        ValueError: for an unknown mode or distribution or a scale that is not positive.
    Source: tf.variance_scaling_initializer, 1.15; He et al. 2015, arXiv:1502.01852.
    """

    MODES = ("fan_in", "fan_out", "fan_avg")
    DISTRIBUTIONS = ("truncated_normal", "normal", "untruncated_normal", "uniform")

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

    _scaling = None

    def __init__(self, seed=0):
        super().__init__(*self._scaling, seed=seed)


@keras.saving.register_keras_serializable("tf1_semantics")
class GlorotUniform(_NamedScaling):
    """``tf.glorot_uniform_initializer``, what ``tf.get_variable`` used if given none.

    Keras's namesake has the same limits, sqrt(6 / (fan in + fan out)), but draws other
    numbers.

    Args:
        seed: (graph seed, op seed), or the op seed alone; default 0, see the package.

    Source: tf.glorot_uniform_initializer, 1.15; Glorot and Bengio 2010.
    """

    _scaling = (1.0, "fan_avg", "uniform")


@keras.saving.register_keras_serializable("tf1_semantics")
class GlorotNormal(_NamedScaling):
    """``tf.glorot_normal_initializer``, truncated: variance 2 / (fan in + fan out).

    Args:
        seed: (graph seed, op seed), or the op seed alone; default 0, see the package.

    Source: tf.glorot_normal_initializer, 1.15; Glorot and Bengio 2010.
    """

    _scaling = (1.0, "fan_avg", "truncated_normal")


@keras.saving.register_keras_serializable("tf1_semantics")
class HeNormal(_NamedScaling):
    """``tf.initializers.he_normal``, truncated: variance 2 / fan in.

    ``tf.contrib.layers.variance_scaling_initializer()`` has another spread; that one is
    ``ContribVarianceScaling``.

    Args:
        seed: (graph seed, op seed), or the op seed alone; default 0, see the package.

    Source: tf.initializers.he_normal, 1.15; He et al. 2015, arXiv:1502.01852.
    """

    _scaling = (2.0, "fan_in", "truncated_normal")


@keras.saving.register_keras_serializable("tf1_semantics")
class HeUniform(_NamedScaling):
    """``tf.initializers.he_uniform``: limits sqrt(6 / fan in).

    Args:
        seed: (graph seed, op seed), or the op seed alone; default 0, see the package.

    Source: tf.initializers.he_uniform, 1.15; He et al. 2015, arXiv:1502.01852.
    """

    _scaling = (2.0, "fan_in", "uniform")


@keras.saving.register_keras_serializable("tf1_semantics")
class LecunNormal(_NamedScaling):
    """``tf.initializers.lecun_normal``, truncated: variance 1 / fan in.

    Args:
        seed: (graph seed, op seed), or the op seed alone; default 0, see the package.

    Source: tf.initializers.lecun_normal, 1.15.
    """

    _scaling = (1.0, "fan_in", "truncated_normal")


@keras.saving.register_keras_serializable("tf1_semantics")
class LecunUniform(_NamedScaling):
    """``tf.initializers.lecun_uniform``: limits sqrt(3 / fan in).

    Args:
        seed: (graph seed, op seed), or the op seed alone; default 0, see the package.

    Source: tf.initializers.lecun_uniform, 1.15.
    """

    _scaling = (1.0, "fan_in", "uniform")


@keras.saving.register_keras_serializable("tf1_semantics")
class ContribVarianceScaling(Seeded):
    r"""``tf.contrib.layers.variance_scaling_initializer``, slim's as well.

    Where it truncates, its stddev is sqrt(1.3 * factor / n) before truncation:
    ``VarianceScaling`` corrects by 1 / 0.8796 instead, about sqrt(1.2924).

    Args:
        factor: positive float.
        mode: 'FAN_IN', 'FAN_OUT' or 'FAN_AVG': what n is; kernels are [..., in, out].
        uniform: True for limits of sqrt(3 * factor / n), False for a truncated normal.
        seed: (graph seed, op seed), or the op seed alone; default 0, see the package.

    Raises:
        ValueError: for arguments outside their range; on call, for a kernel without
            inputs or outputs, where n is 0.
    Source: contrib/layers/python/layers/initializers.py, 1.15.
    """

    MODES = ("FAN_IN", "FAN_OUT", "FAN_AVG")

    def __init__(self, factor=2.0, mode="FAN_IN", uniform=False, seed=0):
        require_positive("factor", factor, "2.0 for He et al")
        require_one_of("mode", mode, self.MODES, "FAN_IN")
        require_flags(uniform=uniform)
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
        seed: (graph seed, op seed), or the op seed alone; default 0, see the package.

    Source: contrib/layers/python/layers/initializers.py, 1.15; Glorot and Bengio 2010.
    """

    def __init__(self, uniform=True, seed=0):
        super().__init__(1.0, "FAN_AVG", uniform, seed)


@keras.saving.register_keras_serializable("tf1_semantics")
class UniformUnitScaling(Seeded):
    r"""``tf.uniform_unit_scaling_initializer``: limits factor * sqrt(3 / fan).

    The fan is the product of all sizes but the last, 1 for a vector: not the fan in of
    ``VarianceScaling``, which is the size of a vector.

    Args:
        factor: float; about 1.43 for ReLU. A negative one mirrors the numbers.
        seed: (graph seed, op seed), or the op seed alone; default 0, see the package.

    Source: tf.uniform_unit_scaling_initializer, 1.15; Sussillo and Abbott 2014,
        arXiv:1412.6558.
    """

    def __init__(self, factor=1.0, seed=0):
        require_number("factor", factor, 1.0)
        super().__init__(seed)
        self.factor = factor

    def values(self, shape, dtype):
        limit = math.sqrt(3 / max(math.prod(shape[:-1]), 1.0)) * self.factor
        return self.draw_uniform(shape, dtype, -limit, limit)
