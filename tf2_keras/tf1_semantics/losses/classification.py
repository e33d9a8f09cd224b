"""TF1's losses of classifiers: of logits, of probabilities, of a margin."""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.barriers import with_value_apart
from tf2_keras.tf1_semantics.errors import (
    is_number,
    require,
    require_not_negative,
    require_one_of,
)
from tf2_keras.tf1_semantics.losses.weighting import (
    Reduction,
    WeightedLoss,
    as_float32,
    constant_weights,
    require_same_shape,
)


@keras.saving.register_keras_serializable("tf1_semantics")
class HingeLoss(WeightedLoss):
    """``tf.losses.hinge_loss``: ``max(0, 1 - (2 y_true - 1) y_pred)``.

    Labels are 0 or 1, always. Keras's Hinge takes -1 and 1 as they are, and converts
    only if it sees nothing but zeros and ones.

    Args, shapes and errors: see ``WeightedLoss``. Returns float32.
    Source: losses_impl.hinge_loss.
    """

    def call(self, y_true, y_pred):
        y_true, y_pred = as_float32(y_true, y_pred)
        ones = tf.ones_like(y_true)
        return tf.nn.relu(ones - (2.0 * y_true - ones) * y_pred)


@keras.saving.register_keras_serializable("tf1_semantics")
class LogLoss(WeightedLoss):
    """``tf.losses.log_loss``: cross-entropy of probabilities, shifted by ``epsilon``.

        -y_true log(y_pred + epsilon) - (1 - y_true) log(1 - y_pred + epsilon)

    Keras's BinaryCrossentropy clips the probabilities, and with them the gradient; in a
    tf.function it looks for a sigmoid behind them and computes from its logits instead.

    1 - y_pred + epsilon was added up in two ages, which is up to 2 ** -24 of one apart:
    near a prediction of one most of what the logarithm is taken of.

        '1.15'        (1 - y_pred) + epsilon, as it is written
        'compat.v1'   (1 + epsilon) - y_pred: today's Grappler adds the constants first

    Args:
        epsilon: float, not negative.
        rounding: '1.15', what TF1 programs computed when TensorFlow 1.15 ran them; or
            'compat.v1', what the same programs compute under today's tf.compat.v1.

    Other args, shapes and errors: see ``WeightedLoss``. Returns float32.
    Source: losses_impl.log_loss.
    """

    def __init__(
        self,
        weights=1.0,
        epsilon=1e-7,
        reduction=Reduction.SUM_BY_NONZERO_WEIGHTS,
        rounding="1.15",
        name=None,
    ):
        require_not_negative("epsilon", epsilon, 1e-7)
        require_one_of("rounding", rounding, ("1.15", "compat.v1"), "1.15")
        super().__init__(weights, reduction, name)
        self.epsilon = epsilon
        self.rounding = rounding

    def call(self, y_true, y_pred):
        y_true, y_pred = as_float32(y_true, y_pred)
        positive = -(y_true * tf.math.log(y_pred + self.epsilon))
        if self.rounding == "1.15":
            missing = with_value_apart(1.0 - y_pred) + self.epsilon
        else:
            missing = tf.constant(1.0) + self.epsilon - y_pred
        return positive - (1.0 - y_true) * tf.math.log(missing)


class _SmoothedLoss(WeightedLoss):
    """A cross-entropy of logits whose labels may be smoothed."""

    logits_are_floating = True

    def __init__(
        self,
        weights=1.0,
        label_smoothing=0.0,
        reduction=Reduction.SUM_BY_NONZERO_WEIGHTS,
        name=None,
    ):
        require(
            is_number(label_smoothing) and 0 <= label_smoothing <= 1,
            "label_smoothing must be in [0, 1]",
            repr(label_smoothing),
            "Use 0.1",
        )
        super().__init__(weights, reduction, name)
        self.label_smoothing = label_smoothing


@keras.saving.register_keras_serializable("tf1_semantics")
class SigmoidCrossEntropy(_SmoothedLoss):
    """``tf.losses.sigmoid_cross_entropy`` of logits, one loss for each class.

    ``fit``'s class_weight weighs examples, for which this loss has no place: give a
    sample_weight of [batch, 1] or [batch, classes].

    Args:
        label_smoothing: in [0, 1]: moves the labels towards 1/2.

    Other args and errors: see ``WeightedLoss``. ``y_true``, ``y_pred`` and the loss are
    [batch, classes]. Returns the dtype of ``y_pred``.
    Source: losses_impl.sigmoid_cross_entropy.
    """

    def call(self, y_true, y_pred):
        y_true = tf.cast(y_true, y_pred.dtype)
        require_same_shape(y_true, y_pred)
        if self.label_smoothing > 0:
            y_true = y_true * (1 - self.label_smoothing) + 0.5 * self.label_smoothing
        # tf.nn.sigmoid_cross_entropy_with_logits, but for the identity, which groups
        # the gradients of the logits as TF1's graph does, in eager code too.
        grouped = tf.identity(y_pred)
        zeros = tf.zeros_like(grouped)
        positive = grouped >= zeros
        minus_magnitude = tf.where(positive, -grouped, grouped)
        linear = tf.where(positive, grouped, zeros) - y_pred * y_true
        return linear + tf.math.log1p(tf.exp(minus_magnitude))


