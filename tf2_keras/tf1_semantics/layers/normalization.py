"""TF1's normalisations as Keras layers: by batch, by layer, by neighbouring channels.

Shapes: B batch, H, W pixels, C channels.
"""

import functools

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.constants import constant
from tf2_keras.tf1_semantics.errors import (
    initializer_from,
    is_number,
    require,
    require_flags,
    require_int,
    require_not_negative,
    require_number,
    require_one_of,
)
from tf2_keras.tf1_semantics.layers.layer import (
    ElementwiseLayer,
    require_channels,
    require_images,
)
from tf2_keras.tf1_semantics.layers.update_ops import collect_or_run
from tf2_keras.tf1_semantics.xla import refuse_xla


def with_moments(x, axes, keepdims, scaled_last=False):
    """(x, mean, variance): ``tf.nn.moments`` and x, with TF1's gradient.

    x gets a gradient in three ways: as what is scaled, through the variance and through
    the mean. Their sum depends on the order. In a graph Grappler sorts the three by the
    names of their nodes, which gives that order; eager code has to be told.

    Args:
        scaled_last: whether the ops that scale are called after the moments' ones in
            the alphabet, as ``mul`` is, and ``batchnorm`` is not.
    """
    if not tf.executing_eagerly() or x.dtype == tf.float16:  # summed in two steps
        return x, *tf.nn.moments(x, axes, keepdims=keepdims)
    copies = _thrice(x)
    x, for_variance, for_mean = copies[-1:] + copies[:-1] if scaled_last else copies
    mean = tf.reduce_mean(for_mean, axes, keepdims=True)
    variance = tf.reduce_mean(
        tf.math.squared_difference(for_variance, tf.stop_gradient(mean)), axes, True
    )
    if keepdims:
        return x, mean, variance
    return x, tf.squeeze(mean, axes), tf.squeeze(variance, axes)


@tf.custom_gradient
def _thrice(x):
    copies = tuple(tf.identity(x) for _ in range(3))
    return copies, lambda *gradients: tf.add_n(gradients)


