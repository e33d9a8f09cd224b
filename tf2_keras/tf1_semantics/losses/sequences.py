"""contrib's losses of sequences: cross-entropies, weighted step by step.

Shapes: B batch, T time, V classes.
"""

import tensorflow as tf

from tf2_keras.tf1_semantics.errors import require, require_flags


def sequence_loss(
    logits,
    targets,
    weights,
    average_across_timesteps=True,
    average_across_batch=True,
    sum_over_timesteps=False,
    sum_over_batch=False,
):
    """``tf.contrib.seq2seq.sequence_loss``: cross-entropy over the sum of the weights.

    Averaged over one axis alone, each of its sums is divided by the weights' sum there;
    summed (``sum_over_...``), by how many weights are not zero. Keras divides by B * T.
    In ``fit`` SparseSoftmaxCrossEntropy(reduction=Reduction.MEAN) is the default, given
    a sample_weight [B, T].

    Args:
        logits: [B, T, V]. targets: class numbers [B, T]. weights: [B, T], floats.
        average_across_timesteps, sum_over_timesteps: not both.
        average_across_batch, sum_over_batch: not both.

    Returns a scalar; of one axis alone [B] or [T]; of none [B, T].
    Raises:
        ValueError: for inputs of other ranks, or both ways at once.
    Source: contrib/seq2seq/python/ops/loss.py, 1.15.
    """
    require_flags(
        average_across_timesteps=average_across_timesteps,
        average_across_batch=average_across_batch,
        sum_over_timesteps=sum_over_timesteps,
        sum_over_batch=sum_over_batch,
    )
    for axis, average, total in (
        ("timesteps", average_across_timesteps, sum_over_timesteps),
        ("batch", average_across_batch, sum_over_batch),
    ):
        require(
            not (average and total),
            f"sum_over_{axis} must be False where average_across_{axis} is True",
            repr(total),
            "Use one of the two",
        )
    logits, targets, weights = map(tf.convert_to_tensor, (logits, targets, weights))
    require(
        (logits.shape.rank, targets.shape.rank, weights.shape.rank) == (3, 2, 2),
        "logits must be [batch, time, classes], and targets and weights [batch, time]",
        f"{logits.shape}, {targets.shape} and {weights.shape}",
        "Use tf.stack(…, 1) for lists of steps, or legacy_sequence_loss",
    )
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=tf.reshape(targets, [-1]),
        logits=tf.reshape(logits, [-1, tf.shape(logits)[2]]),
    )
    losses = losses * tf.reshape(weights, [-1])
    whole = average_across_timesteps and average_across_batch
    counted = sum_over_timesteps and sum_over_batch
    if whole or counted:
        axis = None
    else:
        losses = tf.reshape(losses, tf.shape(logits)[:2])
        averaged = average_across_timesteps or average_across_batch
        if not averaged and not (sum_over_timesteps or sum_over_batch):
            return losses
        over_batch = average_across_batch if averaged else sum_over_batch
        axis, counted = [0] if over_batch else [1], not averaged
    losses = tf.reduce_sum(losses, axis)
    if counted:
        divisor = tf.cast(tf.math.count_nonzero(weights, axis), losses.dtype)
    else:
        divisor = tf.reduce_sum(weights, axis)
    return tf.math.divide_no_nan(losses, divisor)


def sequence_loss_by_example(logits, targets, weights, average_across_timesteps=True):
    """``tf.contrib.legacy_seq2seq.sequence_loss_by_example``: one loss an example.

    Args:
        logits: list of [B, V], one a step. targets: of class numbers [B].
        weights: of floats [B].
        average_across_timesteps: whether to divide by the sum of an example's weights,
            to which 1e-12 is added: the loss of an example without any is 0.

    Returns [B].
    Raises:
        ValueError: for lists of different lengths.
    Source: contrib/legacy_seq2seq/python/ops/seq2seq.py, 1.15.
    """
    require_flags(average_across_timesteps=average_across_timesteps)
    lengths = len(logits), len(targets), len(weights)
    require(
        lengths[0] > 0 and len(set(lengths)) == 1,
        "logits must be a list of steps, and targets and weights as many",
        repr(lengths),
        "Use tf.unstack(…, axis=1), or sequence_loss for whole tensors",
    )
    losses = tf.add_n(
        [
            tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels=tf.reshape(labels, [-1]), logits=step
            )
            * weight
            for step, labels, weight in zip(logits, targets, weights, strict=True)
        ]
    )
    if average_across_timesteps:
        losses = losses / (tf.add_n(weights) + 1e-12)
    return losses


def legacy_sequence_loss(
    logits, targets, weights, average_across_timesteps=True, average_across_batch=True
):
    """``tf.contrib.legacy_seq2seq.sequence_loss``: the sum over examples, or its mean.

    The mean is that of the examples' losses, each over its own weights; contrib.seq2seq
    divides all by the sum of all weights.

    Args:
        logits, targets, weights, average_across_timesteps: as of
            ``sequence_loss_by_example``.
        average_across_batch: whether to divide by B.

    Returns a scalar.
    Raises:
        ValueError: for lists of different lengths.
    Source: contrib/legacy_seq2seq/python/ops/seq2seq.py, 1.15.
    """
    require_flags(average_across_batch=average_across_batch)
    losses = sequence_loss_by_example(
        logits, targets, weights, average_across_timesteps
    )
    cost = tf.reduce_sum(losses)
    if average_across_batch:
        cost = cost / tf.cast(tf.shape(targets[0])[0], cost.dtype)
    return cost
