"""TF1's losses as Keras ones: one weight an element, and TF1's reductions.

Keras divides a weighted mean by the number of elements; TF1's default divided by how
many of them have a weight other than zero. Weights follow TF1's rule: a number, or an
array of the rank of the loss, whose sizes are 1 or those of the loss. Keras would have
expanded others without a word.

XLA's kernels round otherwise: 0 ULP are claimed without it.
"""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tf2_keras.tf1_semantics.errors import (
    is_number,
    require,
    require_not_negative,
    require_one_of,
)

__all__ = [
    "AbsoluteDifference",
    "CosineDistance",
    "HingeLoss",
    "HuberLoss",
    "L2",
    "LogLoss",
    "MeanPairwiseSquaredError",
    "MeanSquaredError",
    "Reduction",
    "SigmoidCrossEntropy",
    "SoftmaxCrossEntropy",
    "SparseSoftmaxCrossEntropy",
    "compute_weighted_loss",
    "softmax_cross_entropy_with_logits",
]


class _Reductions(NamedTuple):
    """How a loss becomes one number, under the names and strings of TF1.

        NONE                      the weighted elements as they are
        SUM                       their sum
        SUM_OVER_BATCH_SIZE       SUM / number of elements
        MEAN                      SUM / sum of the weights
        SUM_BY_NONZERO_WEIGHTS    SUM / number of elements whose weight is not zero
        SUM_OVER_NONZERO_WEIGHTS  the same

    Where that number is zero the loss is zero. SUM_BY_NONZERO_WEIGHTS is the default.

    Source: tf.losses.Reduction, 1.15.
    """

    NONE: str = "none"
    SUM: str = "weighted_sum"
    MEAN: str = "weighted_mean"
    SUM_OVER_BATCH_SIZE: str = "weighted_sum_over_batch_size"
    SUM_OVER_NONZERO_WEIGHTS: str = "weighted_sum_by_nonzero_weights"
    SUM_BY_NONZERO_WEIGHTS: str = "weighted_sum_by_nonzero_weights"


Reduction = _Reductions()


def compute_weighted_loss(
    losses, weights=1.0, reduction=Reduction.SUM_BY_NONZERO_WEIGHTS
):
    """``tf.losses.compute_weighted_loss``: weighs elements, then reduces them.

    It computes in float32, whatever the dtype of ``losses``, as TF1 did.

    Args:
        losses: [batch, ...], of a known rank.
        weights: a number, or of the rank of ``losses``, each size 1 or equal.
        reduction: one of ``Reduction``.

    Returns a scalar, or under Reduction.NONE a tensor like ``losses``; in its dtype.
    Raises:
        ValueError: for weights of another shape and for an unknown reduction.
        tf.errors.InvalidArgumentError: for such weights, where a tf.function learns
            the shapes only when it runs.
    Source: losses_impl.compute_weighted_loss.
    """
    _require_reduction(reduction)
    losses = tf.convert_to_tensor(losses)
    weights = tf.convert_to_tensor(weights)
    with tf.control_dependencies(check_broadcastable("weights", weights, losses)):
        return _reduced(losses, tf.cast(weights, tf.float32), reduction)


def _reduced(losses, weights, reduction):
    elements = tf.cast(losses, tf.float32)
    weighted = elements * weights
    if reduction == Reduction.NONE:
        return tf.cast(weighted, losses.dtype)
    loss = tf.reduce_sum(weighted)
    if reduction == Reduction.MEAN:
        divisor = tf.reduce_sum(tf.ones_like(elements) * weights)
        loss = tf.math.divide_no_nan(loss, divisor)
    elif reduction == Reduction.SUM_OVER_BATCH_SIZE:
        loss = tf.math.divide_no_nan(loss, tf.cast(tf.size(losses), tf.float32))
    elif reduction == Reduction.SUM_BY_NONZERO_WEIGHTS:
        loss = tf.math.divide_no_nan(loss, tf.reduce_sum(_present(weights, elements)))
    if reduction != Reduction.SUM:
        loss = _scaled_for_replicas(loss)
    return tf.cast(loss, losses.dtype)


