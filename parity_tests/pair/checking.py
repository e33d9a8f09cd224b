"""Compares both sides of a user's own pair, and says what it found."""

import collections
import contextlib
import os
import tempfile
from typing import NamedTuple

import numpy as np

from parity_tests.engine.records import MOVE
from parity_tests.pair import (
    levels,
    matching,
    probes,
    recorder,
    recording,
    streams,
    taps,
    tf1_sides,
    translated,
    twins,
)
from parity_tests.pair.errors import mistake
from parity_tests.pair.matched_pair import MatchedPair, Moves
from tf1_graph import session as tf1_session
from tf2_keras import training


class Checked(NamedTuple):
    """What a check found.

    data: of one pair, JSON-valid, as a chapter's in the report of ``run``, with "names",
        the map, "matched", how, "notes", and the facts of what was "recorded".
    divergences: {level: (play, engine Divergence)}.
    causes: {level: probes.Cause}, where one is proven.
    places: {level: taps.Place} in the network, where there is one.
    nans: what both sides hold that is no number, as a sentence, or None.
    """

    data: dict
    divergences: dict
    causes: dict
    places: dict
    nans: str | None

    @property
    def ok(self):
        return not self.divergences and self.nans is None

    def why(self, level):
        """[text] of where in the network a level parts, and of the cause."""
        known = (self.places.get(level), self.causes.get(level))
        return [found.describe() for found in known if found is not None]

    def require_agreement(self):
        """Raises an AssertionError with the first divergence, if there is one."""
        for level, (_, divergence) in self.divergences.items():
            described = [f"level {level}", divergence.describe(), *self.why(level)]
            raise AssertionError("\n".join(described))
        if self.nans is not None:
            raise AssertionError(self.nans)
        return self


def checked(
    own,
    levels_asked=None,
    steps=None,
    examples=None,
    seed=None,
    init_from_tf1=False,
    play=None,
    on_start=None,
    on_progress=lambda: None,
):
    """Compares both sides of an ``OwnPair``.

    Args:
        levels_asked: levels of the twin; by default the pair's own.
        steps, examples, seed: see ``plays.plays``.
        init_from_tf1: whether the twin starts from TF1's initial values.
        play: a file that ``OwnPair.record`` wrote, instead of the pair's TF1 side.
        on_start: called once with how many records there will be.
        on_progress: called after each.

    Returns:
        ``Checked``.

    Raises:
        PairError: for a mistake in the pair; a ``SideFailed`` where their code failed.
    """
    with contextlib.ExitStack() as stack:
        reference, drawn, program = _reference(own, stack, steps, examples, seed, play)
        twin, model = twins.twin_of(own.tf2)
        used = {name for moves in drawn for name, _ in moves}
        left_out = used - set(twin.moves)
        if left_out - {tf1_sides.PREDICT}:
            raise mistake(
                "tf2 must have every move of tf1",
                f"none for {', '.join(sorted(left_out))}",
                f"It has {', '.join(twin.moves)}",
            )
        drawn = [
            Moves([move for move in moves if move[0] not in left_out], number)
            for number, moves in enumerate(drawn)
        ]
        tf1_variables = _variables(reference)
        found = matching.matched(
            tf1_variables,
            twins.variables(twin, model),
            own.given_names(),
            lambda: _effects(reference, drawn[0]),
            lambda matches, values: _twin_loss(twin, drawn[0], matches, values),
        )
        translation = translated.Translation(
            found.matches, found.left_out, twins.dropped(twin, model)
        )
        notes = []
        with _unless_it_fails("Random streams", notes):
            notes += streams.notes(program, model)
        notes += [
            f"{name} has no counterpart in the twin; names={{{name!r}: None}} leaves it "
            "out of the comparison."
            for name in found.unmatched
        ]
        if found.confirmed is False:
            notes.append(
                "With equal values in all matched variables the two losses differ: the "
                "sides compute something else, or the matching by "
                f"{', '.join(sorted({m.how for m in found.matches.values()}))} is wrong."
            )
        copied = None
        if init_from_tf1:
            copied = _initial_values(reference, found.matches)
            notes.append(
                "Initial values were copied from TF1: that both sides initialise alike "
                "is unproven."
            )
        pair = MatchedPair(
            reference, twin, translation, own.budgets, copied, tuple(left_out)
        )
        stack.callback(pair.close)
        asked = tuple(levels_asked or own.levels)
        if on_start is not None:
            on_start(len(asked) * sum(1 + len(moves) for moves in drawn))
        seen = _Seen(on_progress)
        cells, divergences = levels.compare_levels(pair, asked, drawn, seen.observe)
        causes, places = {}, {}
        if program is not None and model is not None:
            sides = probes.Sides(
                program,
                model,
                twin,
                found.matches,
                lambda other, start: MatchedPair(
                    program, other, translation, own.budgets, start or copied, left_out
                ),
            )
            with _unless_it_fails("The cause", notes):
                causes = _causes(sides, drawn, divergences)
            with _unless_it_fails("The place in the network", notes):
                places = _places(sides, drawn, divergences, copied)
        elif divergences and model is not None:
            notes.append(
                "Where in the network the sides part, and the cause, can only be looked "
                "for where TF1's side is a graph in this process."
            )
    trained = [sum(name != tf1_sides.PREDICT for name, _ in moves) for moves in drawn]
    data = {
        "steps": max(trained),
        "examples": len(drawn),
        "levels": cells,
        "result": {"metric": "loss", **seen.losses},
        "first_divergence": {
            level: {**divergence.as_data(), "example": number + 1}
            for level, (number, divergence) in divergences.items()
        },
        "cause": {level: cause.as_data() for level, cause in causes.items()},
        "place": {level: place.as_data() for level, place in places.items()},
        "names": found.as_map(),
        "matched": {
            name: {"how": match.how, "layout": match.layout}
            for name, match in found.matches.items()
        },
        "notes": notes,
        "recorded": reference.facts if pair.recorded else None,
    }
    return Checked(
        data, divergences, causes, places, None if divergences else seen.nans()
    )


