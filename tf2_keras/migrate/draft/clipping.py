"""Clips between the gradients and their updates."""

import re

from tf2_keras.migrate.draft import terms
from tf2_keras.migrate.draft.errors import refusal, refused_op
from tf2_keras.migrate.draft.statements import Call, Literal, number

PART = "tf1_semantics.clipping."
BY_VALUE = ("Maximum", ("Minimum", "?gradient", "#high"), "#low")
# gradient * clip_norm / max(norm, clip_norm), of 1.15 and of today.
BY_NORM = {
    "maximum": (
        "RealDiv",
        ("Mul", "?gradient", "#clip_norm"),
        ("Maximum", "*", "#clip_norm"),
    ),
    "inverse": (
        "Mul",
        ("Mul", "?gradient", "#clip_norm"),
        ("Minimum", "*", ("RealDiv", 1, "#clip_norm")),
    ),
}
ROWS = ("UnsortedSegmentSum", "?rows", ("Unique:1", "*"), "*")
SCALES = {
    "checked": ("Add", "?factor", ("Sub", "*", "*")),
    "selected": ("Select", "*", "?factor", "*"),
}
FACTOR = (
    "Mul",
    "#clip_norm",
    ("Minimum", ("RealDiv", 1, "?norm"), ("RealDiv", 1, "#clip_norm")),
)
BY_GLOBAL_NORM = ("Mul", "?gradient", "?scale")


def clips(reader, gradients):
    """[Call] of the clips that all gradients went through, the first to act first.

    Args:
        gradients: [(variable's name, gradient as its update gets it)].

    Raises:
        Undraftable: if they went through others than each other, or through ops that
            are no clip.
    """
    found = {}
    for variable, gradient in gradients:
        found.setdefault(tuple(_clips(reader, gradient)), []).append(variable)
    if len(found) > 1:
        told = "; ".join(
            f"{variables[0]}: {', '.join(clip.function for clip in listed) or 'none'}"
            for listed, variables in found.items()
        )
        raise refusal(
            "All gradients must go through the same clips",
            told,
            "Write the optimizer by hand",
        )
    return [] if not found else list(next(iter(found)))


def _clips(reader, gradient):
    listed = []
    while True:
        source = reader.source(gradient)
        rows = terms.unify(reader, ROWS, source)
        if rows is not None:  # of an embedding, those that came twice summed
            source = rows["rows"]
        clip, before = _clip(reader, source)
        if clip is None:
            _require_gradient(source)
            return listed[::-1]
        listed.append(clip)
        gradient = before


def _clip(reader, source):
    bound = terms.unify(reader, BY_VALUE, source)
    if bound is not None:
        limits = (
            (None, Literal(number(bound["low"]), "config:clip_value_min")),
            (None, Literal(number(bound["high"]), "config:clip_value_max")),
        )
        return Call(f"{PART}ByValue", limits), bound["gradient"]
    _, bound = terms.first(reader, BY_NORM, source)
    if bound is not None:
        return _to_norm("ByNorm", bound["clip_norm"]), bound["gradient"]
    bound = terms.unify(reader, BY_GLOBAL_NORM, source)
    if bound is None:
        return None, None
    for scale, gradient in (
        (bound["scale"], bound["gradient"]),
        (bound["gradient"], bound["scale"]),
    ):
        _, checked = terms.first(reader, SCALES, scale)
        factor = scale if checked is None else checked["factor"]
        norm = terms.unify(reader, FACTOR, factor)
        if norm is not None and norm["norm"].shape.rank == 0:
            return _to_norm("ByGlobalNorm", norm["clip_norm"]), gradient
    return None, None


def _to_norm(part, clip_norm):
    limit = Literal(number(clip_norm), "config:clip_norm")
    return Call(PART + part, ((None, limit),))


def _require_gradient(source):
    """What backpropagation made is below a scope of tf.gradients."""
    if not re.search(r"(^|/)gradients(_\d+)?/|^gradients", source.op.name):
        raise refused_op(source.op, "it changes a gradient, and is no clip")