def _present(weights, losses):
    """1.0 for each element whose weight is not zero, else 0.0; like ``losses``."""
    present = tf.cast(tf.not_equal(weights, 0.0), tf.float32)
    return present * tf.ones_like(losses, tf.float32)


def _scaled_for_replicas(loss):
    # The gradients of a strategy's replicas are summed: a mean has to be shared out.
    # Keras does that in the __call__ of its losses, TF1 did it in its optimizers.
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    return loss * (1.0 / replicas) if replicas > 1 else loss


def _require_reduction(reduction):
    require_one_of(
        "reduction", reduction, tuple(Reduction), Reduction.SUM_BY_NONZERO_WEIGHTS
    )


def check_broadcastable(name, weights, values):
    """Checks what shapes are known; returns assertions about those that are not.

    Source: weights_broadcast_ops.assert_broadcastable.
    """
    rule = (
        f"{name} must be a number, or have the rank of what it weighs, each size 1 or "
        "equal"
    )
    remedy = f"Use {name} of such a shape, say with axes added by tf.newaxis"
    rank = values.shape.rank
    require(
        rank is not None and weights.shape.rank is not None,
        rule,
        f"{weights.shape} for {values.shape}",
        "Use tensors of a known rank",
    )
    if weights.shape.rank == 0:
        return []
    sizes = list(zip(weights.shape, values.shape))
    require(
        weights.shape.rank == rank
        and all(size in (1, None) or of in (size, None) for size, of in sizes),
        rule,
        f"{weights.shape} for {values.shape}",
        remedy,
    )
    if all(size == 1 or None not in (size, of) for size, of in sizes):
        return []
    shape, of = tf.shape(weights), tf.shape(values)
    fits = tf.reduce_all(tf.logical_or(tf.equal(shape, 1), tf.equal(shape, of)))
    message = [f"{rule}. Received:", shape, "for", of, f". {remedy}."]
    return [tf.debugging.Assert(fits, message)]


def require_same_shape(y_true, y_pred):
    """Raises a ValueError if the known part of two shapes differs."""
    require(
        y_true.shape.is_compatible_with(y_pred.shape),
        "y_true must have the shape of y_pred",
        f"{y_true.shape} and {y_pred.shape}",
        "Use tf.reshape, or tf.newaxis for an axis of size 1",
    )


def _as_float32(y_true, y_pred):
    """Both in float32, in which TF1 computed these losses whatever it was given."""
    y_true, y_pred = tf.cast(y_true, tf.float32), tf.cast(y_pred, tf.float32)
    require_same_shape(y_true, y_pred)
    return y_true, y_pred


class WeightedLoss(keras.losses.Loss):
    """The base of TF1's losses as Keras ones: ``call`` gives the elements.

    Args:
        weights: a number or an array, TF1's ``weights`` where they are constant.
        reduction: one of ``Reduction``.

    Call arguments:
        y_true, y_pred: TF1's labels and predictions or logits.
        sample_weight: TF1's ``weights`` where they change from batch to batch;
            multiplied with ``weights``. Same rule, so that ``fit`` takes one of [batch]
            for a loss of [batch], and of [batch, 1] for one of [batch, features].

    A Keras mask on ``y_pred`` counts as weights of zero and one.

    Raises:
        ValueError: for weights that do not broadcast by TF1's rule, for an unknown
            reduction, and if the shapes of ``y_true`` and ``y_pred`` differ.
    """

    def __init__(
        self, weights=1.0, reduction=Reduction.SUM_BY_NONZERO_WEIGHTS, name=None
    ):
        super().__init__(name=name, reduction=None)  # Keras does not know TF1's
        _require_reduction(reduction)
        self.weights = _constant_weights(weights)
        self.reduction = reduction

    def __call__(self, y_true, y_pred, sample_weight=None):
        mask = getattr(y_pred, "_keras_mask", None)
        with tf.name_scope(self.name):
            y_true, y_pred = tf.convert_to_tensor(y_true), tf.convert_to_tensor(y_pred)
            losses = self.call(y_true, y_pred)
            weights, checks = self.weights_for(losses, sample_weight, mask)
            with tf.control_dependencies(checks):
                return self.reduce(losses, weights)

    def weights_for(self, losses, sample_weight, mask):
        """(float32 weights of ``losses``, assertions about their shapes)."""
        weights, checks = None, []
        for name, given in (
            ("weights", self.weights),
            ("sample_weight", sample_weight),
            ("mask", mask),
        ):
            # Constant weights of one are left out, as Grappler does it in TF1.
            if given is None or name == "weights" and given == 1.0:
                continue
            given = self.of_rank(tf.convert_to_tensor(given), losses, name)
            checks += check_broadcastable(name, given, losses)
            given = tf.cast(given, tf.float32)
            weights = given if weights is None else weights * given
        return tf.constant(1.0) if weights is None else weights, checks

    def of_rank(self, weights, losses, name):
        """A mask of [batch, time] lacks the axes behind; weights have to have them."""
        while name == "mask" and weights.shape.rank < losses.shape.rank:
            weights = weights[..., tf.newaxis]
        return weights

    def reduce(self, losses, weights):
        return _reduced(losses, weights, self.reduction)

    def get_config(self):
        return {"weights": self.weights, "reduction": self.reduction, "name": self.name}