@keras.saving.register_keras_serializable("tf1_semantics")
class SoftmaxCrossEntropy(_SmoothedLoss):
    """``tf.losses.softmax_cross_entropy`` of one-hot labels and logits.

    No gradient flows into the labels, as in TF1.

    Args:
        label_smoothing: in [0, 1]: moves the labels towards 1/classes.

    Other args and errors: see ``WeightedLoss``. ``y_true`` and ``y_pred`` are
    [batch, classes], the loss is [batch]. Returns the dtype of ``y_pred``.
    Source: losses_impl.softmax_cross_entropy.
    """

    def call(self, y_true, y_pred):
        y_true = tf.cast(y_true, y_pred.dtype)
        require_same_shape(y_true, y_pred)
        if self.label_smoothing > 0:
            classes = tf.cast(tf.shape(y_true)[-1], y_pred.dtype)
            kept = 1.0 - self.label_smoothing
            y_true = y_true * kept + self.label_smoothing / classes
        return softmax_cross_entropy_with_logits(labels=y_true, logits=y_pred)


@keras.saving.register_keras_serializable("tf1_semantics")
class SparseSoftmaxCrossEntropy(WeightedLoss):
    """``tf.losses.sparse_softmax_cross_entropy`` of class numbers and logits.

    Args and errors: see ``WeightedLoss``; also a ValueError if ``y_true`` is not of an
    integer dtype. ``y_true`` is [batch] or [batch, 1], ``y_pred`` [batch, classes], the
    loss [batch]; ``sample_weight`` may be [batch, 1] too. Returns ``y_pred``'s dtype.
    Source: losses_impl.sparse_softmax_cross_entropy.
    """

    logits_are_floating = True

    def call(self, y_true, y_pred):
        require(
            y_true.dtype.is_integer,
            "y_true must be of an integer dtype",
            y_true.dtype.name,
            "Use class numbers, or SoftmaxCrossEntropy for one-hot labels",
        )
        surplus = y_true.shape.rank + 1 - y_pred.shape.rank
        if surplus == 1 and y_true.shape[-1] in (1, None):
            y_true = tf.squeeze(y_true, [-1])
        elif surplus == -1 and y_pred.shape[-1] in (1, None):
            y_pred = tf.squeeze(y_pred, [-1])
        require(
            y_true.shape.is_compatible_with(y_pred.shape[:-1]),
            "y_true must have the shape of y_pred but for the classes",
            f"{y_true.shape} and {y_pred.shape}",
            "Use class numbers of shape [batch]",
        )
        if y_true.dtype not in (tf.int32, tf.int64):
            y_true = tf.cast(y_true, tf.int64)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=y_true, logits=y_pred
        )

    def of_rank(self, weights, losses, name):
        surplus = weights.shape.rank - losses.shape.rank
        if surplus == 1 and weights.shape[-1] in (1, None):
            return tf.squeeze(weights, [-1])
        return super().of_rank(weights, losses, name)


@keras.saving.register_keras_serializable("tf1_semantics")
class WeightedCrossEntropy(WeightedLoss):
    """``tf.nn.weighted_cross_entropy_with_logits``, to compile a model with.

    A positive label counts ``pos_weight`` times; the loss is that of

        -pos_weight y_true log(sigmoid(y_pred)) - (1 - y_true) log(1 - sigmoid(y_pred))

    and with neither ``weights`` nor ``reduction`` its mean, TF1's ``tf.reduce_mean``.
    Keras's BinaryCrossentropy has no such weight: ``class_weight`` and
    ``sample_weight`` weigh examples, which is another loss where one has several
    classes.

    Args:
        pos_weight: a number, or one for each class, [classes]. From these TF1 takes one
            off in float32, from a number before it is rounded.

    Other args and errors: see ``WeightedLoss``. ``y_true``, ``y_pred`` and the loss are
    [batch, classes]. Returns the dtype of ``y_pred``.
    Source: nn_impl.weighted_cross_entropy_with_logits.
    """

    logits_are_floating = True

    def __init__(
        self,
        pos_weight,
        weights=1.0,
        reduction=Reduction.SUM_BY_NONZERO_WEIGHTS,
        name=None,
    ):
        super().__init__(weights, reduction, name)
        self.pos_weight = constant_weights("pos_weight", pos_weight, "2.0")

    def call(self, y_true, y_pred):
        y_true = tf.cast(y_true, y_pred.dtype)
        require_same_shape(y_true, y_pred)
        pos_weight = self.pos_weight
        if isinstance(pos_weight, list):
            pos_weight = tf.constant(pos_weight, y_pred.dtype)
        # tf.nn.weighted_cross_entropy_with_logits, but for the identity, which groups
        # the gradients of the logits as TF1's graph does, in eager code too.
        grouped = tf.identity(y_pred)
        softplus = tf.math.log1p(tf.exp(-tf.abs(grouped))) + tf.nn.relu(-grouped)
        log_weight = 1 + (pos_weight - 1) * y_true
        return (1 - y_true) * y_pred + log_weight * softplus


def softmax_cross_entropy_with_logits(labels, logits, axis=-1):
    """``tf.nn.softmax_cross_entropy_with_logits`` of TF1: labels get no gradient.

    TF2's function of that name is TF1's ``..._v2``: it differentiates by the labels.

    Args:
        labels, logits: [batch, classes].
        axis: int, of the classes.

    Returns [batch], in the dtype of ``logits``.
    Source: nn_ops.softmax_cross_entropy_with_logits.
    """
    return tf.nn.softmax_cross_entropy_with_logits(
        labels=tf.stop_gradient(labels), logits=logits, axis=axis
    )
