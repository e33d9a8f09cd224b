"""Which variable of a twin is which of TF1's, by behaviour where nothing else tells."""

import collections
import contextlib
import itertools
from typing import NamedTuple

import numpy as np

from parity_tests.pair import behaviour
from parity_tests.pair.errors import PairError
from tf2_keras.migrate.checkpoint.errors import HandoverError
from tf2_keras.migrate.checkpoint.matching import Matcher, key_of


class Matching(NamedTuple):
    """matches: {TF1 name: layouts.Match}. left_out: names that the map says are not to
    be compared. unmatched: TF1 names that have no counterpart. confirmed: whether with
    equal values both losses are equal; None if that could not be tried."""

    matches: dict
    left_out: tuple
    unmatched: tuple
    confirmed: bool | None

    def as_map(self):
        """{TF1 name: what ``names`` takes}, JSON-valid."""
        return {
            **{name: match.entry for name, match in self.matches.items()},
            **dict.fromkeys(self.left_out),
        }


class NoLoss(Exception):
    """The twin gave no loss for values that were tried: behaviour tells nothing."""


def matched(tf1, twin, given=None, tf1_effects=None, twin_loss=None):
    """The ``Matching`` of two sides' variables.

    Args:
        tf1, twin, given: as of ``Matcher``.
        tf1_effects: "apart" or "raised" -> that of ``behaviour.effects``, or None.
        twin_loss: {TF1 name: Match}, {TF1 name: array} -> the twin's loss with them; it
            may raise ``NoLoss``.

    Raises:
        PairError: for a map that leads nowhere, and for what is ambiguous.
    """
    try:
        return _matched(Matcher(tf1, twin, given), tf1_effects, twin_loss)
    except HandoverError as error:
        raise PairError(str(error)) from None


def _matched(matcher, tf1_effects, twin_loss):
    matcher.match()
    confirmed = None
    effects = None
    if tf1_effects and _worth_trying(matcher):
        effects = tf1_effects(behaviour.APART)
    if effects and effects[behaviour.APART] is not None:
        with contextlib.suppress(NoLoss):  # then by order of use alone
            confirmed = _by_loss(matcher, effects, tf1_effects, twin_loss)
    matcher.require_whole()
    suffix = ", confirmed by behaviour" if confirmed else ""
    for match in matcher.tentative.values():
        matcher.take(match._replace(how=match.how + suffix))
    unmatched = tuple(matcher.open_tf1)
    in_order = {n: matcher.matches[n] for n in matcher.tf1 if n in matcher.matches}
    return Matching(in_order, tuple(matcher.left_out), unmatched, confirmed)


def _by_loss(matcher, effects, tf1_effects, twin_loss):
    """Settles what names and shapes leave open; whether both losses are equal then."""
    if _confirmed(matcher, effects, twin_loss):
        return True
    if _by_other_layouts(matcher, effects, twin_loss):
        return True
    if not matcher.tentative:
        return False
    raised = tf1_effects(
        behaviour.RAISED
    )  # one run a variable: only where it is needed
    if not raised or behaviour.RAISED not in raised:
        return False
    _by_behaviour(matcher, raised, twin_loss)
    return _confirmed(matcher, effects, twin_loss)


def _worth_trying(matcher):
    return bool(matcher.tentative) or any(
        match.how not in ("map", "role")
        and (not match.is_plain or _is_square(match.shape))
        for match in matcher.matches.values()
    )


def _is_square(shape):
    return len(shape) == 2 and shape[0] == shape[1] > 1


def _own_values(matches, tf1):
    return {
        name: behaviour.apart(name, tf1[name].shape, tf1[name].dtype)
        for name in matches
        if np.dtype(tf1[name].dtype).kind == "f"
    }


def _confirmed(matcher, effects, twin_loss):
    """Whether both losses are equal where every variable has values of its own."""
    matches = matcher.settled()
    loss = twin_loss(matches, _own_values(matches, matcher.tf1))
    return behaviour.agree(effects["apart"], loss)


def _by_other_layouts(matcher, effects, twin_loss):
    """Tries what shapes cannot tell: squares transposed, the forget gate's bias."""
    choices = {}
    for name, match in matcher.settled().items():
        if match.how == "map":
            continue
        if match.layout == "lstm bias":
            choices[name] = [match, match._replace(forget_bias=0.0)]
        elif match.is_plain and _is_square(match.shape):
            turned = match._replace(layout="transposed")
            choices[name] = [match, turned]
    if not choices or len(choices) > 6:
        return False
    for chosen in itertools.islice(itertools.product(*choices.values()), 1, None):
        for match in chosen:
            place = (
                matcher.tentative
                if match.name in matcher.tentative
                else matcher.matches
            )
            place[match.name] = match
        if _confirmed(matcher, effects, twin_loss):
            return True
    for name, (first, *_) in choices.items():
        place = matcher.tentative if name in matcher.tentative else matcher.matches
        place[name] = first
    return False


def _by_behaviour(matcher, effects, twin_loss):
    """Settles groups of one shape by what each variable does to the loss."""
    groups = collections.defaultdict(list)
    for name, match in matcher.tentative.items():
        groups[key_of(matcher.tf1[name])].append(match)
    matches = matcher.settled()
    values = {
        name: behaviour.alike(matcher.tf1[name].shape, matcher.tf1[name].dtype)
        for name in matches
        if np.dtype(matcher.tf1[name].dtype).kind == "f"
    }
    alike = twin_loss(matches, values)
    for group in groups.values():
        tf1 = {
            match.name: effects["raised"][match.name] - effects["alike"]
            for match in group
            if match.name in effects["raised"]
        }
        twin = {}
        for match in group:
            raised = {**values, match.name: behaviour.raised(values[match.name])}
            twin[match.sources[0]] = twin_loss(matches, raised) - alike
        pairs = behaviour.paired(tf1, twin)
        for match in group:
            del matcher.tentative[match.name]
        for name, source in pairs.items():
            made = matcher.of_one(name, matcher.tf1[name], source, "behaviour")
            if made is not None:
                matcher.take(made)
    # What is left over of a group is certain if it is one of each.
    matcher.by_shape()
    for name in list(matcher.tentative):
        del matcher.tentative[name]
