"""TF1's area under a curve, through as many thresholds as it was given."""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.errors import (
    is_number,
    require,
    require_int,
    require_one_of,
)
from tf2_keras.tf1_semantics.metrics.streaming import (
    Streaming,
    of_one_shape,
    require_all,
)


@keras.saving.register_keras_serializable("tf1_semantics")
class AUC(Streaming):
    r"""``tf.metrics.auc``: the area under a curve through so many thresholds.

    TF1's default sums trapezoids for PR too, which overestimates; Keras's AUC cannot:
    it interpolates PR, TF1's 'careful_interpolation'. For ROC both agree.

    Args:
        num_thresholds: int, at least 2, of which the outermost are -1e-7 and 1 + 1e-7.
        curve: 'ROC' or 'PR'.
        summation_method: 'trapezoidal', 'careful_interpolation' (Davis and Goadrich
            2006, section 4; the same as trapezoidal for ROC), 'minoring', 'majoring'.
        thresholds: None, or floats in [0, 1] in place of equally spaced ones.

    ``update_state(y_true, y_pred, sample_weight=None)``: labels that are cast to bool
    and probabilities, of one shape.
    Raises:
        ValueError: for arguments outside these, if the shapes differ, or weights do not
            broadcast by TF1's rule.
        tf.errors.InvalidArgumentError: for predictions outside [0, 1].
    Source: metrics_impl.auc.
    """

    CURVES = ("ROC", "PR")
    METHODS = ("trapezoidal", "careful_interpolation", "minoring", "majoring")

    def __init__(
        self,
        num_thresholds=200,
        curve="ROC",
        summation_method="trapezoidal",
        thresholds=None,
        name="auc",
    ):
        require_int("num_thresholds", num_thresholds, 200, at_least=2)
        require_one_of("curve", curve, self.CURVES, "ROC")
        require_one_of(
            "summation_method", summation_method, self.METHODS, "trapezoidal"
        )
        require(
            thresholds is None
            or isinstance(thresholds, (list, tuple))
            and all(
                is_number(threshold) and 0 <= threshold <= 1 for threshold in thresholds
            ),
            "thresholds must be a list of numbers in [0, 1], or None",
            repr(thresholds),
            "Use num_thresholds for equally spaced ones",
        )
        super().__init__(name=name)
        self.num_thresholds = num_thresholds
        self.curve = curve
        self.summation_method = summation_method
        self.thresholds = None if thresholds is None else list(thresholds)
        if thresholds is None:
            inner = [i / (num_thresholds - 1) for i in range(1, num_thresholds - 1)]
        else:
            inner = sorted(thresholds)
        self._every_threshold = [-1e-7, *inner, 1.0 + 1e-7]
        size = (len(self._every_threshold),)
        self.true_positives = self.add_zeros("true_positives", size)
        self.false_negatives = self.add_zeros("false_negatives", size)
        self.true_negatives = self.add_zeros("true_negatives", size)
        self.false_positives = self.add_zeros("false_positives", size)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_pred = tf.convert_to_tensor(y_pred)
        within = require_all(
            tf.logical_and(y_pred >= 0, y_pred <= 1),
            "y_pred must be in [0, 1]",
            y_pred,
            "Use tf.sigmoid on logits",
        )
        with tf.control_dependencies(within):
            y_true, y_pred, weights = of_one_shape(
                tf.cast(y_true, tf.bool), tf.cast(y_pred, tf.float32), sample_weight
            )
            thresholds = tf.constant(self._every_threshold, tf.float32)[:, tf.newaxis]
            label = tf.reshape(y_true, [1, -1])  # [1, elements]
            # [thresholds, elements]
            predicted = tf.reshape(y_pred, [1, -1]) > thresholds
            for variable, counted in (
                (self.true_positives, tf.logical_and(label, predicted)),
                (self.false_negatives, tf.logical_and(label, ~predicted)),
                (self.false_positives, tf.logical_and(~label, predicted)),
                (self.true_negatives, tf.logical_and(~label, ~predicted)),
            )[: 3 if self.curve == "PR" else 4]:  # TF1's PR does not need the last
                counted = tf.cast(counted, tf.float32)
                if weights is not None:
                    counted *= tf.reshape(weights, [1, -1])
                variable.assign_add(tf.reduce_sum(counted, 1))

    def result(self):
        tp, fn, tn, fp = (
            tf.convert_to_tensor(count)
            for count in (
                self.true_positives,
                self.false_negatives,
                self.true_negatives,
                self.false_positives,
            )
        )
        if self.curve == "PR" and self.summation_method == "careful_interpolation":
            return _interpolated_precision_recall(tp, fp, fn)
        epsilon = 1e-6
        recall = (tp + epsilon) / (tp + fn + epsilon)
        if self.curve == "ROC":
            x, y = fp / (fp + tn + epsilon), recall
        else:
            x, y = recall, (tp + epsilon) / (tp + fp + epsilon)
        heights = {"minoring": tf.minimum, "majoring": tf.maximum}.get(
            self.summation_method, lambda left, right: (left + right) / 2.0
        )
        return tf.reduce_sum((x[:-1] - x[1:]) * heights(y[:-1], y[1:]))


def _interpolated_precision_recall(tp, fp, fn):
    """Davis and Goadrich 2006, section 4: true positives linear in the positives."""
    positives = tp + fp
    gained = tp[:-1] - tp[1:]
    slope = tf.math.divide_no_nan(
        gained, tf.maximum(positives[:-1] - positives[1:], 0.0)
    )
    intercept = tp[1:] - slope * positives[1:]
    both = tf.logical_and(positives[:-1] > 0.0, positives[1:] > 0.0)
    ratio = tf.math.divide_no_nan(positives[:-1], tf.maximum(positives[1:], 0.0))
    ratio = tf.where(both, ratio, tf.ones_like(ratio))
    area = slope * (gained + intercept * tf.math.log(ratio))
    return tf.reduce_sum(tf.math.divide_no_nan(area, tf.maximum(tp[1:] + fn[1:], 0.0)))
