"""What explains a divergence: where in the network it begins, and its cause."""

import contextlib

from parity_tests.pair import probes, taps, tf1_references
from tf1_graph import session as tf1_session


@contextlib.contextmanager
def unless_it_fails(what, notes):
    """Lets nothing that explains a divergence stand in its way."""
    try:
        yield
    except Exception as error:  # of the user's layers, run as they did not foresee
        said = (str(error).splitlines() or [""])[0]
        notes.append(
            f"{what} could not be looked for: {type(error).__name__}: {said:.200}"
        )


def causes(sides, drawn, divergences):
    """{level: probes.Cause} of the first level that parts, if a probe proves one."""
    for level, (number, divergence) in divergences.items():
        initial = tf1_references.initial_values(sides.program, sides.matches)
        found = probes.cause(sides, level, drawn[number], divergence, initial)
        return {level: found} if found else {}
    return {}


def places(sides, drawn, divergences, copied):
    """{level: taps.Place} of the first level that parts in what a move sees."""
    for level, (number, divergence) in divergences.items():
        if divergence.stage not in ("outputs", "loss") or divergence.normwise is None:
            return {}
        records = tf1_session.play(sides.program, drawn[number], copied)
        before = [next(records) for _ in range(divergence.step)][-1]
        state = {
            name: value
            for stage in ("initial values", "updates")
            for name, value in before.get(stage, {}).items()
            if name in sides.matches
        }
        place = taps.place(
            *sides[:4], drawn[number][divergence.step - 1], state, divergence.normwise
        )
        return {level: place} if place else {}
    return {}
