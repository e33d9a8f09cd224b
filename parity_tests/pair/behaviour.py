"""How variables act on the loss: what tells them apart where names and shapes do not.

Both sides are given the same values, and the loss of one batch is taken: with values of
its own in every variable, which confirms a matching as a whole; and with equal values in
all variables of one shape, one of them raised at a time, which says who is who.

Runs under Python 3.7 and NumPy 1.18 as well.
"""

import collections
import zlib

import numpy as np

MOST_RAISED = 100  # variables whose effect is measured one by one
SAME = 1e-3  # relative difference up to which two losses, or effects, count as the same


def shape_key(shape):
    """What two variables of one shape, transposed or not, with 1s or not, share."""
    return tuple(sorted(size for size in shape if size != 1))


def apart(name, shape, dtype):
    """Values that no other variable gets."""
    return _values(zlib.crc32(name.encode("utf-8")), shape, dtype)


def alike(shape, dtype):
    """Values that every variable of this shape gets, whatever the order of its sizes.

    Such as vary from element to element, but for an exchange of dimensions.
    """
    size = int(np.prod(shape, dtype=np.int64))
    seed = zlib.crc32(repr(shape_key(shape)).encode("utf-8"))
    values = _values(seed, shape_key(shape) or (1,), dtype)
    if list(shape_key(shape)) != [length for length in shape if length != 1]:
        axes = np.argsort([length for length in shape if length != 1], kind="stable")
        values = np.transpose(values, np.argsort(axes))
    return values.reshape(shape) if size else np.zeros(shape, dtype)


def raised(values):
    """``values`` as they are where one variable is to have another effect."""
    return (values * values.dtype.type(1.25) + values.dtype.type(0.01)).astype(
        values.dtype
    )


def _values(seed, shape, dtype):
    """Numbers such that signals neither die nor grow: kernels by their fan-in.

    Vectors are about 1, so that a variance may be among them.
    """
    random = np.random.RandomState(seed % 2**32)
    if len(shape) < 2:
        values = random.uniform(0.5, 1.5, shape)
    else:
        fan_in = max(1, int(np.prod(shape[:-1])))
        values = random.uniform(-1, 1, shape) * np.sqrt(3.0 / fan_in)
    return np.asarray(values, dtype)


APART, RAISED = "apart", "raised"


def effects(variables, loss_of, which=(APART, RAISED)):
    """What variables do to a loss: {"apart": loss, "alike": loss, "raised": {name: loss}}.

    Losses that are not finite, or not repeated by the same values, are None.

    Args:
        variables: {TF1 name: (shape, dtype)} of those that are to be matched.
        loss_of: {name: array} -> loss, a float.
        which: APART, which takes two runs, or RAISED, which takes one a variable.
    """
    measured = {}
    if APART in which:
        own = {name: apart(name, *facts) for name, facts in variables.items()}
        first, again = loss_of(own), loss_of(own)
        is_told = np.isfinite(first) and first == again
        measured[APART] = first if is_told else None
    if RAISED in which and measured.get(APART, 0) is not None:
        same = {name: alike(*facts) for name, facts in variables.items()}
        counts = collections.Counter(
            shape_key(shape) for shape, _ in variables.values()
        )
        several = [
            name
            for name, (shape, _) in variables.items()
            if counts[shape_key(shape)] > 1
        ]
        measured["alike"] = loss_of(same)
        measured[RAISED] = {
            name: loss_of(dict(same, **{name: raised(same[name])}))
            for name in several[:MOST_RAISED]
        }
    return measured


def paired(reference, candidate):
    """{TF1 name: twin's name} by equal effects, where nobody else has nearly the same.

    Args:
        reference: {TF1 name: its effect on the loss}.
        candidate: {twin's name: its effect}.
    """
    pairs = {}
    for name, effect in reference.items():
        nearest = _clearly_nearest(effect, candidate)
        if nearest is not None and name == _clearly_nearest(
            candidate[nearest], reference
        ):
            pairs[name] = nearest
    return pairs


def _clearly_nearest(effect, effects_by_name):
    distances = sorted(
        (abs(other - effect), name) for name, other in effects_by_name.items()
    )
    if not distances or not np.isfinite(distances[0][0]):
        return None
    nearest, name = distances[0]
    scale = max(abs(effect), max(map(abs, effects_by_name.values())))
    if nearest > 0.05 * abs(effect) + SAME * scale:
        return None
    if len(distances) > 1 and distances[1][0] < max(4 * nearest, SAME * scale):
        return None
    return name


def agree(first, second):
    """Whether two losses are the same but for roundings."""
    if first is None or second is None or not np.isfinite([first, second]).all():
        return False
    return abs(first - second) <= SAME * max(abs(first), abs(second), 1e-6)