def _constant_weights(weights):
    """A number, or lists of numbers, which a configuration can hold."""
    if is_number(weights):
        return weights
    try:
        array = np.asarray(weights)
    except ValueError:  # lists of unequal lengths
        array = np.array(None)
    require(
        array.dtype.kind in "fiu",
        "weights must be a number or an array of numbers",
        repr(weights),
        "Use sample_weight for those that change from batch to batch",
    )
    return array.tolist()


@keras.saving.register_keras_serializable("tf1_semantics")
class AbsoluteDifference(WeightedLoss):
    """``tf.losses.absolute_difference``: ``|y_pred - y_true|``.

    Keras's MeanAbsoluteError means the last axis before it weighs.

    Args, shapes and errors: see ``WeightedLoss``. Returns float32.
    Source: losses_impl.absolute_difference.
    """

    def call(self, y_true, y_pred):
        y_true, y_pred = _as_float32(y_true, y_pred)
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
        require(
            isinstance(axis, int) and not isinstance(axis, bool),
            "axis must be an int",
            repr(axis),
            "Use -1 for the last axis",
        )
        super().__init__(weights, reduction, name)
        self.axis = axis

    def call(self, y_true, y_pred):
        y_true, y_pred = _as_float32(y_true, y_pred)
        return 1.0 - tf.reduce_sum(y_pred * y_true, axis=[self.axis], keepdims=True)

    def get_config(self):
        return {"axis": self.axis, **super().get_config()}


@keras.saving.register_keras_serializable("tf1_semantics")
class HingeLoss(WeightedLoss):
    """``tf.losses.hinge_loss``: ``max(0, 1 - (2 y_true - 1) y_pred)``.

    Labels are 0 or 1, always. Keras's Hinge takes -1 and 1 as they are, and converts
    only if it sees nothing but zeros and ones.

    Args, shapes and errors: see ``WeightedLoss``. Returns float32.
    Source: losses_impl.hinge_loss.
    """

    def call(self, y_true, y_pred):
        y_true, y_pred = _as_float32(y_true, y_pred)
        ones = tf.ones_like(y_true)
        return tf.nn.relu(ones - (2.0 * y_true - ones) * y_pred)


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
        delta=1.0,
        weights=1.0,
        reduction=Reduction.SUM_BY_NONZERO_WEIGHTS,
        name=None,
    ):
        require_not_negative("delta", delta, 1.0)
        super().__init__(weights, reduction, name)
        self.delta = delta

    def call(self, y_true, y_pred):
        y_true, y_pred = _as_float32(y_true, y_pred)
        error = tf.abs(y_pred - y_true)
        quadratic = tf.minimum(error, self.delta)
        # The identity groups the three gradients of ``quadratic`` as TF1's graph does.
        grouped = tf.identity(quadratic)
        linear = error - grouped
        return 0.5 * (quadratic * grouped) + self.delta * linear

    def get_config(self):
        return {"delta": self.delta, **super().get_config()}


