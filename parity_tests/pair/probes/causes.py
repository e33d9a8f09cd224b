"""Tries the probes one after another, and says which change takes a divergence away."""

import contextlib
import warnings
from typing import NamedTuple

from parity_tests.engine.records import in_order
from parity_tests.pair import twins
from parity_tests.pair.levels import compare_levels
from parity_tests.pair.probes import table

MOST_CHANGES = 24  # each traces the twin anew
# What is apart by less, in ULPs of the largest magnitude, is apart by rounding: the same
# arithmetic in another order.
ROUNDED = 64.0


class Found(NamedTuple):
    """cause: a ``Cause``, or None. tried: names of the probes that were."""

    cause: object
    tried: tuple


def cause(sides, level, divergence):
    """``Found``: the cause of a divergence, if a probe takes it away."""
    kind = kind_of(sides, divergence)
    tried, deferring, count = {}, None, 0
    for probe in fitting(kind, sides.place):
        for change in _changes(probe, sides, divergence, tried):
            tried[probe.name] = None
            count += 1
            if count > MOST_CHANGES:
                return Found(deferring, tuple(tried))
            later, moves_on = remaining(sides, change, level, divergence)
            is_whole = later is None
            is_another = is_whole or moves_on or comes_after(later, divergence)
            if is_whole or (deferring is None and is_another):
                known = table.Cause(
                    change.told, is_whole, probe.page, divergence.stage, probe.name
                )
                if is_whole:
                    return Found(known, tuple(tried))
                deferring = known
    return Found(deferring, tuple(tried))


def _changes(probe, sides, divergence, tried):
    """The changes of a probe; what fails in it hides no other probe's."""
    try:
        yield from probe.changes(sides, divergence)
    except Exception as error:  # a graph, or layers, that it did not foresee
        tried[f"{probe.name} ({type(error).__name__})"] = None


def fitting(kind, place):
    """The probes of a stage, those first that replace something at the place.

    Where a layer is named that is apart, nothing behind it is to blame; where all are
    equal, none of them is.
    """
    known = [probe for probe in table.PROBES if kind in probe.stages]
    is_open = place is None or place.layer == table.REWRITTEN
    if is_open or kind not in table.FORWARD:
        return known
    wanted = table.LOSS if place.layer == table.LOSS else table.LAYERS
    return [probe for probe in known if probe.at in (wanted, table.FORWARD_PASS)]


def kind_of(sides, divergence):
    """The stage of a divergence, as ``table`` tells them apart."""
    stage, tensor = divergence.stage, divergence.tensor
    if stage == "initial values" and tensor not in sides.matches:
        return table.SLOT_STARTS
    if stage == "updates" and not is_trained(sides, tensor):
        return table.STATISTICS
    return stage


def is_trained(sides, name):
    """Whether an optimizer updates a TF1 variable, by its twin's word."""
    match = sides.matches.get(name)
    trained = {variable.path for variable in sides.model.trainable_variables}
    return match is None or any(source in trained for source in match.sources)


def remaining(sides, change, level, divergence):
    """(first divergence of the changed twin, whether its place is further on).

    The first is None where nothing differs any more, and False if it cannot be played.
    The play up to the divergence comes first: most changes change nothing there.
    """
    step = divergence.step
    sides.twin.reset()
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")  # of gradients that a wrong change has not
            stack.enter_context(change.put)
            twin, _ = twins.twin_of(sides.model)
            change.on_twin(twin)
            try:
                with sides.pair(twin, None) as pair:
                    for moves in _plays(sides.moves, step, pair.recorded):
                        _, found = compare_levels(pair, [level], [moves])
                        if found:
                            break
                later = found[level][1] if level in found else None
                return later, _moves_on(sides, twin, later, divergence)
            finally:
                twin.reset()
    except Exception:  # a change of shapes that the user's layers do not take
        return False, False
    finally:
        sides.twin.reset()


def _moves_on(sides, twin, later, divergence):
    """Whether a changed twin is right in the layer that was apart, and in another, behind
    it, is not: of two mistakes in one pass the first is mended."""
    layers = [layer.name for layer in sides.model._flatten_layers()]
    if (
        later is None
        or sides.placed is None
        or divergence.stage not in table.FORWARD
        or (later.step, later.stage) != (divergence.step, divergence.stage)
        or sides.place is None
        or sides.place.layer not in layers
    ):
        return False
    place = sides.placed(twin, later)
    behind = [*layers[layers.index(sides.place.layer) + 1 :], table.LOSS]
    return place is not None and place.layer in behind


def _plays(moves, step, recorded):
    """The play up to a step, then all of it; a recorded one only as a whole."""
    if not recorded and 0 < step < len(moves):
        yield type(moves)(moves[:step], moves.play)
    yield moves


def comes_after(later, divergence):
    """Whether what remains is another matter: a later stage, or rounding after it."""
    if later is False or later.stage is None:
        return False
    is_later = later.step > divergence.step
    if later.step == divergence.step:
        stages = [later.stage, divergence.stage]
        is_later = later.stage != divergence.stage and in_order(stages)[1] == stages[0]
    if not is_later:
        return False
    is_rounding = later.normwise is not None and later.normwise <= ROUNDED
    return is_rounding or later.stage != divergence.stage