@keras.saving.register_keras_serializable("tf1_semantics")
class BatchNormalization(ElementwiseLayer):
    r"""``tf.layers.batch_normalization``, over all axes but one.

    Fused, as TF1 is on four axes unless told otherwise, it differs from Keras's layer
    in what it remembers: the moving variance gathers the sample variance, N / (N - 1)
    times the one that normalises. Unfused, on any other input, it remembers the
    population variance:

        y = x * (gamma / sqrt(variance + epsilon)) + (beta - mean * the same factor)
        moving -= (moving - statistic) * (1 - momentum)

    The statistics move in the forward pass, where TF1 left that to UPDATE_OPS: there is
    no collection to forget; ``update_ops`` is one for programs that ran some of it. With trainable=False 1.15 made no update op (contrib's for
    [batch, channels] apart, which it made) and normalised by the batch all the same: the
    part does both, give it momentum=1.0 to let the statistics stand. contrib's layer
    took [batch, channels] through the fused op, and so does rate="contrib".

    ``tf.contrib.layers.batch_norm`` and slim's are this layer with momentum=0.999 and
    scale=False, unless they were told otherwise; and with rate="contrib" where they were
    given updates_collections, such as None, or [batch, channels].

    Args:
        axis: the axis of the channels.
        momentum: of the moving statistics (TF1 calls it momentum or decay).
        epsilon: added to the variance. TensorFlow 1.15 raised anything below 1.001e-5,
            cuDNN's least, to 1.001e-5 without a word where it was fused; today's
            compat.v1 does not. Pass 1.001e-5 here if your program asked 1.15 for less.
        center: whether to add beta.
        scale: whether to multiply by gamma.
        beta_initializer, gamma_initializer: of the weights.
        moving_mean_initializer, moving_variance_initializer: of the statistics. An
            average that a program made by hand of what it computed started at zeros.
        renorm: must be False; batch renormalisation is not part of this.
        fused: False for the unfused arithmetic on every input. None and True are
            the same, as in TF1: fused if there are four axes and the channels are the
            last or the second, otherwise not.
        rate: how 1 - momentum was rounded: "tf.layers" subtracts in float32 where it is
            fused, float32(1) - float32(momentum), "contrib" in Python, and so in
            float64; 4 ULP apart for 0.9. Where it is not fused both did the latter.
            "contrib" fuses [batch, channels] too, as [batch, 1, 1, channels].

    Input shape: any with two axes or more; the channels' size is known.
    Output shape: the same.
    Weights are float32 where the input is half of that. Fused inputs are float32,
    float16 or bfloat16; others may be float64.
    Raises:
        ValueError: if ``momentum`` is not in [0, 1], ``epsilon`` is negative,
            ``renorm`` is asked for, or the input does not suit ``axis`` or the fused
            kernel.
        NotImplementedError: under ``jit_compile=True``.
    Source: tf.layers.BatchNormalization, 1.15; nn_impl.fused_batch_norm;
        Ioffe and Szegedy 2015, arXiv:1502.03167.
    """

    FUSED_DTYPES = ("float32", "float16", "bfloat16")
    renorm = False  # the only one that is taken

    def __init__(
        self,
        axis=-1,
        momentum=0.99,
        epsilon=1e-3,
        center=True,
        scale=True,
        beta_initializer="zeros",
        gamma_initializer="ones",
        moving_mean_initializer="zeros",
        moving_variance_initializer="ones",
        renorm=False,
        fused=None,
        rate="tf.layers",
        **kwargs,
    ):
        require(
            is_number(momentum) and 0 <= momentum <= 1,
            "momentum must be in [0, 1]",
            repr(momentum),
            "Use 0.99",
        )
        require_not_negative("epsilon", epsilon, 1e-3)
        require_int("axis", axis, -1)
        require_flags(center=center, scale=scale)
        require_one_of("fused", fused, (None, True, False), None)
        require_one_of("rate", rate, ("tf.layers", "contrib"), "tf.layers")
        require(
            not renorm,
            "renorm must be False: batch renormalisation is left out",
            repr(renorm),
            "Use a layer of your own for it",
        )
        super().__init__(**kwargs)
        self.momentum = momentum
        self.epsilon = epsilon
        self.axis = axis
        self.center = center
        self.scale = scale
        self.fused = fused
        self.rate = rate
        self.beta_initializer = initializer_from("beta_initializer", beta_initializer)
        self.gamma_initializer = initializer_from(
            "gamma_initializer", gamma_initializer
        )
        self.moving_mean_initializer = initializer_from(
            "moving_mean_initializer", moving_mean_initializer
        )
        self.moving_variance_initializer = initializer_from(
            "moving_variance_initializer", moving_variance_initializer
        )

    def build(self, input_shape):
        rank = len(input_shape)
        require(
            rank > 1 and -rank <= self.axis < rank,
            f"axis must be one of at least two axes, {tuple(input_shape)}",
            repr(self.axis),
            "Use -1 for channels that come last",
        )
        axis = self.axis % rank
        channels = require_channels(input_shape, self.axis)
        self._reduced = [other for other in range(rank) if other != axis]
        # Statistics and weights broadcast by themselves against the last axis.
        self._broadcast = None
        if axis != rank - 1:
            self._broadcast = [
                channels if other == axis else 1 for other in range(rank)
            ]
        is_flat = rank == 2 and axis == 1 and self.rate == "contrib"
        fits = is_flat or rank == 4 and axis in (1, 3)
        self._is_fused = self.fused is not False and fits
        if self._is_fused:
            self._data_format = "NCHW" if rank == 4 and axis == 1 else "NHWC"
            require(
                self.compute_dtype in self.FUSED_DTYPES,
                f"dtype must be one of {self.FUSED_DTYPES} for the fused kernel",
                repr(self.compute_dtype),
                "Use fused=False",
            )
        per_channel = functools.partial(
            self.add_weight,
            shape=(channels,),
            autocast=False,
            # TF1 kept the weights of half precision inputs in float32.
            dtype="float64" if self.compute_dtype == "float64" else "float32",
        )
        self.gamma = self.beta = None
        if self.scale:
            self.gamma = per_channel(initializer=self.gamma_initializer, name="gamma")
        if self.center:
            self.beta = per_channel(initializer=self.beta_initializer, name="beta")
        self.moving_mean = per_channel(
            initializer=self.moving_mean_initializer,
            trainable=False,
            name="moving_mean",
        )
        self.moving_variance = per_channel(
            initializer=self.moving_variance_initializer,
            trainable=False,
            name="moving_variance",
        )

    def call(self, x, training=False):
        refuse_xla(type(self).__name__)
        if not self._is_fused:
            return self._call_unfused(x, training)
        if x.shape.rank == 4:
            return self._call_fused(x, training)
        y = self._call_fused(tf.reshape(x, [-1, 1, 1, x.shape[-1]]), training)
        return tf.reshape(y, tf.shape(x))

    def _call_fused(self, x, training):
        normalise = functools.partial(
            tf.raw_ops.FusedBatchNormV3,
            x=x,
            epsilon=self.epsilon,
            scale=tf.ones_like(self.moving_mean) if self.gamma is None else self.gamma,
            offset=tf.zeros_like(self.moving_mean) if self.beta is None else self.beta,
            data_format=self._data_format,
        )
        if not training:
            return normalise(
                mean=self.moving_mean, variance=self.moving_variance, is_training=False
            ).y
        nothing = tf.zeros([0])  # in training the op computes both itself
        batch = normalise(mean=nothing, variance=nothing, is_training=True)
        rate = tf.constant(1.0 - self.momentum)
        if self.rate == "tf.layers":
            rate = 1.0 - tf.constant(self.momentum)
        self._move(rate, batch.batch_mean, batch.batch_variance)
        return batch.y

    def _call_unfused(self, x, training):
        if training:
            x, mean, variance = self._moments(x)
            self._move(tf.constant(1.0 - self.momentum), mean, variance)
        else:
            mean, variance = self.moving_mean.value, self.moving_variance.value
        mean, variance, beta, gamma = (
            None if per_channel is None else self._against(x, per_channel)
            for per_channel in (mean, variance, self.beta, self.gamma)
        )
        epsilon = constant(self.epsilon, x.dtype)
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)

    def _moments(self, x):
        if x.dtype == self.moving_mean.dtype:
            return with_moments(x, self._reduced, keepdims=False)
        # Of half precision TF1 took them in float32.
        raised = tf.cast(x, self.moving_mean.dtype)
        return x, *tf.nn.moments(raised, self._reduced)

    def _against(self, x, per_channel):
        per_channel = tf.cast(per_channel, x.dtype)
        if self._broadcast is None:
            return per_channel
        return tf.reshape(per_channel, self._broadcast)

    def _move(self, rate, mean, variance):
        # The rate is a float32 also of float64 statistics.
        rate = tf.cast(tf.cast(rate, tf.float32), self.moving_mean.dtype)
        for moving, statistic in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            collect_or_run(
                moving.path, functools.partial(_move, moving, statistic, rate)
            )


