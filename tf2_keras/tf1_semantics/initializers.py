"""TF1's random initialisers as Keras ones, keyed by (graph seed, op seed).

Keras's own initialisers of the same names draw other numbers from the same seed.
"""
import math

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics import philox

__all__ = ['RandomNormal', 'TruncatedNormal', 'VarianceScaling']


@keras.saving.register_keras_serializable('tf1_semantics')
class RandomNormal(keras.initializers.Initializer):
    """``tf.random_normal(shape, mean, stddev, seed=op_seed)``.

    Args:
        mean, stddev: floats.
        seed: (graph seed, op seed), or the op seed alone.

    Returns on call: a tensor of the asked shape and dtype, the same at every call.
    Source: tf.random_normal_initializer, 1.15.
    """

    _standard = staticmethod(philox.normal)

    def __init__(self, mean=0.0, stddev=1.0, seed=0):
        philox.op_seeds(seed)  # refuses a bad seed here rather than at the first call
        self.mean = mean
        self.stddev = stddev
        self.seed = seed

    def __call__(self, shape, dtype=None):
        dtype = tf.as_dtype(dtype or keras.config.floatx())
        scaled = self._standard(shape, self.seed, dtype=dtype) * tf.constant(
            self.stddev, dtype
        )
        # Two roundings, scale then shift, as the TF1 graph has two ops. Grappler takes
        # the second out where it adds zero, so that -0.0 stays; 1.15.5 made it 0.0.
        if dtype.as_numpy_dtype(self.mean) == 0:
            return scaled
        return scaled + tf.constant(self.mean, dtype)

    def get_config(self):
        return {'mean': self.mean, 'stddev': self.stddev, 'seed': self.seed}


@keras.saving.register_keras_serializable('tf1_semantics')
class TruncatedNormal(RandomNormal):
    """``tf.truncated_normal(shape, mean, stddev, seed=op_seed)``: within 2 stddev."""

    _standard = staticmethod(philox.truncated_normal)


# The standard deviation of a standard normal truncated to [-2, 2].
TRUNCATED_STDDEV = 0.87962566103423978


@keras.saving.register_keras_serializable('tf1_semantics')
class VarianceScaling(keras.initializers.Initializer):
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

    MODES = ('fan_in', 'fan_out', 'fan_avg')
    DISTRIBUTIONS = ('truncated_normal', 'normal', 'untruncated_normal', 'uniform')

    def __init__(
        self, scale=1.0, mode='fan_in', distribution='truncated_normal', seed=0
    ):
        if not scale > 0:
            raise ValueError(
                f'scale must be positive. Received: {scale}. Use 2.0 for He et al.'
            )
        if mode not in self.MODES:
            raise ValueError(
                f'mode must be one of {self.MODES}. Received: {mode!r}. '
                "Use 'fan_in', TF1's default."
            )
        if distribution not in self.DISTRIBUTIONS:
            raise ValueError(
                f'distribution must be one of {self.DISTRIBUTIONS}. '
                f"Received: {distribution!r}. Use 'truncated_normal', TF1's default."
            )
        philox.op_seeds(seed)
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.seed = seed

    def __call__(self, shape, dtype=None):
        dtype = tf.as_dtype(dtype or keras.config.floatx())
        fan_in, fan_out = compute_fans(shape)
        fan = {
            'fan_in': fan_in, 'fan_out': fan_out, 'fan_avg': (fan_in + fan_out) / 2.0
        }[self.mode]
        scale = self.scale / max(1.0, fan)
        if self.distribution == 'uniform':
            limit = math.sqrt(3.0 * scale)
            low, high = tf.constant(-limit, dtype), tf.constant(limit, dtype)
            return philox.uniform(shape, self.seed, dtype=dtype) * (high - low) + low
        if self.distribution == 'untruncated_normal':
            standard = philox.normal(shape, self.seed, dtype=dtype)
            return standard * tf.constant(math.sqrt(scale), dtype)
        standard = philox.truncated_normal(shape, self.seed, dtype=dtype)
        return standard * tf.constant(math.sqrt(scale) / TRUNCATED_STDDEV, dtype)

    def get_config(self):
        return {
            'scale': self.scale,
            'mode': self.mode,
            'distribution': self.distribution,
            'seed': self.seed,
        }


def compute_fans(shape):
    """(fan in, fan out) of a kernel [..., in, out]. Source: init_ops._compute_fans."""
    shape = [int(size) for size in shape]
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    receptive_field = math.prod(shape[:-2])
    return shape[-2] * receptive_field, shape[-1] * receptive_field
