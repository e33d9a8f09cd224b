"""TF1's streaming metrics as Keras ones: the same local variables, the same values.

They take what TF1's took. Accuracy, MeanIoU and MeanPerClassAccuracy compare class
numbers: a model whose output is logits needs a metric that calls ``tf.argmax`` first:

    class ClassAccuracy(metrics.Accuracy):
        def update_state(self, y_true, y_pred, sample_weight=None):
            super().update_state(y_true, tf.argmax(y_pred, -1), sample_weight)

In ``model.compile``, what stands under ``metrics`` gets no sample_weight; what stands
under ``weighted_metrics`` does. Weights follow the rule of ``losses``; those that lack
the last axis, or have one of size 1 too many, get or lose it, as in TF1.
"""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.errors import is_number, require, require_one_of
from tf2_keras.tf1_semantics.losses import check_broadcastable, require_same_shape

__all__ = [
    "AUC",
    "Accuracy",
    "Mean",
    "MeanAbsoluteError",
    "MeanIoU",
    "MeanPerClassAccuracy",
    "MeanSquaredError",
    "Precision",
    "Recall",
    "RootMeanSquaredError",
]


def _same_rank(y_true, y_pred, sample_weight):
    """The three as tensors; a last axis of size 1 is dropped where it is one too many.

    Source: metrics_impl._remove_squeezable_dimensions.
    """
    rank = y_true.shape.rank - y_pred.shape.rank
    if rank == 1 and y_true.shape[-1] in (1, None):
        y_true = tf.squeeze(y_true, [-1])
    elif rank == -1 and y_pred.shape[-1] in (1, None):
        y_pred = tf.squeeze(y_pred, [-1])
    require_same_shape(y_true, y_pred)
    return y_true, y_pred, _weights_for(y_pred, sample_weight)


def _weights_for(values, sample_weight):
    """``sample_weight`` in float32 and in the shape of ``values``; None stays None."""
    if sample_weight is None:
        return None
    weights = tf.convert_to_tensor(sample_weight)
    if weights.shape.rank:
        surplus = weights.shape.rank - values.shape.rank
        if surplus == 1 and weights.shape[-1] in (1, None):
            weights = tf.squeeze(weights, [-1])
        elif surplus == -1:
            weights = weights[..., tf.newaxis]
    with tf.control_dependencies(check_broadcastable("sample_weight", weights, values)):
        return tf.cast(weights, tf.float32) * tf.ones_like(values, tf.float32)


def _require_all(condition, rule, values, remedy):
    """Raises eagerly; returns [an assertion] for what must not happen without it."""
    holds = tf.reduce_all(condition)
    if tf.executing_eagerly():
        wrong = tf.boolean_mask(
            tf.reshape(values, [-1]), tf.reshape(tf.logical_not(condition), [-1])
        )
        require(bool(holds), rule, wrong[:3].numpy().tolist(), remedy)
        return []
    return [tf.debugging.Assert(holds, [f"{rule}. Received:", values, f". {remedy}."])]


class _Streaming(keras.metrics.Metric):
    """A metric whose variables are float32, whatever Keras's policy is."""

    def add_zeros(self, name, shape=(), dtype="float32"):
        return self.add_variable(
            shape=shape, initializer="zeros", dtype=dtype, name=name
        )

    def get_config(self):
        return {"name": self.name}


@keras.saving.register_keras_serializable("tf1_semantics")
class Mean(_Streaming):
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
        self._accumulate(values, _weights_for(values, sample_weight))

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
        y_true, y_pred, weights = _same_rank(
            tf.convert_to_tensor(y_true), tf.convert_to_tensor(y_pred), sample_weight
        )
        self._accumulate(tf.equal(tf.cast(y_pred, y_true.dtype), y_true), weights)


class _MeanError(Mean):
    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = tf.convert_to_tensor(y_true), tf.convert_to_tensor(y_pred)
        # fit hands over integer labels and float predictions: TF1 refused to mix them.
        y_true = tf.cast(y_true, y_pred.dtype)
        y_true, y_pred, weights = _same_rank(y_true, y_pred, sample_weight)
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


