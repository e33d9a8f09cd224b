"""Dropouts in a graph, whatever else reads their masks: as gradients do.

Two ages of ``tf.nn.dropout`` are known by their arithmetic, as ``layers.Dropout`` knows
them. 1.15 wrote

    x * (1 / (1 - rate)) * cast(uniform >= rate)

each op in the dtype of x. Today's compat.v1 divides by 1 - rate, or multiplies by a
constant that Python computed, and then selects. Older still is ``x / keep_prob *
floor(keep_prob + uniform)``, which remains in 1.15 as the DropoutWrapper's
``variational_recurrent``.
"""

import fractions
import functools
import hashlib
import typing

# Seeds of its own that a DropoutWrapper is looked for under.
WRAPPER_SEEDS = 1000
WRAPPED = ("input", "state", "output")


class Dropout(typing.NamedTuple):
    """A dropout found in a graph; fields are nodes unless said.

    rate: what the drawn numbers are compared with.
    scaled: x times, or divided by, something.
    is_product: whether it is multiplied by the mask, or else selected.
    is_inverse: whether x is multiplied by an inverse that the graph computes.
    """

    rate: object
    scaled: object
    is_product: bool
    is_inverse: bool


def find(nodes, sampled):
    """The ``Dropout`` that a uniform draw decides, or None."""
    for kept in nodes.consumers(sampled, "GreaterEqual"):
        for scaled, is_product in _candidates(nodes, kept):
            if scaled is None or scaled.op not in ("Mul", "RealDiv"):
                continue
            scale = nodes.source(nodes.input(scaled, 1))
            is_inverse = scaled.op == "Mul" and _is_of_one(nodes, scale, "RealDiv")
            if is_inverse:
                scale = nodes.source(nodes.input(scale, 1))
            if _belongs(nodes, scale, kept):
                return Dropout(nodes.input(kept, 1), scaled, is_product, is_inverse)
    return None


def _candidates(nodes, kept):
    """(what may be the scaled x, whether times the mask); its gradients as well."""
    for mask in nodes.consumers(kept, "Cast"):
        for product in nodes.consumers(mask, "Mul"):
            yield nodes.input(product, 0), True
    for selected in nodes.consumers(kept, "Select", "SelectV2"):
        yield nodes.input(selected, 1), False


def _belongs(nodes, scale, kept):
    """Whether a scale is 1 minus the rate of a mask, or a number as the rate is one.

    A gradient is multiplied by the mask as well, and by a scale, but in other order.
    """
    if _is_of_one(nodes, scale, "Sub"):
        return nodes.input_name(scale, 1) == nodes.input_name(kept, 1)
    rate = nodes.input(kept, 1)
    return nodes.scalar(scale) is not None and nodes.scalar(rate) is not None


def _is_of_one(nodes, node, operation):
    """Whether a node is 1 minus something, or 1 divided by it."""
    return (
        node is not None
        and node.op == operation
        and nodes.scalar(nodes.input(node, 0)) == 1
    )


def draws_for_every_element(nodes, draw, dropout):
    """False if a dropout has a noise_shape, one decision for several elements."""
    shape, data = nodes.input(draw, 0), nodes.input(dropout.scaled, 0)
    if shape is None or data is None:
        return False
    if shape.op == "Shape":
        return nodes.input_name(shape, 0) == nodes.input_name(dropout.scaled, 0)
    # A shape that was known beforehand is a constant.
    drawn = nodes.constant(shape)
    if drawn is None or "_output_shapes" not in data.attr:
        return False
    known = data.attr["_output_shapes"].list.shape
    return len(known) > 0 and list(drawn) == [
        dimension.size for dimension in known[0].dim
    ]


