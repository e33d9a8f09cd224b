"""Tries the probes, alone and together, and says which changes take a divergence away."""

import contextlib
import warnings
from typing import NamedTuple

from parity_tests.engine.records import in_order
from parity_tests.pair import twins
from parity_tests.pair.levels import compare_levels
from parity_tests.pair.probes import table

MOST_CHANGES = 24  # tried alone; each traces the twin anew
MOST_MISTAKES = 3  # that are proven one behind the other
# Two mistakes in one place: with how many first changes, and how many in all.
MOST_FIRST, MOST_PAIRS = 4, 24
# What is apart by less, in ULPs of the largest magnitude, is apart by rounding: the same
# arithmetic in another order.
ROUNDED = 64.0


class Found(NamedTuple):
    """cause: a ``Cause``, or None. tried: names of the probes that were."""

    cause: object
    tried: tuple


class Trial(NamedTuple):
    """One change, as it was tried.

    probe: the ``Probe``. told, edits: of its ``Change``. later: the first divergence with
    it, None where nothing differs, False if it cannot be played. is_another: whether that
    is another matter than what the change was tried for.
    """

    probe: object
    told: str
    edits: int
    later: object
    is_another: bool

    @property
    def is_whole(self):
        return self.later is None

    @property
    def proven(self):
        return table.Proven(self.told, self.probe.page, self.probe.name)


def cause(sides, level, divergence):
    """``Found``: the cause of a divergence, if probes take it away."""
    tried = {}
    trials = _proving(sides, level, divergence, tried)
    changes = tuple(trial.proven for trial in trials)
    if not trials:
        return Found(None, tuple(tried))
    whole = trials[-1].is_whole
    return Found(table.Cause(changes, whole, divergence.stage), tuple(tried))


def _proving(sides, level, divergence, tried, most=MOST_MISTAKES):
    """[Trial] of changes that are needed, the last of them to be the farthest; or [].

    A single change that leaves nothing is the cause. Else that which is right in what
    parted goes first, and what is left has its own causes; else two of one place together.
    """
    trials, fallback = [], []
    for trial in _alone(sides, level, divergence, tried):
        if trial.is_whole and trial.edits == 1:
            return [trial]
        if trial.is_whole:  # as many ops as it takes: what has a name says more
            fallback = fallback or [trial]
        trials.append(trial)
    first = next((trial for trial in trials if trial.is_another), None)
    if first is None and most == MOST_MISTAKES:
        return _pair(sides, level, divergence, trials, tried) or fallback
    if first is None or most == 1:
        return fallback or ([first] if first else [])
    then = []
    with _under(sides, first, divergence) as changed:
        if changed is not None:
            changed = _at(changed, first.later)
            then = _proving(changed, level, first.later, tried, most - 1)
    if then and _is_whole_without(sides, level, first.later, then):
        return then
    proving = [first, *then]
    return proving if proving[-1].is_whole else fallback or proving


def _at(sides, divergence):
    """The sides of a changed twin, with the place where it parts."""
    place = None
    if sides.placed is not None:
        with contextlib.suppress(Exception):  # of the user's layers: any place will do
            place = sides.placed(sides.twin, divergence)
    return sides._replace(place=place)


def _alone(sides, level, divergence, tried):
    """Yields the ``Trial`` of each change that fits."""
    kind = kind_of(sides, divergence)
    count = 0
    for probe in fitting(kind, sides.place):
        for change in _changes(probe, sides, divergence, tried):
            tried[probe.name] = None
            count += 1
            if count > MOST_CHANGES:
                return
            yield _trial(sides, probe, change, level, divergence)


def _trial(sides, probe, change, level, divergence):
    later, moves_on = remaining(sides, change, level, divergence)
    is_another = moves_on or (later is not None and comes_after(later, divergence))
    return Trial(probe, change.told, change.edits, later, is_another)