@contextlib.contextmanager
def _unless_it_fails(what, notes):
    """Lets nothing that explains a divergence stand in its way."""
    try:
        yield
    except Exception as error:  # of the user's layers, run as they did not foresee
        said = (str(error).splitlines() or [""])[0]
        notes.append(
            f"{what} could not be looked for: {type(error).__name__}: {said:.200}"
        )


def _causes(sides, drawn, divergences):
    """{level: probes.Cause} of the first level that parts, if a probe proves one."""
    for level, (number, divergence) in divergences.items():
        initial = _initial_values(sides.program, sides.matches)
        found = probes.cause(sides, level, drawn[number], divergence, initial)
        return {level: found} if found else {}
    return {}


def _places(sides, drawn, divergences, copied):
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


class _Seen:
    """What is kept of the records: the last loss of each side, and what is no number."""

    def __init__(self, on_progress):
        self.on_progress = on_progress
        self.losses = {"session": None}
        self._steps = collections.Counter()
        self._nan = {}  # {side: (step, stage, tensor)}, of the first

    def observe(self, level, side, record):
        step = 0 if "initial values" in record else self._steps[level, side] + 1
        self._steps[level, side] = step
        if record.get("loss"):
            loss = float(np.mean(next(iter(record["loss"].values()))))
            self.losses[side] = loss if np.isfinite(loss) else None
        for stage, named in record.items():
            if stage == MOVE or side in self._nan:
                continue
            for name, value in (named or {}).items():
                value = np.asarray(value)
                if value.dtype.kind == "f" and np.isnan(value).any():
                    self._nan.setdefault(side, (step, stage, name))
                    break
        if side != "session":
            self.on_progress()

    def nans(self):
        if "session" not in self._nan:
            return None
        step, stage, name = self._nan["session"]
        return str(
            mistake(
                "Both sides must stay numbers to prove anything",
                f"NaN on both sides, first at step {step}, {stage}, tensor {name}",
                "Compare fewer steps, or another rate or other batches",
            )
        )


def _reference(own, stack, steps, examples, seed, play):
    """(Program or Recording, [[(move, batch)]], Program or None) of the TF1 side."""
    if own.is_recorded and play is None:
        play = own.path(own.tf1.source)
    if play is not None:
        stored = recording.Recording(play)
        return stored, _stored_moves(stored, steps, examples, seed), None
    if own.runs_apart:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tf-parity-"))
        path = os.path.join(folder, "play.npz")
        own.record(path, steps, examples, seed)
        stored = recording.Recording(path)
        drawn = [stored.moves(number) for number in range(stored.plays)]
        return stored, drawn, None
    program = own.program()
    drawn = []
    for moves in own.drawn(steps, examples, seed):
        moves = tf1_sides.with_predictions(program, moves)
        tf1_sides.require_playable(program, moves)
        drawn.append(moves)
    return program, drawn, program


def _stored_moves(stored, steps, examples, seed):
    """The moves of a recording; what it was recorded with stays."""
    drawn = [stored.moves(number) for number in range(stored.plays)]
    trained = max(
        sum(name != tf1_sides.PREDICT for name, _ in moves) for moves in drawn
    )
    for option, value, kept in (
        ("--steps", steps, trained),
        ("--examples", examples, len(drawn)),
        ("--seed", seed, "its own"),
    ):
        if value not in (None, kept):
            raise mistake(
                f"{option} must be what was recorded",
                f"{value}; the recording has {kept}",
                f"Leave it out, or record again with {option} {value}",
            )
    return drawn


def _variables(reference):
    """{TF1 name: Variable} without slots, in order of use."""
    if isinstance(reference, recording.Recording):
        initial = next(iter(reference.records(0)))["initial values"]
        return {
            name: matching.Variable(
                initial[name].shape, initial[name].dtype, facts["trainable"]
            )
            for name, facts in reference.variables.items()
            if not facts["slot"]
        }
    return {
        name: matching.Variable(**facts)
        for name, facts in recorder.variables(reference).items()
        if name not in reference.slots
    }


def _effects(reference, moves):
    if isinstance(reference, recording.Recording):
        return reference.effects
    return recorder.effects(reference, moves)


def _twin_loss(twin, moves, matches, values):
    """The twin's loss of the first batch that trains, with these values."""
    move = next((move for move in moves if move[0] != tf1_sides.PREDICT), moves[0])
    translation = translated.Translation(matches)
    try:
        _, record = training.play(
            twin, [move], "eager", translation.values(values, twin.state)
        )
    except Exception as error:  # a mistake shows when it is compared
        raise matching.NoLoss from error
    losses = record.get("loss") or {}
    return float(np.asarray(next(iter(losses.values()), np.nan)).mean())


def _initial_values(reference, matches):
    """{TF1 name: array} of TF1's initial values."""
    if isinstance(reference, recording.Recording):
        record = next(iter(reference.records(0)))
    else:
        record = next(tf1_session.play(reference, ()))
    return {
        name: value
        for name, value in record["initial values"].items()
        if name in matches
    }