def _move(moving, statistic, rate):
    moving.value.assign_sub((moving.value - statistic) * rate)


@keras.saving.register_keras_serializable("tf1_semantics")
class LayerNormalization(ElementwiseLayer):
    r"""``tf.contrib.layers.layer_norm``: each example by its own mean and variance.

        y = x * (gamma / sqrt(variance + epsilon)) + (beta - mean * the same factor)

    TF1 normalises over all axes but the first and has weights for the last axis alone;
    Keras does both over the last axis.

    Args:
        center: whether to add beta.
        scale: whether to multiply by gamma.
        begin_norm_axis: the first axis to normalise over, to the last.
        begin_params_axis: the first axis of beta and gamma.
        epsilon: added to the variance; None for TF1's: 1e-12, and 1e-3 for float16.

    Input shape: any; sizes from ``begin_params_axis`` on are known.
    Output shape: the same.
    Raises:
        ValueError: for axes that the input does not have, or a negative epsilon.
        NotImplementedError: under ``jit_compile=True``.
    Source: contrib/layers/python/layers/layers.py, layer_norm, 1.15; Ba et al. 2016,
        arXiv:1607.06450.
    """

    def __init__(
        self,
        center=True,
        scale=True,
        begin_norm_axis=1,
        begin_params_axis=-1,
        epsilon=None,
        **kwargs,
    ):
        require_flags(center=center, scale=scale)
        require_int("begin_norm_axis", begin_norm_axis, 1)
        require_int("begin_params_axis", begin_params_axis, -1)
        if epsilon is not None:
            require_not_negative("epsilon", epsilon, 1e-12)
        super().__init__(**kwargs)
        self.begin_norm_axis = begin_norm_axis
        self.begin_params_axis = begin_params_axis
        self.center = center
        self.scale = scale
        self.epsilon = epsilon

    def build(self, input_shape):
        rank = len(input_shape)
        for name in ("begin_norm_axis", "begin_params_axis"):
            require(
                -rank <= getattr(self, name) < rank,
                f"{name} must be an axis of {tuple(input_shape)}",
                repr(getattr(self, name)),
                "Use -1 for the last",
            )
        self._reduced = list(range(self.begin_norm_axis % rank, rank))
        shape = tuple(input_shape)[self.begin_params_axis % rank :]
        require(
            None not in shape,
            "sizes must be known from begin_params_axis on",
            repr(tuple(input_shape)),
            "Use begin_params_axis=-1 for the last alone",
        )
        self.gamma = self.beta = None
        # In contrib's order: a norm of all gradients is a sum, of which it decides.
        if self.center:
            self.beta = self.add_weight(shape=shape, initializer="zeros", name="beta")
        if self.scale:
            self.gamma = self.add_weight(shape=shape, initializer="ones", name="gamma")

    def call(self, x):
        refuse_xla(type(self).__name__)
        epsilon = self.epsilon
        if epsilon is None:
            epsilon = 1e-3 if x.dtype == tf.float16 else 1e-12
        epsilon = constant(epsilon, x.dtype)
        x, mean, variance = with_moments(x, self._reduced, keepdims=True)
        beta, gamma = (
            None if weight is None else tf.convert_to_tensor(weight)
            for weight in (self.beta, self.gamma)
        )
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)


