"""TF1's precision and recall: ratios of counts."""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.metrics.streaming import Streaming, of_one_shape


class _RatioOfCounts(Streaming):
    """True positives over themselves and one kind of error."""

    errors_are = None  # the name of their variable

    def __init__(self, name):
        super().__init__(name=name)
        self.true_positives = self.add_zeros("true_positives")
        self.errors = self.add_zeros(self.errors_are)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred, weights = of_one_shape(
            tf.cast(y_true, tf.bool), tf.cast(y_pred, tf.bool), sample_weight
        )
        for variable, counted in (
            (self.true_positives, tf.logical_and(y_true, y_pred)),
            (self.errors, self._wrong(y_true, y_pred)),
        ):
            counted = tf.cast(counted, tf.float32)
            counted = counted if weights is None else counted * weights
            variable.assign_add(tf.reduce_sum(counted))

    def result(self):
        positives = tf.convert_to_tensor(self.true_positives)
        total = positives + self.errors
        return tf.where(total > 0.0, positives / total, 0.0)


@keras.saving.register_keras_serializable("tf1_semantics")
class Precision(_RatioOfCounts):
    """``tf.metrics.precision``: true positives / predicted positives, 0 without any.

    Everything that is not zero counts as a positive prediction, as TF1 casts to bool.
    Keras's Precision takes probabilities and counts those above 0.5.

    ``update_state(y_true, y_pred, sample_weight=None)``: of one shape, zeros and ones.
    Raises:
        ValueError: if the shapes differ, or weights do not broadcast by TF1's rule.
    Source: metrics_impl.precision.
    """

    errors_are = "false_positives"

    def __init__(self, name="precision"):
        super().__init__(name)

    def _wrong(self, y_true, y_pred):
        return tf.logical_and(tf.logical_not(y_true), y_pred)


@keras.saving.register_keras_serializable("tf1_semantics")
class Recall(_RatioOfCounts):
    """``tf.metrics.recall``: true positives / positive labels, 0 without any.

    Arguments and errors: see ``Precision``.
    Source: metrics_impl.recall.
    """

    errors_are = "false_negatives"

    def __init__(self, name="recall"):
        super().__init__(name)

    def _wrong(self, y_true, y_pred):
        return tf.logical_and(y_true, tf.logical_not(y_pred))