def written(nodes, dropout, seed, in_loop):
    """(Python for a ``Dropout``, remark); None for a rate that no dropout has."""
    share = nodes.scalar(dropout.rate)
    if share is not None and not 0 <= share < 1:
        return None
    wrapper_seed, what = None, None
    if in_loop:
        wrapper_seed, what = _wrapper_seeds().get(seed[1], (None, None))
    if share is None:
        keep_prob, remark = _fed(nodes, dropout)
    else:
        taken_as = type(share) if what else float
        keep_prob, remark = _of_a_number(nodes, dropout, share, taken_as)
    if what:
        seed = (seed[0], wrapper_seed)
        call = f"recurrent.DropoutWrapper(cell, {what}_keep_prob={keep_prob}"
    else:
        call = "layers.Dropout(" + ("keep_prob=" if share is not None else "")
        call += keep_prob
    call += f", seed={seed}"
    call += ", fed=True" if share is None else ""
    call += "" if dropout.is_inverse else ', scaling="compat.v1"'
    remarks = [remark]
    if dropout.is_product and not dropout.is_inverse:
        remarks.append("what is dropped keeps its sign in TF1")
    if in_loop:
        remarks.append("once for each time step")
    return call + ")", "; ".join(filter(None, remarks))


def _of_a_number(nodes, dropout, share, taken_as):
    """(keep_prob as Python, remark) for a rate that the graph holds."""
    dtype = type(share)
    scale = None  # of an inverse that the graph computes, every layer's is the same
    if not dropout.is_inverse:
        scale = nodes.scalar(nodes.input(dropout.scaled, 1))
        if dropout.scaled.op == "RealDiv" and scale:
            scale = dtype(1) / scale
    keep_prob = _keep_prob(share, scale, taken_as)
    scale_of_layer = _layer_scale(float(taken_as(keep_prob)), dtype)
    remark = ""
    if scale is not None and scale_of_layer != scale:
        remark = f"the same mask; TF1 scales by {scale}, the layer by {scale_of_layer}"
    return repr(keep_prob), remark


def _fed(nodes, dropout):
    """(keep_prob as Python, remark) for a rate that the graph is given or computes."""
    keep_prob, name, given = "1 - rate", "rate", nodes.source(dropout.rate)
    if _is_of_one(nodes, given, "Sub"):
        keep_prob = name = "keep_prob"
        given = nodes.source(nodes.input(given, 1))
    if given is None:
        return keep_prob, f"{name} comes from outside of this graph"
    if given.op.startswith("Placeholder"):
        return keep_prob, f"{name} is what was fed to {given.name}"
    return keep_prob, f"{name} is what {given.name} gave"


def written_older(nodes, sampled, seed):
    """The same for ``floor(keep_prob + uniform)``, or None if the draw decides none."""
    if not any(
        nodes.consumers(moved, "Floor")
        for moved in nodes.consumers(sampled, "Add", "AddV2")
    ):
        return None
    return (
        f"philox.uniform(shape, seed={seed})",
        "x / keep_prob * tf.floor(keep_prob + uniform), a dropout of an older TF1 or "
        "with variational_recurrent, which layers.Dropout rounds otherwise; drawn: 256 "
        "times the elements that earlier runs drew",
    )


@functools.lru_cache(maxsize=None)
def _wrapper_seeds():
    """{seed of an op: (a DropoutWrapper's own seed, what it drops)}.

    Source: rnn_cell_wrapper_impl.DropoutWrapperBase._gen_seed, 1.15.
    """
    seeds = {}
    for wrapper_seed in reversed(range(WRAPPER_SEEDS)):
        for what in WRAPPED:
            for number in range(4):
                text = f"{wrapper_seed}{what}_{number}"
                digest = hashlib.md5(text.encode()).hexdigest()
                seeds[int(digest[:8], 16) & 0x7FFFFFFF] = wrapper_seed, what
    return seeds


def _keep_prob(rate, scale, taken_as):
    """A short number that gives ``rate``, and ``scale`` if it is one and one does.

    Args:
        taken_as: ``float``, or the dtype that a DropoutWrapper makes of it first.
    """
    dtype = type(rate)
    share = 1 - float(rate)
    numbers = [round(share, digits) for digits in range(1, 16)]
    numbers += [float(fractions.Fraction(share).limit_denominator(1000)), share]
    same_rate = [
        number for number in numbers if dtype(1 - float(taken_as(number))) == rate
    ]
    same_scale = [
        number
        for number in same_rate
        if scale is None or _layer_scale(float(taken_as(number)), dtype) == scale
    ]
    return (same_scale or same_rate or [share])[0]


def _layer_scale(keep_prob, dtype):
    """By what ``layers.Dropout`` of compat.v1's scaling multiplies."""
    return dtype(1 / (1 - (1 - keep_prob))) if keep_prob else dtype("inf")