@keras.saving.register_keras_serializable("tf1_semantics")
class LocalResponseNormalization(ElementwiseLayer):
    r"""``tf.nn.lrn``: each channel by its neighbours' squares; Keras has none.

        y_c = x_c / (bias + alpha * sum of x_i^2, |i - c| <= depth_radius) ^ beta

    The sum is no mean: alpha is that of the paper, not divided by the number of
    neighbours as in other libraries.

    Args:
        depth_radius: int, neighbours on each side.
        bias, alpha, beta: floats.

    Input shape: [B, H, W, C], float32 or float16. Output shape: the same.
    Raises:
        ValueError: for arguments that are no such numbers, or another input.
        NotImplementedError: under ``jit_compile=True``.
    Source: tf.nn.local_response_normalization, 1.15; Krizhevsky et al. 2012,
        section 3.3.
    """

    DTYPES = ("float32", "float16")  # of TF1's kernel

    def __init__(self, depth_radius=5, bias=1.0, alpha=1.0, beta=0.5, **kwargs):
        require_int("depth_radius", depth_radius, 5, at_least=0)
        require_number("bias", bias, 1.0)
        require_number("alpha", alpha, 1.0)
        require_number("beta", beta, 0.5)
        super().__init__(**kwargs)
        self.depth_radius = depth_radius
        self.bias = bias
        self.alpha = alpha
        self.beta = beta

    def build(self, input_shape):
        require_images(input_shape)
        require(
            self.compute_dtype in self.DTYPES,
            f"dtype must be one of {self.DTYPES}",
            repr(self.compute_dtype),
            "Use dtype='float32'",
        )

    def call(self, x):
        refuse_xla(type(self).__name__)
        return tf.raw_ops.LRN(
            input=x,
            depth_radius=self.depth_radius,
            bias=self.bias,
            alpha=self.alpha,
            beta=self.beta,
        )
