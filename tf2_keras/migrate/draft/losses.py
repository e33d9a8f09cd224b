"""Losses that TF1 made of many ops: which function each is."""

from typing import NamedTuple

import numpy as np

from tf2_keras.migrate.draft import terms
from tf2_keras.migrate.draft.statements import number

PART = "tf1_semantics.losses."
FLAT = ("Reshape", "?logits", "?flat_logits"), ("Reshape", "?labels", "?flat_labels")
SOFTMAX = ("Reshape", ("SoftmaxCrossEntropyWithLogits", *FLAT), "?batch")
# The shapes of these: [-1, classes] and, of [batch, classes], [batch].
CLASSES = ("ConcatV2", -1, ("Slice", ("Shape", "*"), "?last", 1), 0)
BATCH = ("Slice", ("Shape", "*"), 0, 1)
SIGMOID = (
    "Add",
    ("Sub", ("Select", "*", "?logits", "*"), ("Mul", "?logits", "?labels")),
    ("Log1p", ("Exp", ("Select", "*", ("Neg", "?logits"), "?logits"))),
)
SPARSE = ("SparseSoftmaxCrossEntropyWithLogits", "?logits", "?labels")
# The weighted mean of tf.losses: sum(losses * weights) / how many weights are not zero.
TOTAL = ("Sum", ("Mul", "?losses", "#weights"), Ellipsis)
WEIGHTED = {
    "of a sum": ("DivNoNan", ("Sum", TOTAL, Ellipsis), "?present"),
    "at once": ("DivNoNan", TOTAL, "?present"),
}
SQUARED = ("SquaredDifference", "?y_pred", "?y_true")


class Found(NamedTuple):
    """template: Python with {0}, {1} for the tensors. uses: modules that it needs."""

    template: str
    tensors: list
    uses: set


def pattern_of(reader, tensor):
    """The ``Found`` that a tensor is as a whole, or None."""
    for rule in RULES.get(reader.kind(tensor), ()):
        found = rule(reader, tensor)
        if found is not None:
            return found
    return None


def softmax_cross_entropy(reader, tensor):
    """The eighteen ops of tf.nn.softmax_cross_entropy_with_logits."""
    bound = terms.unify(reader, SOFTMAX, tensor)
    if bound is None or bound["logits"].shape.rank != 2:
        return None
    labels = bound["labels"]
    ranks = {"logits": 2, "labels": labels.shape.rank}
    for name, rank in ranks.items():
        if not rank or not _is_flat(reader, bound[f"flat_{name}"], rank):
            return None
    is_known = reader.constant(bound["batch"]) is not None
    if not is_known and terms.unify(reader, BATCH, bound["batch"]) is None:
        return None
    function = "tf.nn.softmax_cross_entropy_with_logits(labels={1}, logits={0})"
    uses = set()
    if labels.op.type == "StopGradient":
        labels = reader.given(labels)[0]
        if reader.needs_kind(labels, "variable"):
            function, uses = (
                PART + "softmax_cross_entropy_with_logits({1}, {0})",
                {"tf1_semantics"},
            )
    if ranks["labels"] != 2:
        classes = bound["logits"].shape[-1]
        function = function.replace("{1}", f"tf.reshape({{1}}, [-1, {classes}])")
    return Found(function, [bound["logits"], labels], uses)


def _is_flat(reader, shape, rank):
    """Whether a shape is [-1, classes] of a tensor of some rank."""
    if reader.constant(shape) is not None:
        return True
    bound = terms.unify(reader, CLASSES, shape)
    last = bound and reader.constant(bound["last"])
    return last is not None and np.all(last == rank - 1)


def sigmoid_cross_entropy(reader, tensor):
    bound = terms.unify(reader, SIGMOID, tensor)
    if bound is None:
        return None
    function = "tf.nn.sigmoid_cross_entropy_with_logits(labels={1}, logits={0})"
    return Found(function, [bound["logits"], bound["labels"]], set())


def weighted_mean(reader, tensor):
    """tf.losses.compute_weighted_loss with one number for a weight."""
    _, bound = terms.first(reader, WEIGHTED, tensor)
    if bound is None or not _counts(reader, bound["present"], bound["losses"]):
        return None
    uses = {"tf1_semantics"}
    losses, weight = bound["losses"], bound["weights"]
    weights = "" if weight == 1 else f", {number(weight)}"
    sparse = terms.unify(reader, SPARSE, losses)
    softmax = softmax_cross_entropy(reader, losses)
    if weight == 1 and softmax is not None:
        return Found(PART + "SoftmaxCrossEntropy()({1}, {0})", softmax.tensors, uses)
    if weight == 1 and sparse is not None and sparse["logits"].shape.rank == 2:
        given = [sparse["logits"], sparse["labels"]]
        if given[1].shape.rank == 1:
            return Found(PART + "SparseSoftmaxCrossEntropy()({1}, {0})", given, uses)
    squared = terms.unify(reader, SQUARED, losses)
    if weight == 1 and squared is not None:
        y_pred, y_true = (reader.source(given) for given in losses.op.inputs)
        if not reader.needs_kind(y_true, "variable"):
            template = PART + "MeanSquaredError()({1}, {0})"
            return Found(template, [y_pred, y_true], uses)
    template = f"{PART}compute_weighted_loss({{0}}{weights})"
    return Found(template, [losses], uses)


# How many losses have a weight: a one for each, summed.
PRESENT = ("Sum", ("Mul", 1.0, "?ones"), Ellipsis)
ONES = {
    "like": ("OnesLike", "?losses"),
    "filled": ("Fill", ("Shape", "?losses"), 1.0),
}


def _counts(reader, present, losses):
    """Whether a divisor is the number of losses, each of which has a weight.

    Source: losses_impl._num_present, 1.15.
    """
    bound = terms.unify(reader, PRESENT, present)
    if bound is None:
        return False
    _, ones = terms.first(reader, ONES, bound["ones"])
    return ones is not None and losses.dtype.is_floating


RULES = {
    "Reshape": [softmax_cross_entropy],
    "Add": [sigmoid_cross_entropy],
    "DivNoNan": [weighted_mean],
}
