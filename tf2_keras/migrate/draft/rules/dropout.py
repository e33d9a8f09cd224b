"""Dropouts of both ages: TF 1.15's, and those that compat.v1 makes today."""

import numpy as np

from tf2_keras.migrate.draft import terms
from tf2_keras.migrate.draft.errors import require
from tf2_keras.migrate.draft.initializers import seed_argument
from tf2_keras.migrate.draft.statements import argument

KEPT = ("GreaterEqual", "?noise", "?rate")
AGES = {
    "1.15": (
        "Mul",
        ("Mul", "?x", ("RealDiv", 1, ("Sub", 1, "?rate"))),
        ("Cast", KEPT),
    ),
    "compat.v1": ("Select", KEPT, ("Mul", "?x", "#scale"), 0),
    "compat.v1, fed": ("Select", KEPT, ("RealDiv", "?x", ("Sub", 1, "?rate")), 0),
}
NOISES = {
    "scaled": ("Add", ("Mul", "?drawn", 1), 0),
    "plain": "?drawn",
}


def dropout(context, tensor):
    """x scaled and masked by a uniform draw of its shape."""
    reader = context.reader
    age, bound = terms.first(reader, AGES, tensor)
    require(age, "no dropout")
    drawn = _drawn(reader, bound["noise"])
    require(drawn is not None, "a mask of something else")
    x = bound["x"]
    _require_of_every_element(reader, drawn, x)
    seeds = [int(drawn.op.get_attr(name)) for name in ("seed", "seed2")]
    require(any(seeds), "a dropout without a seed, whose masks nobody can repeat")
    keep_prob, is_fed = _keep_prob(reader, bound, age)
    arguments = [
        argument(repr(keep_prob), "config:keep_prob"),
        seed_argument(*seeds),
    ]
    if is_fed:
        arguments.append(argument("True", keyword="fed"))
    if age != "1.15":
        arguments.append(argument("'compat.v1'", keyword="scaling"))
    return context.statement(
        tensor, "tf1_semantics.layers.Dropout", arguments, [x], "dropout#"
    )


def _drawn(reader, noise):
    _, bound = terms.first(reader, NOISES, noise)
    drawn = bound["drawn"]
    return drawn if reader.kind(drawn) == "RandomUniform" else None


def _require_of_every_element(reader, drawn, x):
    shape = reader.given(drawn)[0]
    if shape.op.type == "Shape":
        same = reader.given(shape)[0].name == x.name
    else:
        constant = reader.constant(shape)
        same = constant is not None and x.shape.as_list() == constant.tolist()
    require(same, "a dropout with a noise_shape")


def _keep_prob(reader, bound, age):
    """(keep_prob, whether it was fed)."""
    rate = bound["rate"]
    kept = terms.unify(reader, ("Sub", 1, "?kept"), rate)
    if kept is not None and kept["kept"].name in reader.feed:
        return float(reader.feed[kept["kept"].name]), True
    dtype = rate.dtype.base_dtype.as_numpy_dtype
    if rate.name in reader.feed:
        value = dtype(reader.feed[rate.name])
        keep_prob = _shortest(lambda kept: dtype(1) - dtype(kept) == value, value)
        return keep_prob, True
    value = reader.number(rate)
    require(value is not None, "a rate that is computed")
    scale = bound.get("scale")

    def fits(kept):
        share = 1 - kept
        if dtype(share) != value or not 0 < kept <= 1:
            return False
        return scale is None or dtype(1 / (1 - share)) == scale

    require(age != "compat.v1, fed" or scale is None, "a scale of its own")
    return _shortest(fits, value), False


def _shortest(fits, rate):
    share = 1 - float(rate)
    for kept in [round(share, digits) for digits in range(1, 17)] + [share]:
        if fits(kept):
            return float(np.float64(kept))
    require(False, f"a rate of {rate!r} that no keep_prob gives")
    return None


RULES = {"Mul": [dropout], "Select": [dropout]}
