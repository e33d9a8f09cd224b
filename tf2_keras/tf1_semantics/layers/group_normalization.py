"""contrib's normalisations by instance and by group of channels, as Keras layers.

Keras's GroupNormalization is within an ULP of both, with another epsilon and its own
order of operations; here they are TF1's, one by one.
"""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.barriers import apart, with_value_apart
from tf2_keras.tf1_semantics.constants import constant
from tf2_keras.tf1_semantics.errors import (
    is_int,
    require,
    require_flags,
    require_int,
    require_not_negative,
    require_one_of,
)
from tf2_keras.tf1_semantics.layers.layer import ElementwiseLayer, require_channels
from tf2_keras.tf1_semantics.layers.normalization import with_moments
from tf2_keras.tf1_semantics.xla import refuse_xla


@tf.custom_gradient
def _thrice(x):
    """Copies whose gradients are added up one after another, as in TF1's graph."""
    copies = tuple(tf.identity(x) for _ in range(3))
    return copies, lambda first, second, third: apart(first + second) + third


class _Scaled(ElementwiseLayer):
    """The base of both: weights for each channel, and an epsilon."""

    def __init__(self, center, scale, epsilon, **kwargs):
        require_flags(center=center, scale=scale)
        require_not_negative("epsilon", epsilon, 1e-6)
        super().__init__(**kwargs)
        self.center = center
        self.scale = scale
        self.epsilon = epsilon

    def add_weights(self, channels):
        self.gamma = self.beta = None
        if self.scale:
            self.gamma = self.add_weight((channels,), "ones", name="gamma")
        if self.center:
            self.beta = self.add_weight((channels,), "zeros", name="beta")

    def against(self, shape):
        """(beta, gamma) in a shape that broadcasts against the input, or None each."""
        return (
            None if weight is None else tf.reshape(weight, shape)
            for weight in (self.beta, self.gamma)
        )


@keras.saving.register_keras_serializable("tf1_semantics")
class InstanceNormalization(_Scaled):
    r"""``tf.contrib.layers.instance_norm``: each channel of each example by itself.

        y = x * (gamma / sqrt(variance + epsilon)) + (beta - mean * the same factor)

    Args:
        center: whether to add beta.
        scale: whether to multiply by gamma.
        epsilon: added to the variance.
        data_format: 'NHWC' for channels that come last, 'NCHW' for the second axis.

    Input shape: [batch, ..., channels], or [batch, channels, ...].
    Output shape: the same.
    Raises:
        ValueError: for arguments other than these, or an input of fewer than three axes.
        NotImplementedError: under ``jit_compile=True``.
    Source: contrib/layers/python/layers/normalization.py, 1.15; Ulyanov et al. 2016,
        arXiv:1607.08022.
    """

    def __init__(
        self, center=True, scale=True, epsilon=1e-6, data_format="NHWC", **kwargs
    ):
        require_one_of("data_format", data_format, ("NHWC", "NCHW"), "NHWC")
        super().__init__(center, scale, epsilon, **kwargs)
        self.data_format = data_format

    def build(self, input_shape):
        rank = len(input_shape)
        require(
            rank > 2,
            "inputs must have an axis besides batch and channels",
            repr(tuple(input_shape)),
            "Use BatchNormalization for [batch, channels]",
        )
        axis = rank - 1 if self.data_format == "NHWC" else 1
        channels = require_channels(input_shape, axis)
        self._reduced = [other for other in range(1, rank) if other != axis]
        self._broadcast = [channels]
        if axis == 1:
            self._broadcast = [1, channels] + [1] * (rank - 2)
        self.add_weights(channels)

    def call(self, x):
        refuse_xla(type(self).__name__)
        x, mean, variance = with_moments(x, self._reduced, keepdims=True)
        epsilon = constant(self.epsilon, x.dtype)
        beta, gamma = self.against(self._broadcast)
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)


