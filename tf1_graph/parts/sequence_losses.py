"""contrib's losses of sequences, and what 1.15 built of them in ops of today.

A problem is the ``dtype`` of logits and weights. The list that the older ones take has
STEPS items.
"""

import collections

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import session
from tf1_graph.parts.cases import Case, genuine

SEQUENCES = collections.OrderedDict(
    [
        ("losses.sequence_loss", "tf.contrib.seq2seq.sequence_loss"),
        ("losses.legacy_sequence_loss", "tf.contrib.legacy_seq2seq.sequence_loss"),
        (
            "losses.sequence_loss_by_example",
            "tf.contrib.legacy_seq2seq.sequence_loss_by_example",
        ),
    ]
)
STEPS, CLASSES = 4, 3


def takes_lists(part):
    return part != "losses.sequence_loss"


def cross_entropy(logits, targets):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)


def whole(
    logits,
    targets,
    weights,
    average_across_timesteps=True,
    average_across_batch=True,
    sum_over_timesteps=False,
    sum_over_batch=False,
):
    """seq2seq.sequence_loss, as it was."""
    flat = tf.reshape(logits, [-1, tf.shape(logits)[2]])
    crossent = cross_entropy(flat, tf.reshape(targets, [-1]))
    crossent *= tf.reshape(weights, [-1])
    if average_across_timesteps and average_across_batch:
        return tf.div_no_nan(tf.reduce_sum(crossent), tf.reduce_sum(weights))
    if sum_over_timesteps and sum_over_batch:
        crossent = tf.reduce_sum(crossent)
        count = tf.cast(tf.count_nonzero(weights), crossent.dtype)
        return tf.div_no_nan(crossent, count)
    crossent = tf.reshape(crossent, tf.shape(logits)[0:2])
    if average_across_timesteps or average_across_batch:
        axis = [0] if average_across_batch else [1]
        crossent = tf.reduce_sum(crossent, axis=axis)
        return tf.div_no_nan(crossent, tf.reduce_sum(weights, axis=axis))
    if sum_over_timesteps or sum_over_batch:
        axis = [0] if sum_over_batch else [1]
        crossent = tf.reduce_sum(crossent, axis=axis)
        count = tf.cast(tf.count_nonzero(weights, axis=axis), crossent.dtype)
        return tf.div_no_nan(crossent, count)
    return crossent


def by_example(logits, targets, weights, average_across_timesteps=True):
    """legacy_seq2seq.sequence_loss_by_example, as it was."""
    steps = zip(logits, targets, weights)
    losses = [
        cross_entropy(logit, tf.reshape(target, [-1])) * weight
        for logit, target, weight in steps
    ]
    losses = tf.add_n(losses)
    if average_across_timesteps:
        losses /= tf.add_n(weights) + 1e-12
    return losses


def legacy(
    logits, targets, weights, average_across_timesteps=True, average_across_batch=True
):
    """legacy_seq2seq.sequence_loss, as it was."""
    losses = by_example(logits, targets, weights, average_across_timesteps)
    cost = tf.reduce_sum(losses)
    if average_across_batch:
        cost /= tf.cast(tf.shape(targets[0])[0], cost.dtype)
    return cost


IN_OPS = dict(zip(SEQUENCES, (whole, legacy, by_example)))


def program(part, arguments, problem):
    """The move ``loss`` reports it, and its gradient by the logits."""
    with tf.Graph().as_default() as graph:
        steps = STEPS if takes_lists(part) else None
        inputs = collections.OrderedDict(
            (name, tf.placeholder(dtype, shape, name=name))
            for name, dtype, shape in (
                ("logits", problem["dtype"], [None, steps, CLASSES]),
                ("targets", "int64", [None, steps]),
                ("weights", problem["dtype"], [None, steps]),
            )
        )
        given = list(inputs.values())
        if takes_lists(part):
            given = [tf.unstack(tensor, axis=1) for tensor in given]
        loss = genuine(SEQUENCES[part], lost=IN_OPS[part])(*given, **arguments)
        (gradient,) = tf.gradients(loss, inputs["logits"])
    seen = {"loss": {"loss": loss}, "gradients": {"logits": gradient}}
    return session.program(graph, inputs, loss=session.move(**seen))


NEITHER = {"average_across_timesteps": False, "average_across_batch": False}
VARIANTS = {
    "losses.sequence_loss": [
        ({}, "float32"),
        ({}, "float64"),
        ({"average_across_timesteps": False}, "float32"),
        ({"average_across_batch": False}, "float32"),
        (NEITHER, "float32"),
        (dict(NEITHER, sum_over_timesteps=True, sum_over_batch=True), "float32"),
        (dict(NEITHER, sum_over_timesteps=True), "float32"),
        (dict(NEITHER, sum_over_batch=True), "float32"),
    ],
    "losses.legacy_sequence_loss": [
        ({}, "float32"),
        ({}, "float64"),
        ({"average_across_timesteps": False}, "float32"),
        ({"average_across_batch": False}, "float32"),
    ],
    "losses.sequence_loss_by_example": [
        ({}, "float32"),
        ({}, "float64"),
        ({"average_across_timesteps": False}, "float32"),
    ],
}


def variants():
    """Yields (part, arguments, problem) of each."""
    for part, ways in VARIANTS.items():
        for arguments, dtype in ways:
            yield part, arguments, {"dtype": dtype}


def batch_of(problem, random, examples):
    """{input: array}; the steps of an example that are past its end weigh nothing."""
    shape = (examples, STEPS)
    weights = random.uniform(0.5, 2.0, size=shape)
    ends = random.randint(STEPS + 1, size=(examples, 1))
    weights *= np.arange(STEPS) < ends
    return {
        "logits": random.standard_normal(shape + (CLASSES,)).astype(problem["dtype"]),
        "targets": random.randint(CLASSES, size=shape),
        "weights": weights.astype(problem["dtype"]),
    }


def _cases():
    """Yields (name of a play, Case)."""
    numbers = collections.Counter()
    for part, arguments, problem in variants():
        name = part.partition(".")[2]
        play = "{} {} {}".format(name, numbers[part], problem["dtype"])
        yield play, Case(part, arguments, problem, None)
        numbers[part] += 1


CASES = collections.OrderedDict(_cases())


def play(case):
    """(Program, moves, values, settings) of a case."""
    random = np.random.RandomState(0)
    moves = [("loss", batch_of(case.problem, random, size)) for size in (5, 1, 4)]
    return program(*case[:3]), moves, None, None
