"""TF1's metrics that are a mean of something of each element."""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.metrics.streaming import (
    Streaming,
    of_one_shape,
    weights_for,
)


@keras.saving.register_keras_serializable("tf1_semantics")
class Mean(Streaming):
    """``tf.metrics.mean``: sum of weighted values / sum of weights.

    Keras's Mean agrees. It is here as the base of what follows.

    ``update_state(values, sample_weight=None)``: values of any shape.
    Raises:
        ValueError: for weights that do not broadcast by TF1's rule.
    Source: metrics_impl.mean.
    """

    def __init__(self, name="mean"):
        super().__init__(name=name)
        self.total = self.add_zeros("total")
        self.count = self.add_zeros("count")

    def update_state(self, values, sample_weight=None):
        values = tf.cast(values, tf.float32)
        self._accumulate(values, weights_for(values, sample_weight))

    def _accumulate(self, values, weights):
        values = tf.cast(values, tf.float32)
        if weights is None:
            number = tf.cast(tf.size(values), tf.float32)
        else:
            values = values * weights
            number = tf.reduce_sum(weights)
        self.total.assign_add(tf.reduce_sum(values))
        self.count.assign_add(number)

    def result(self):
        return tf.math.divide_no_nan(
            tf.convert_to_tensor(self.total), tf.maximum(self.count, 0.0)
        )


@keras.saving.register_keras_serializable("tf1_semantics")
class Accuracy(Mean):
    """``tf.metrics.accuracy``: how often predicted class numbers are the labels.

    Predictions of another dtype than the labels are cast to it: probabilities become
    zeros before integer labels. Keras's Accuracy takes the same; its compile string
    'accuracy' takes logits.

    ``update_state(y_true, y_pred, sample_weight=None)``: class numbers of one shape.
    Raises:
        ValueError: if the shapes differ, or weights do not broadcast by TF1's rule.
    Source: metrics_impl.accuracy.
    """

    def __init__(self, name="accuracy"):
        super().__init__(name)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred, weights = of_one_shape(
            tf.convert_to_tensor(y_true), tf.convert_to_tensor(y_pred), sample_weight
        )
        self._accumulate(tf.equal(tf.cast(y_pred, y_true.dtype), y_true), weights)


class _MeanError(Mean):
    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = tf.convert_to_tensor(y_true), tf.convert_to_tensor(y_pred)
        # fit hands over integer labels and float predictions: TF1 refused to mix them.
        y_true = tf.cast(y_true, y_pred.dtype)
        y_true, y_pred, weights = of_one_shape(y_true, y_pred, sample_weight)
        self._accumulate(self._errors(y_true, y_pred), weights)


@keras.saving.register_keras_serializable("tf1_semantics")
class MeanAbsoluteError(_MeanError):
    """``tf.metrics.mean_absolute_error``: the weighted mean of all elements.

    Keras's namesake means the last axis first: of predictions of [batch] it means the
    batches, a short one as much as a long one, and weights of the full shape fail.

    ``update_state(y_true, y_pred, sample_weight=None)``: of one shape. The errors are
    computed in the dtype of ``y_pred``, their mean in float32.
    Raises:
        ValueError: if the shapes differ, or weights do not broadcast by TF1's rule.
    Source: metrics_impl.mean_absolute_error.
    """

    def __init__(self, name="mean_absolute_error"):
        super().__init__(name)

    def _errors(self, y_true, y_pred):
        return tf.abs(y_pred - y_true)


# The loss has the plain name.
@keras.saving.register_keras_serializable("tf1_semantics", "MeanSquaredErrorMetric")
class MeanSquaredError(_MeanError):
    """``tf.metrics.mean_squared_error``: the weighted mean of all elements.

    Shapes, dtypes and errors: see ``MeanAbsoluteError``.
    Source: metrics_impl.mean_squared_error.
    """

    def __init__(self, name="mean_squared_error"):
        super().__init__(name)

    def _errors(self, y_true, y_pred):
        return tf.math.squared_difference(y_true, y_pred)


@keras.saving.register_keras_serializable("tf1_semantics")
class RootMeanSquaredError(MeanSquaredError):
    """``tf.metrics.root_mean_squared_error``: the root of ``MeanSquaredError``.

    Shapes, dtypes and errors: see ``MeanAbsoluteError``.
    Source: metrics_impl.root_mean_squared_error.
    """

    def __init__(self, name="root_mean_squared_error"):
        super().__init__(name)

    def result(self):
        return tf.sqrt(super().result())
