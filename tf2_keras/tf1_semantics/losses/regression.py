"""TF1's losses of regressions: of differences, and of directions."""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.errors import require_int, require_not_negative
from tf2_keras.tf1_semantics.losses.weighting import (
    Reduction,
    WeightedLoss,
    as_float32,
    present,
)


@keras.saving.register_keras_serializable("tf1_semantics")
class AbsoluteDifference(WeightedLoss):
    """``tf.losses.absolute_difference``: ``|y_pred - y_true|``.

    Keras's MeanAbsoluteError means the last axis before it weighs.

    Args, shapes and errors: see ``WeightedLoss``. Returns float32.
    Source: losses_impl.absolute_difference.
    """

    def call(self, y_true, y_pred):
        y_true, y_pred = as_float32(y_true, y_pred)
        return tf.abs(y_pred - y_true)


@keras.saving.register_keras_serializable("tf1_semantics")
class CosineDistance(WeightedLoss):
    """``tf.losses.cosine_distance``: ``1 - sum(y_pred * y_true)`` along an axis.

    Both have to be of unit length already. Keras's CosineSimilarity makes them so
    itself, and its value is ``-sum`` without the one.

    Args:
        axis: int, along which the sum goes; it stays in the loss with size 1.

    Other args, shapes and errors: see ``WeightedLoss``. Returns float32.
    Source: losses_impl.cosine_distance.
    """

    def __init__(
        self, axis, weights=1.0, reduction=Reduction.SUM_BY_NONZERO_WEIGHTS, name=None
    ):
        require_int("axis", axis, "-1 for the last axis")
        super().__init__(weights, reduction, name)
        self.axis = axis

    def call(self, y_true, y_pred):
        y_true, y_pred = as_float32(y_true, y_pred)
        return 1.0 - tf.reduce_sum(y_pred * y_true, axis=[self.axis], keepdims=True)


@keras.saving.register_keras_serializable("tf1_semantics")
class HuberLoss(WeightedLoss):
    r"""``tf.losses.huber_loss``: quadratic up to ``delta``, then linear.

        error^2 / 2                     where |error| <= delta
        delta |error| - delta^2 / 2     elsewhere

    Args:
        delta: float, not negative.

    Other args, shapes and errors: see ``WeightedLoss``. Returns float32.
    Source: losses_impl.huber_loss.
    """

    def __init__(
        self,
        weights=1.0,
        delta=1.0,
        reduction=Reduction.SUM_BY_NONZERO_WEIGHTS,
        name=None,
    ):
        require_not_negative("delta", delta, 1.0)
        super().__init__(weights, reduction, name)
        self.delta = delta

    def call(self, y_true, y_pred):
        y_true, y_pred = as_float32(y_true, y_pred)
        error = tf.abs(y_pred - y_true)
        quadratic = tf.minimum(error, self.delta)
        # The identity groups the three gradients of ``quadratic`` as TF1's graph does.
        grouped = tf.identity(quadratic)
        linear = error - grouped
        return 0.5 * (quadratic * grouped) + self.delta * linear


@keras.saving.register_keras_serializable("tf1_semantics")
class MeanPairwiseSquaredError(WeightedLoss):
    r"""``tf.losses.mean_pairwise_squared_error``: of the differences within an example.

        error = y_pred - y_true,  n = elements of the example whose weight is not zero
        term  = 2 (sum(error^2) / (n - 1) - sum(error)^2 / (n (n - 1)))
        loss  = sum over the examples of weight * term

    TF1 gave no choice of a reduction: it is a sum. Weights of the full shape weigh the
    example's term once for each of its elements, and zeros among them leave both sums
    as they are, as in TF1.

    Args:
        weights: see ``WeightedLoss``.

    Shapes and errors: see ``WeightedLoss``. Returns a float32 scalar.
    Source: losses_impl.mean_pairwise_squared_error.
    """

    def __init__(self, weights=1.0, name=None):
        super().__init__(weights, Reduction.SUM, name)

    def call(self, y_true, y_pred):
        y_true, y_pred = as_float32(y_true, y_pred)
        return y_pred - y_true

    def reduce(self, losses, weights):
        axes = list(range(1, losses.shape.rank))
        number = tf.reduce_sum(present(weights, losses), axes, keepdims=True)
        squares = tf.reduce_sum(tf.square(losses), axes, keepdims=True)
        squares = 2.0 * tf.math.divide_no_nan(squares, tf.maximum(number - 1.0, 0.0))
        squared = tf.square(tf.reduce_sum(losses, axes, keepdims=True))
        squared = 2.0 * tf.math.divide_no_nan(
            squared, tf.maximum(number * (number - 1.0), 0.0)
        )
        loss = tf.reduce_sum((squares - squared) * weights)
        return tf.where(tf.reduce_sum(number) > 0.0, loss, tf.zeros_like(loss))


@keras.saving.register_keras_serializable("tf1_semantics")
class MeanSquaredError(WeightedLoss):
    """``tf.losses.mean_squared_error``: ``(y_pred - y_true)^2``.

    Keras's namesake means the last axis before it weighs and sums.

    Args, shapes and errors: see ``WeightedLoss``. Returns float32.
    Source: losses_impl.mean_squared_error.
    """

    def call(self, y_true, y_pred):
        y_true, y_pred = as_float32(y_true, y_pred)
        return tf.math.squared_difference(y_pred, y_true)
