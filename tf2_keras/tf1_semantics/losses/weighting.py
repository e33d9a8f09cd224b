"""TF1's weights and reductions, which all of its losses share."""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tf2_keras.tf1_semantics.configuration import Configured
from tf2_keras.tf1_semantics.errors import (
    is_number,
    require,
    require_dtype,
    require_one_of,
)


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
        number = tf.reduce_sum(present(weights, elements))
        loss = tf.math.divide_no_nan(loss, number)
    if reduction != Reduction.SUM:
        loss = _scaled_for_replicas(loss)
    return tf.cast(loss, losses.dtype)


def present(weights, losses):
    """1.0 for each element whose weight is not zero, else 0.0; like ``losses``."""
    not_zero = tf.cast(tf.not_equal(weights, 0.0), tf.float32)
    return not_zero * tf.ones_like(losses, tf.float32)


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
    received = f"{weights.shape} for {values.shape}"
    remedy = f"Use {name} of such a shape, say with axes added by tf.newaxis"
    rank, rank_of_weights = values.shape.rank, weights.shape.rank
    require(
        rank is not None and rank_of_weights is not None,
        rule,
        received,
        "Use tensors of a known rank",
    )
    if rank_of_weights == 0:
        return []
    if rank_of_weights == 1 < rank:
        # fit hands over class_weight like this, and a sample_weight of [batch].
        axes = ", ".join([":", *["None"] * (rank - 1)])
        remedy = (
            f"Use {name}[{axes}] for one weight an example; in place of class_weight, "
            "a sample_weight of that shape"
        )
    require(rank_of_weights == rank, rule, received, remedy)
    sizes = list(zip(weights.shape, values.shape, strict=True))
    require(
        all(size in (1, None) or whole in (size, None) for size, whole in sizes),
        rule,
        received,
        remedy,
    )
    if all(size == 1 or None not in (size, whole) for size, whole in sizes):
        return []
    shape, whole = tf.shape(weights), tf.shape(values)
    fits = tf.reduce_all(tf.logical_or(tf.equal(shape, 1), tf.equal(shape, whole)))
    message = [f"{rule}. Received:", shape, "for", whole, f". {remedy}."]
    return [tf.debugging.Assert(fits, message)]


def require_same_shape(y_true, y_pred):
    """Raises a ValueError if the known part of two shapes differs."""
    require(
        y_true.shape.is_compatible_with(y_pred.shape),
        "y_true must have the shape of y_pred",
        f"{y_true.shape} and {y_pred.shape}",
        "Use tf.reshape, or tf.newaxis for an axis of size 1",
    )


def as_float32(y_true, y_pred):
    """Both in float32, in which TF1 computed most losses whatever it was given."""
    y_true, y_pred = tf.cast(y_true, tf.float32), tf.cast(y_pred, tf.float32)
    require_same_shape(y_true, y_pred)
    return y_true, y_pred


class WeightedLoss(Configured, keras.losses.Loss):
    """The base of TF1's losses as Keras ones: ``call`` gives the elements.

    Args:
        weights: a number or an array, TF1's ``weights`` where they are constant.
        reduction: one of ``Reduction``.

    Call arguments:
        y_true, y_pred: TF1's labels and predictions or logits.
        sample_weight: TF1's ``weights`` where they change from batch to batch;
            multiplied with ``weights``. Same rule: ``fit`` takes one of [batch] for a
            loss of [batch], and of [batch, 1], ``sample_weight[:, None]``, for one of
            [batch, features]; of ``class_weight`` it makes one of [batch].

    A Keras mask on ``y_pred`` counts as weights of zero and one.

    Raises:
        ValueError: for weights that do not broadcast by TF1's rule, for an unknown
            reduction, and if the shapes of ``y_true`` and ``y_pred`` differ.
    """

    logits_are_floating = False  # whether an integer ``y_pred`` is refused

    def __init__(
        self, weights=1.0, reduction=Reduction.SUM_BY_NONZERO_WEIGHTS, name=None
    ):
        super().__init__(name=name, reduction=None)  # Keras does not know TF1's
        _require_reduction(reduction)
        self.weights = constant_weights(
            "weights",
            weights,
            "sample_weight for those that change from batch to batch",
        )
        self.reduction = reduction

    def __call__(self, y_true, y_pred, sample_weight=None):
        mask = getattr(y_pred, "_keras_mask", None)
        with tf.name_scope(self.name):
            y_true, y_pred = tf.convert_to_tensor(y_true), tf.convert_to_tensor(y_pred)
            require_dtype("y_true", y_true, ("floating", "integer", "bool"), "float32")
            kinds = (
                ("floating",) if self.logits_are_floating else ("floating", "integer")
            )
            require_dtype("y_pred", y_pred, kinds, "float32")
            losses = self.call(y_true, y_pred)
            weights, checks = self.weights_for(losses, sample_weight, mask)
            with tf.control_dependencies(checks):
                return self.reduce(losses, weights)

    def weights_for(self, losses, sample_weight, mask):
        """(float32 weights of ``losses``, assertions about their shapes)."""
        product, checks = None, []
        for name, weights in (
            ("weights", self.weights),
            ("sample_weight", sample_weight),
            ("mask", mask),
        ):
            # Constant weights of one are left out, as Grappler does it in TF1.
            if weights is None or name == "weights" and weights == 1.0:
                continue
            weights = self.of_rank(tf.convert_to_tensor(weights), losses, name)
            checks += check_broadcastable(name, weights, losses)
            weights = tf.cast(weights, tf.float32)
            product = weights if product is None else product * weights
        return tf.constant(1.0) if product is None else product, checks

    def of_rank(self, weights, losses, name):
        """A mask of [batch, time] lacks the axes behind; weights have to have them."""
        while name == "mask" and weights.shape.rank < losses.shape.rank:
            weights = weights[..., tf.newaxis]
        return weights

    def reduce(self, losses, weights):
        return _reduced(losses, weights, self.reduction)


def constant_weights(name, weights, remedy):
    """A number, or lists of numbers, which a configuration can hold."""
    if is_number(weights):
        return weights
    try:
        array = np.asarray(weights)
    except ValueError:  # lists of unequal lengths
        array = np.array(None)
    require(
        array.dtype.kind in "fiu",
        f"{name} must be a number or an array of numbers",
        repr(weights),
        f"Use {remedy}",
    )
    return array.tolist()
