"""TF1's metrics that count class by class."""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.errors import require, require_int
from tf2_keras.tf1_semantics.losses.weighting import require_same_shape
from tf2_keras.tf1_semantics.metrics.streaming import Streaming, require_all


class _OfClasses(Streaming):
    """A metric of class numbers below ``num_classes``."""

    def __init__(self, num_classes, name):
        require_int("num_classes", num_classes, "2 or more", at_least=1)
        super().__init__(name=name)
        self.num_classes = num_classes

    def _flat(self, y_true, y_pred, sample_weight):
        """Class numbers and weights, [elements] each, and assertions about them."""
        y_true, y_pred = tf.cast(y_true, tf.int64), tf.convert_to_tensor(y_pred)
        require_same_shape(y_true, y_pred)
        weights = sample_weight
        if weights is not None:
            weights = tf.convert_to_tensor(weights)
            # TF1 flattens weights as they are, so that they cannot be broadcast.
            require(
                weights.shape.rank
                and y_true.shape.num_elements()
                in (None, weights.shape.num_elements() or y_true.shape.num_elements()),
                "sample_weight must have as many elements as y_true",
                f"{weights.shape} for {y_true.shape}",
                "Use tf.broadcast_to on it",
            )
            weights = tf.reshape(weights, [-1])
        y_true, y_pred = tf.reshape(y_true, [-1]), tf.reshape(y_pred, [-1])
        return y_true, y_pred, weights, self._checked("y_true", y_true)

    def _checked(self, name, classes):
        return require_all(
            tf.logical_and(classes >= 0, classes < self.num_classes),
            f"{name} must be in [0, {self.num_classes})",
            classes,
            "Use a larger num_classes",
        )


@keras.saving.register_keras_serializable("tf1_semantics")
class MeanIoU(_OfClasses):
    """``tf.metrics.mean_iou``: the mean over classes of intersection over union.

    Classes that neither labels nor predictions contain are left out of the mean. The
    confusion matrix is float64, as in TF1. Keras's MeanIoU counts in integers unless it
    is given a dtype: of weights it drops the fractions.

    Args:
        num_classes: int, above zero.

    ``update_state(y_true, y_pred, sample_weight=None)``: class numbers of one shape,
    and weights of as many elements.
    Raises:
        ValueError: if the shapes differ or num_classes is not above zero.
        tf.errors.InvalidArgumentError: for class numbers outside [0, num_classes).
    Source: metrics_impl.mean_iou.
    """

    def __init__(self, num_classes, name="mean_iou"):
        super().__init__(num_classes, name)
        self.total_confusion_matrix = self.add_zeros(
            "total_confusion_matrix", (num_classes, num_classes), "float64"
        )

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred, weights, checks = self._flat(y_true, y_pred, sample_weight)
        y_pred = tf.cast(y_pred, tf.int64)
        with tf.control_dependencies(checks + self._checked("y_pred", y_pred)):
            if weights is None:
                weights = tf.ones_like(y_pred, tf.float64)
            self.total_confusion_matrix.assign_add(
                tf.scatter_nd(
                    tf.stack([y_true, y_pred], axis=1),
                    tf.cast(weights, tf.float64),
                    [self.num_classes, self.num_classes],
                )
            )

    def result(self):
        matrix = tf.convert_to_tensor(self.total_confusion_matrix)
        predicted = tf.cast(tf.reduce_sum(matrix, 0), tf.float32)
        labelled = tf.cast(tf.reduce_sum(matrix, 1), tf.float32)
        both = tf.cast(tf.linalg.diag_part(matrix), tf.float32)
        union = predicted + labelled - both
        present = tf.reduce_sum(tf.cast(tf.not_equal(union, 0.0), tf.float32))
        union = tf.where(union > 0.0, union, tf.ones_like(union))
        return tf.where(present > 0.0, tf.reduce_sum(both / union) / present, 0.0)


@keras.saving.register_keras_serializable("tf1_semantics")
class MeanPerClassAccuracy(_OfClasses):
    """``tf.metrics.mean_per_class_accuracy``: the mean of each class's own accuracy.

    A class without a label counts as zero, as in TF1. Keras has none.

    Args:
        num_classes: int, above zero.

    ``update_state(y_true, y_pred, sample_weight=None)``: as for ``MeanIoU``, though
    predictions may be of any number.
    Raises:
        ValueError: if the shapes differ or num_classes is not above zero.
        tf.errors.InvalidArgumentError: for labels outside [0, num_classes).
    Source: metrics_impl.mean_per_class_accuracy.
    """

    def __init__(self, num_classes, name="mean_accuracy"):
        super().__init__(num_classes, name)
        self.total = self.add_zeros("total", (num_classes,))
        self.correct = self.add_zeros("count", (num_classes,))  # TF1's name for it

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred, weights, checks = self._flat(y_true, y_pred, sample_weight)
        with tf.control_dependencies(checks):
            number = tf.ones_like(y_true, tf.float32)
            correct = tf.cast(tf.equal(tf.cast(y_pred, tf.int64), y_true), tf.float32)
            if weights is not None:
                weights = tf.cast(weights, tf.float32)
                number, correct = number * weights, correct * weights
            # One after another onto what is there, as TF1's scatter_add: other sums
            # round otherwise.
            for variable, added in ((self.total, number), (self.correct, correct)):
                current = tf.convert_to_tensor(variable)
                variable.assign(
                    tf.tensor_scatter_nd_add(current, y_true[:, tf.newaxis], added)
                )

    def result(self):
        total = tf.maximum(tf.convert_to_tensor(self.total), 0.0)
        return tf.reduce_mean(
            tf.math.divide_no_nan(tf.convert_to_tensor(self.correct), total)
        )