def _pair(sides, level, divergence, trials, tried):
    """[Trial, Trial] of two mistakes in one place, which no single change takes away.

    A change that leaves what parted as it is, is no half of an answer.
    """
    firsts = [
        trial
        for trial in trials
        if trial.later
        and (trial.later.step, trial.later.stage) == (divergence.step, divergence.stage)
        and _values(trial.later) != _values(divergence)
    ]
    firsts.sort(key=lambda trial: trial.later.normwise or 0.0)
    known = set()
    for first in firsts[:MOST_FIRST]:
        with _under(sides, first, divergence) as changed:
            second = changed and _second(
                changed, first, level, divergence, known, tried
            )
        if second and _is_whole_without(sides, level, divergence, [second]):
            return [second]
        if second:
            return [first, second]
    return []


def _second(changed, first, level, divergence, known, tried):
    """The ``Trial`` that with a first one takes a divergence away, or None.

    Args:
        changed: the sides with the first change made.
        known: {frozenset of what two changes are told as}, of all that were tried.
    """
    changed = _at(changed, first.later)
    for probe in fitting(kind_of(changed, first.later), changed.place):
        if probe.at == table.FORWARD_PASS:  # which looks for several by itself
            continue
        for change in _changes(probe, changed, first.later, tried):
            pair = frozenset((first.told, change.told))
            if len(pair) == 1 or pair in known:
                continue
            if len(known) == MOST_PAIRS:
                return None
            known.add(pair)
            second = _trial(changed, probe, change, level, divergence)
            if second.is_whole or second.is_another:
                return second
    return None


def _values(divergence):
    """What of a divergence says whether a change has touched it."""
    return divergence._replace(budget=None, occurrence=None)


def _is_whole_without(sides, level, divergence, trials):
    """Whether changes leave nothing without the one that they were tried under."""
    if len(trials) != 1 or not trials[0].is_whole:
        return False
    change = _again(sides, trials[0], divergence)
    return change is not None and remaining(sides, change, level, divergence)[0] is None


def _again(sides, trial, divergence):
    """The ``Change`` of a trial anew, or None: each is entered once."""
    for change in _changes(trial.probe, sides, divergence, {}):
        if change.told == trial.told:
            return change
    return None


@contextlib.contextmanager
def _under(sides, trial, divergence):
    """The sides with a trial's change made, as long as this is entered; or None."""
    change = _again(sides, trial, divergence)
    if change is None:
        yield None
        return
    with _changed(sides, change) as changed:
        yield changed


@contextlib.contextmanager
def _changed(sides, change):
    """The sides with the twin of the changed model."""
    sides.twin.reset()
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")  # of gradients that a wrong change has not
            stack.enter_context(change.put)
            twin, _ = twins.twin_of(sides.model)
            on_twins = (*sides.on_twins, change.on_twin)
            for on_twin in on_twins:
                on_twin(twin)
            try:
                yield sides._replace(twin=twin, on_twins=on_twins)
            finally:
                twin.reset()
    finally:
        sides.twin.reset()


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
    try:
        with (
            _changed(sides, change) as changed,
            sides.pair(changed.twin, None) as pair,
        ):
            for moves in _plays(sides.moves, divergence.step, pair.recorded):
                _, found = compare_levels(pair, [level], [moves])
                if found:
                    break
            later = found[level][1] if level in found else None
            return later, _moves_on(sides, changed.twin, later, divergence)
    except Exception:  # a change of shapes that the user's layers do not take
        return False, False


def _moves_on(sides, twin, later, divergence):
    """Whether a changed twin is right in the layer that was apart, and in another, behind
    it, is not: of two mistakes in one pass the first is mended."""
    layers = [layer.name for layer in sides.model._flatten_layers()]
    if (
        later is None
        or sides.placed is None
        or divergence.stage not in table.FORWARD
        or (later.step, later.stage) != (divergence.step, divergence.stage)
        or _values(later) == _values(divergence)  # to tap it takes longer than to play
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
