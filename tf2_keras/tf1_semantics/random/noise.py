"""TF1's noise in the forward pass: normal and uniform."""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics import philox
from tf2_keras.tf1_semantics.constants import constant
from tf2_keras.tf1_semantics.errors import require_number
from tf2_keras.tf1_semantics.layers.layer import ElementwiseLayer
from tf2_keras.tf1_semantics.layers.stream import StreamLayer
from tf2_keras.tf1_semantics.xla import refuse_xla


class _Noise(StreamLayer, ElementwiseLayer):
    """A layer that returns noise of the shape of its input; a subclass draws it."""

    def __init__(self, seed, **kwargs):
        super().__init__(**kwargs)
        philox.op_seeds(seed)
        self.seed = seed

    def call(self, x):
        refuse_xla(type(self).__name__)
        drawn = self.advance(tf.size(x, tf.int64) * philox.RESERVED_PER_ELEMENT)
        return self.noise(tf.shape(x), drawn, x.dtype)


@keras.saving.register_keras_serializable("tf1_semantics")
class Normal(_Noise):
    """``tf.random_normal(tf.shape(x), mean, stddev, seed=op_seed)`` at each step.

    The noise of a variational autoencoder, ``mean + deviation * Normal(seed=7)(mean)``,
    or what is added to an input. It is drawn at every call, as TF1's op did at every
    run: also where the model predicts, unlike Keras's GaussianNoise. How far its stream
    has been read is a weight, ``drawn``.

    Args:
        mean, stddev: of the noise.
        seed: (graph seed, op seed), or the op seed alone.

    Input shape: any, of a float dtype; its values are not looked at.
    Output shape: the same, in the layer's dtype.
    Raises:
        ValueError: for arguments that are no such numbers or seeds.
        NotImplementedError: under ``jit_compile=True``, which draws other numbers.
    Source: random_ops.random_normal, 1.15.
    """

    def __init__(self, mean=0.0, stddev=1.0, seed=None, **kwargs):
        require_number("mean", mean, 0.0)
        require_number("stddev", stddev, 1.0)
        super().__init__(seed, **kwargs)
        self.mean = mean
        self.stddev = stddev

    def noise(self, shape, drawn, dtype):
        noise = philox.normal(shape, self.seed, drawn, dtype)
        return noise * constant(self.stddev, dtype) + constant(self.mean, dtype)


@keras.saving.register_keras_serializable("tf1_semantics")
class Uniform(_Noise):
    """``tf.random_uniform(tf.shape(x), minval, maxval, seed=op_seed)`` at each step.

    It is drawn at every call, as TF1's op did at every run. How far its stream has been
    read is a weight, ``drawn``.

    Args:
        minval, maxval: the noise is in [minval, maxval); None is 1.
        seed: (graph seed, op seed), or the op seed alone.

    Input shape: any, of a float dtype; its values are not looked at.
    Output shape: the same, in the layer's dtype.
    Raises:
        ValueError: for arguments that are no such numbers or seeds.
        NotImplementedError: under ``jit_compile=True``, which draws other numbers.
    Source: random_ops.random_uniform, 1.15.
    """

    def __init__(self, minval=0.0, maxval=None, seed=None, **kwargs):
        require_number("minval", minval, 0.0)
        if maxval is not None:
            require_number("maxval", maxval, 1.0)
        super().__init__(seed, **kwargs)
        self.minval = minval
        self.maxval = maxval

    def noise(self, shape, drawn, dtype):
        noise = philox.uniform(shape, self.seed, drawn, dtype)
        maxval = constant(1 if self.maxval is None else self.maxval, dtype)
        minval = constant(self.minval, dtype)
        return noise * (maxval - minval) + minval
