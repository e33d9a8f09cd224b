"""TF1's batch normalisation as a Keras layer."""
import functools
import numbers

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable('tf1_semantics')
class BatchNormalization(keras.layers.Layer):
    """TF1's fused batch normalisation over all axes but the last.

    It differs from ``keras.layers.BatchNormalization`` in what it remembers: the moving
    variance gathers the sample variance, N / (N - 1) times the one that normalises.
    The statistics move in the forward pass, where TF1 left that to UPDATE_OPS.

    Args:
        momentum: of the moving statistics (TF1 calls it momentum or decay).
        epsilon: added to the variance. TensorFlow 1.15 raised anything below 1.001e-5,
            cuDNN's least, to 1.001e-5 without a word; today's compat.v1 does not. Pass
            1.001e-5 here if your program asked 1.15 for less.

    Input shape: [batch, height, width, channels]. Output shape: the same. Weights are
    float32, inputs may be half of that.
    Raises:
        ValueError: if ``momentum`` is not in [0, 1], ``epsilon`` is negative, or the
            input's rank is not 4.
    Source: nn_impl.fused_batch_norm; tf.layers.batch_normalization(fused=True).
    """

    DTYPES = ('float32', 'float16', 'bfloat16')

    def __init__(self, momentum=0.99, epsilon=1e-3, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(momentum, numbers.Real) or not 0 <= momentum <= 1:
            raise ValueError(
                f'momentum must be in [0, 1]. Received: {momentum}. Use 0.99.'
            )
        if not isinstance(epsilon, numbers.Real) or not epsilon >= 0:
            raise ValueError(
                'epsilon must be a number that is not negative. '
                f'Received: {epsilon}. Use 1e-3.'
            )
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, input_shape):
        if len(input_shape) != 4:
            raise ValueError(
                'rank must be 4, [batch, height, width, channels]. '
                f'Received: {tuple(input_shape)}. '
                'Use keras.layers.BatchNormalization for other ranks.'
            )
        if input_shape[-1] is None:
            raise ValueError(
                f'channels must be known. Received: {tuple(input_shape)}. '
                'Use an input whose last axis has a size.'
            )
        if self.compute_dtype not in self.DTYPES:
            raise ValueError(
                f'dtype must be one of {self.DTYPES}. Received: {self.compute_dtype}. '
                'Use keras.layers.BatchNormalization for others.'
            )
        # The kernel takes float32 weights, whatever the dtype of its input.
        per_channel = functools.partial(
            self.add_weight, shape=(input_shape[-1],), dtype='float32', autocast=False
        )
        self.gamma = per_channel(initializer='ones', name='gamma')
        self.beta = per_channel(initializer='zeros', name='beta')
        self.moving_mean = per_channel(
            initializer='zeros', trainable=False, name='moving_mean'
        )
        self.moving_variance = per_channel(
            initializer='ones', trainable=False, name='moving_variance'
        )

    def call(self, x, training=False):
        if not training:
            return tf.raw_ops.FusedBatchNormV3(
                x=x, scale=self.gamma, offset=self.beta, mean=self.moving_mean,
                variance=self.moving_variance, epsilon=self.epsilon, is_training=False,
            ).y
        nothing = tf.zeros([0])  # in training the op computes both itself
        batch = tf.raw_ops.FusedBatchNormV3(
            x=x, scale=self.gamma, offset=self.beta, mean=nothing, variance=nothing,
            epsilon=self.epsilon, is_training=True,
        )
        rate = 1.0 - tf.constant(self.momentum)  # in float32, as tf.layers had it
        for moving, statistic in (
            (self.moving_mean, batch.batch_mean),
            (self.moving_variance, batch.batch_variance),
        ):
            moving.value.assign_sub((moving.value - statistic) * rate)
        return batch.y

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super().get_config()
        config.update(momentum=self.momentum, epsilon=self.epsilon)
        return config