@keras.saving.register_keras_serializable("tf1_semantics")
class LogLoss(WeightedLoss):
    """``tf.losses.log_loss``: cross-entropy of probabilities, shifted by ``epsilon``.

        -y_true log(y_pred + epsilon) - (1 - y_true) log(1 - y_pred + epsilon)

    Keras's BinaryCrossentropy clips the probabilities, and with them the gradient; in a
    tf.function it looks for a sigmoid behind them and computes from its logits instead.

    Args:
        epsilon: float, not negative.

    Other args, shapes and errors: see ``WeightedLoss``. Returns float32.
    Source: losses_impl.log_loss.
    """

    def __init__(
        self,
        epsilon=1e-7,
        weights=1.0,
        reduction=Reduction.SUM_BY_NONZERO_WEIGHTS,
        name=None,
    ):
        require_not_negative("epsilon", epsilon, 1e-7)
        super().__init__(weights, reduction, name)
        self.epsilon = epsilon

    def call(self, y_true, y_pred):
        y_true, y_pred = _as_float32(y_true, y_pred)
        positive = -(y_true * tf.math.log(y_pred + self.epsilon))
        # Grappler adds the constants of 1 - y_pred + epsilon first; eager code has to.
        above_one = tf.constant(1.0) + self.epsilon
        negative = (1.0 - y_true) * tf.math.log(above_one - y_pred)
        return positive - negative

    def get_config(self):
        return {"epsilon": self.epsilon, **super().get_config()}


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
        y_true, y_pred = _as_float32(y_true, y_pred)
        return y_pred - y_true

    def reduce(self, losses, weights):
        axes = list(range(1, losses.shape.rank))
        number = tf.reduce_sum(_present(weights, losses), axes, keepdims=True)
        of_squares = tf.reduce_sum(tf.square(losses), axes, keepdims=True)
        of_squares = 2.0 * tf.math.divide_no_nan(
            of_squares, tf.maximum(number - 1.0, 0.0)
        )
        squared = tf.square(tf.reduce_sum(losses, axes, keepdims=True))
        squared = 2.0 * tf.math.divide_no_nan(
            squared, tf.maximum(number * (number - 1.0), 0.0)
        )
        loss = tf.reduce_sum((of_squares - squared) * weights)
        return tf.where(tf.reduce_sum(number) > 0.0, loss, tf.zeros_like(loss))

    def get_config(self):
        return {"weights": self.weights, "name": self.name}


@keras.saving.register_keras_serializable("tf1_semantics")
class MeanSquaredError(WeightedLoss):
    """``tf.losses.mean_squared_error``: ``(y_pred - y_true)^2``.

    Keras's namesake means the last axis before it weighs and sums.

    Args, shapes and errors: see ``WeightedLoss``. Returns float32.
    Source: losses_impl.mean_squared_error.
    """

    def call(self, y_true, y_pred):
        y_true, y_pred = _as_float32(y_true, y_pred)
        return tf.math.squared_difference(y_pred, y_true)


class _SmoothedLoss(WeightedLoss):
    """A cross-entropy whose labels may be smoothed."""

    def __init__(
        self,
        label_smoothing=0.0,
        weights=1.0,
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

    def get_config(self):
        return {"label_smoothing": self.label_smoothing, **super().get_config()}


@keras.saving.register_keras_serializable("tf1_semantics")
class SigmoidCrossEntropy(_SmoothedLoss):
    """``tf.losses.sigmoid_cross_entropy`` of logits, one loss for each class.

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


@keras.saving.register_keras_serializable("tf1_semantics")
class L2(keras.regularizers.Regularizer):
    """``scale * tf.nn.l2_loss(x)``: ``scale * sum(x^2) / 2``.

    Keras's L2 has no half: L2(scale / 2) there is the same up to rounding.

    Args:
        scale: float, not negative.

    Returns on call: a scalar of the dtype of ``x``.
    Source: tf.contrib.layers.l2_regularizer, nn_ops.l2_loss.
    """

    def __init__(self, scale):
        require_not_negative("scale", scale, 1e-4)
        self.scale = scale

    def __call__(self, x):
        x = tf.convert_to_tensor(x)
        return tf.constant(self.scale, x.dtype) * tf.nn.l2_loss(x)

    def get_config(self):
        return {"scale": self.scale}