@keras.saving.register_keras_serializable("tf1_semantics")
class GroupNormalization(_Scaled):
    r"""``tf.contrib.layers.group_norm``: groups of channels of each example.

        y = x * (gamma / sqrt(variance + epsilon)) + (beta - mean * the same factor)

    Args:
        groups: how many; they divide the channels.
        channels_axis: the axis of the channels.
        reduction_axes: the axes over which a group's statistics are taken besides its
            channels; by default height and width of [batch, height, width, channels].
        center: whether to add beta.
        scale: whether to multiply by gamma.
        epsilon: added to the variance. Keras's is 1e-3.
        mean_close_to_zero: True for a variance in one pass, the mean of the squares
            without the square of the mean, which cancels where the mean is large.

    Input shape: any whose sizes are known along these axes. Output shape: the same.
    Raises:
        ValueError: for arguments other than these, or that the input does not suit.
        NotImplementedError: under ``jit_compile=True``.
    Source: contrib/layers/python/layers/normalization.py, 1.15; Wu and He 2018,
        arXiv:1803.08494.
    """

    def __init__(
        self,
        groups=32,
        channels_axis=-1,
        reduction_axes=(-3, -2),
        center=True,
        scale=True,
        epsilon=1e-6,
        mean_close_to_zero=False,
        **kwargs,
    ):
        require_int("groups", groups, 32, at_least=1)
        require_int("channels_axis", channels_axis, -1)
        require(
            isinstance(reduction_axes, (list, tuple))
            and all(is_int(axis) for axis in reduction_axes),
            "reduction_axes must be a tuple of axes",
            repr(reduction_axes),
            "Use (-3, -2) for height and width",
        )
        require_flags(mean_close_to_zero=mean_close_to_zero)
        super().__init__(center, scale, epsilon, **kwargs)
        self.groups = groups
        self.channels_axis = channels_axis
        self.reduction_axes = reduction_axes
        self.mean_close_to_zero = mean_close_to_zero

    def build(self, input_shape):
        rank = len(input_shape)
        axes = (self.channels_axis, *self.reduction_axes)
        require(
            all(-rank <= axis < rank for axis in axes)
            and len({axis % rank for axis in axes}) == len(axes),
            f"axes must be different ones of {rank}, channels_axis and reduction_axes",
            repr(axes),
            "Use -1 and (-3, -2) for [batch, height, width, channels]",
        )
        require(
            all(input_shape[axis] is not None for axis in axes),
            "sizes must be known along channels_axis and reduction_axes",
            repr(tuple(input_shape)),
            "Use keras.Input with height and width",
        )
        channels = input_shape[self.channels_axis]
        require(
            channels % self.groups == 0,
            f"groups must divide the channels, {channels}",
            repr(self.groups),
            "Use 1 for all in one group",
        )
        self._axis = self.channels_axis % rank
        self._split = [self.groups, channels // self.groups]
        # What is behind the channels moves on by the axis that they are split into.
        self._reduced = [self._axis + 1] + [
            axis % rank + (axis % rank > self._axis) for axis in self.reduction_axes
        ]
        self._broadcast = self._in_groups([1] * rank)
        self.add_weights(channels)

    def _in_groups(self, shape):
        return [*shape[: self._axis], *self._split, *shape[self._axis + 1 :]]

    def call(self, x):
        refuse_xla(type(self).__name__)
        shape = [
            tf.shape(x)[axis] if size is None else size
            for axis, size in enumerate(x.shape)
        ]
        x = tf.reshape(x, self._in_groups(shape))
        if self.mean_close_to_zero:
            x, mean, variance = self._moments_in_one_pass(x)
        else:
            x, mean, variance = with_moments(x, self._reduced, True, scaled_last=True)
        beta, gamma = self.against(self._broadcast)
        gain = tf.math.rsqrt(variance + constant(self.epsilon, x.dtype))
        offset = -mean * gain
        if gamma is not None:
            gain, offset = gain * gamma, offset * gamma
        if beta is not None:
            offset = offset + beta
        return tf.reshape(x * gain + offset, shape)

    def _moments_in_one_pass(self, x):
        """(x, mean, variance), ``tf.nn.normalize_moments`` of sums."""
        x, for_squares, for_mean = _thrice(x)
        (count, total, _, _), (_, _, squares, _) = (
            tf.nn.sufficient_statistics(copy, self._reduced, keepdims=True)
            for copy in (for_mean, for_squares)
        )
        mean, variance = tf.nn.normalize_moments(count, total, squares, shift=None)
        # As 1.15 added epsilon, where today's Grappler would take the mean's square
        # from it first.
        return x, mean, with_value_apart(variance)