class _RatioOfCounts(_Streaming):
    """True positives over themselves and one kind of error."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred, weights = _same_rank(
            tf.cast(y_true, tf.bool), tf.cast(y_pred, tf.bool), sample_weight
        )
        for variable, found in (
            (self.true_positives, tf.logical_and(y_true, y_pred)),
            (self.errors, self._wrong(y_true, y_pred)),
        ):
            found = tf.cast(found, tf.float32)
            found = found if weights is None else found * weights
            variable.assign_add(tf.reduce_sum(found))

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

    def __init__(self, name="precision"):
        super().__init__(name=name)
        self.true_positives = self.add_zeros("true_positives")
        self.errors = self.add_zeros("false_positives")

    def _wrong(self, y_true, y_pred):
        return tf.logical_and(tf.logical_not(y_true), y_pred)


@keras.saving.register_keras_serializable("tf1_semantics")
class Recall(_RatioOfCounts):
    """``tf.metrics.recall``: true positives / positive labels, 0 without any.

    Arguments and errors: see ``Precision``.
    Source: metrics_impl.recall.
    """

    def __init__(self, name="recall"):
        super().__init__(name=name)
        self.true_positives = self.add_zeros("true_positives")
        self.errors = self.add_zeros("false_negatives")

    def _wrong(self, y_true, y_pred):
        return tf.logical_and(y_true, tf.logical_not(y_pred))


class _OfClasses(_Streaming):
    """A metric of class numbers below ``num_classes``."""

    def __init__(self, num_classes, name):
        require(
            isinstance(num_classes, int)
            and not isinstance(num_classes, bool)
            and num_classes > 0,
            "num_classes must be an int above zero",
            repr(num_classes),
            "Use 2 or more",
        )
        super().__init__(name=name)
        self.num_classes = num_classes

    def get_config(self):
        return {"num_classes": self.num_classes, **super().get_config()}

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
        return _require_all(
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


@keras.saving.register_keras_serializable("tf1_semantics")
class AUC(_Streaming):
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
        require(
            isinstance(num_thresholds, int)
            and not isinstance(num_thresholds, bool)
            and num_thresholds > 1,
            "num_thresholds must be an int of at least 2",
            repr(num_thresholds),
            "Use 200",
        )
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
        within = _require_all(
            tf.logical_and(y_pred >= 0, y_pred <= 1),
            "y_pred must be in [0, 1]",
            y_pred,
            "Use tf.sigmoid on logits",
        )
        with tf.control_dependencies(within):
            y_true, y_pred, weights = _same_rank(
                tf.cast(y_true, tf.bool), tf.cast(y_pred, tf.float32), sample_weight
            )
            thresholds = tf.constant(self._every_threshold, tf.float32)[:, tf.newaxis]
            label = tf.reshape(y_true, [1, -1])  # [1, elements]
            # [thresholds, elements]
            predicted = tf.reshape(y_pred, [1, -1]) > thresholds
            for variable, found in (
                (self.true_positives, tf.logical_and(label, predicted)),
                (self.false_negatives, tf.logical_and(label, ~predicted)),
                (self.false_positives, tf.logical_and(~label, predicted)),
                (self.true_negatives, tf.logical_and(~label, ~predicted)),
            )[: 3 if self.curve == "PR" else 4]:  # TF1's PR does not need the last
                found = tf.cast(found, tf.float32)
                if weights is not None:
                    found *= tf.reshape(weights, [1, -1])
                variable.assign_add(tf.reduce_sum(found, 1))

    def result(self):
        tp, fn, tn, fp = map(
            tf.convert_to_tensor,
            (
                self.true_positives,
                self.false_negatives,
                self.true_negatives,
                self.false_positives,
            ),
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

    def get_config(self):
        return {
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "thresholds": self.thresholds,
            **super().get_config(),
        }


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
