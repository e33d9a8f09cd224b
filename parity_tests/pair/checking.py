"""Compares both sides of a user's own pair, and says what it found."""

import collections
import contextlib
import functools
from typing import NamedTuple

import numpy as np

from parity_tests.engine import cell_tables
from parity_tests.engine.divergence import Divergence
from parity_tests.engine.records import MOVE, STAGES
from parity_tests.pair import (
    advice,
    explaining,
    levels,
    matching,
    networks,
    probes,
    replays,
    streams,
    tf1_references,
    tf1_sides,
    traces,
    translated,
    twins,
)
from parity_tests.pair.errors import mistake
from parity_tests.pair.matched_pair import MatchedPair, Moves
from parity_tests.pair.recording import Recording
from parity_tests.witness import reference_conditions
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
        known = [self.places.get(level), self.causes.get(level)]
        known = [found for found in known if found is not None]
        for earlier in list(self.divergences)[: list(self.divergences).index(level)]:
            told = [self.places.get(earlier), self.causes.get(earlier)]
            if known and known == [found for found in told if found is not None]:
                return [f"there and for the same cause as at level {earlier}"]
        return [found.describe() for found in known]

    def _repr_html_(self):
        """What a notebook shows: the table, and where and why the two sides part."""
        after = [
            "\n".join([f"level {level}", divergence.describe(), *self.why(level)])
            for level, (_, divergence) in self.divergences.items()
        ]
        after += [self.nans] if self.nans is not None else []
        return cell_tables.as_html(list(self.data["levels"].items()), *after)

    def require_agreement(self):
        """Raises an AssertionError with the first divergence, if there is one."""
        __tracebackhide__ = True  # pytest shows the line of the user's test
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
    trace=None,
    files=None,
    search=None,
):
    """Compares both sides of an ``OwnPair``.

    Args:
        levels_asked: levels of the twin; by default the pair's own.
        steps, examples, seed: see ``plays.plays``.
        init_from_tf1: whether the twin starts from TF1's initial values.
        play: a file that ``OwnPair.record`` wrote, instead of the pair's TF1 side.
        on_start: called once with how many records there will be.
        on_progress: called after each.
        trace: a ``traces.Trace`` to be filled, for a report, or None.
        files: ``event_files.EventFiles`` to be written, or None.
        search: a ``worst_cases.Search`` to be run at the first level, or None.

    Returns:
        ``Checked``.

    Raises:
        PairError: for a mistake in the pair; a ``SideFailed`` where their code failed.
    """
    with contextlib.ExitStack() as stack:
        reference, drawn, program = tf1_references.reference_of(
            own, stack, steps, examples, seed, play
        )
        if search is not None:
            search.require_playable(isinstance(reference, Recording))
        twin, model = twins.twin_of(own.tf2)
        left_out = _left_out(drawn, twin)
        drawn = [
            Moves([move for move in moves if move[0] not in left_out], number)
            for number, moves in enumerate(drawn)
        ]
        found = matching.matched(
            tf1_references.variables(reference),
            twins.variables(twin, model),
            own.given_names(),
            lambda which: tf1_references.effects(reference, drawn[0], which),
            lambda matches, values: _twin_loss(twin, drawn[0], matches, values),
        )
        notes = _notes(reference, program, model, found)
        unseen = set() if model is None else set(twin.moves) - {tf1_sides.PREDICT}
        notes += [
            f"The outputs of {name} are not compared: a Keras model's step gives its loss "
            f"alone. Name them in a move of their own, {tf1_sides.PREDICT}."
            for name in sorted(unseen & tf1_references.with_outputs(reference))
        ]
        copied = None
        if init_from_tf1:
            initial = tf1_references.initial_values(reference)
            # Slots only where they were trained before: what fresh ones begin with is
            # the optimizer's, of no seed.
            slots = tf1_references.slots(reference) if own.starts_trained else ()
            copied = {name: initial[name] for name in (*found.matches, *slots)}
            notes.append(
                f"Initial values{' and slots' if slots else ''} were copied from TF1: "
                "that both sides initialise alike is unproven."
            )
        translation = translated.Translation(
            found.matches,
            found.left_out,
            twins.dropped(twin, model),
            tf1_references.unrecorded(reference),
            tf1_references.slots(reference),
            unseen,
        )

        played, replay = reference, None
        stated = any(own.budgets.values())
        if isinstance(reference, Recording) and not stated:
            replay = replays.replayed(reference, drawn, notes)
        if replay is not None:
            played = program = replay.program
        from_values = replay and replay.start

        def pair_with(other, start=None, translation=translation):
            return MatchedPair(
                *(played, other, translation, own.budgets, start or copied, left_out),
                start=from_values,
            )

        # What the twin lacks is told by itself, and hides the cause of nothing else.
        of_both = translation.without(found.unmatched)

        asked = tuple(levels_asked or own.levels)
        if on_start is not None:
            on_start(len(asked) * sum(1 + len(moves) for moves in drawn))
        watching = traces.Several(trace, files)
        seen = _Seen(on_progress, watching)
        with pair_with(twin) as pair:
            cells, divergences = levels.compare_levels(
                pair, asked, drawn, seen.observe, watching.on_difference
            )
            _require_stages(own.budgets, cells)
            if search is not None:
                search.run(own, pair, program, asked[0], drawn[0])
        if divergences and program is None:
            program = tf1_references.program_of(reference, notes)
        places, causes, suspects = {}, {}, {}
        for alike in _alike(divergences):
            number, divergence = divergences[alike[0]]
            if program is None:
                break
            if divergence.tensor in found.unmatched:
                continue  # the notes name what the twin lacks
            sides = probes.Sides(
                program,
                model,
                twin,
                found.matches,
                functools.partial(pair_with, translation=of_both),
                drawn[number],
                tf1_references.initial_values(reference),
                start := copied or from_values,
            )
            said = []

            def before(parted, moves=drawn[number], start=start):
                records = tf1_references.records(played, moves, start)
                return explaining.state_before(records, parted, found.matches)

            explained = explaining.explained(sides, alike[0], divergence, before, said)
            of_level = "" if len(_alike(divergences)) == 1 else f"{', '.join(alike)}: "
            notes += [of_level + note for note in said]
            for known, value in zip((places, causes, suspects), explained, strict=True):
                if value:
                    known.update(dict.fromkeys(alike, value))
        if trace is not None:

            def network(moves, step):
                paths = {name: match.sources for name, match in found.matches.items()}
                return networks.layers(
                    *(program, model, twin, moves, step, paths, copied or from_values),
                    lambda state: translation.values(state, twin.state),
                )

            can_tap = program is not None and model is not None
            networks.explain(
                *(trace, own, drawn, divergences, places, program, notes),
                network if can_tap else None,
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
        "suspects": {
            level: [suspect.as_data() for suspect in listed]
            for level, listed in suspects.items()
        },
        "remedy": {
            level: advice.of(divergence, causes.get(level), found.unmatched)
            for level, (_, divergence) in divergences.items()
        },
        "nan": seen.nan
        and {key: getattr(seen.nan, key) for key in ("step", "stage", "tensor")},
        "worst_case": search.as_data() if search is not None else None,
        "names": found.as_map(),
        "matched": {
            name: {"how": match.how, "layout": match.layout}
            for name, match in found.matches.items()
        },
        "notes": notes,
        "recorded": reference.facts if isinstance(reference, Recording) else None,
        "replayed": replay and replay.as_data(),
    }
    nans = None if divergences else _told(seen.nan)
    return Checked(data, divergences, causes, places, nans)


def _alike(divergences):
    """[[level]] of those that part at the same place: what explains one explains all."""
    groups = {}
    for level, (number, divergence) in divergences.items():
        where = number, divergence.step, divergence.stage, divergence.tensor
        groups.setdefault(where, []).append(level)
    return list(groups.values())


def environment():
    """The reference conditions of a check: what every report of one states."""
    return {**reference_conditions.describe(), "remapping": False}


def _require_stages(budgets, cells):
    """That no budget is of a stage that nobody has, as a mistyped one is."""
    for level, seen in cells.items():
        known = [*STAGES, *(stage for stage in seen if stage not in STAGES)]
        for stage in budgets.get(level, {}):
            if stage not in known:
                raise mistake(
                    "budgets must be of stages that are compared",
                    repr(stage),
                    f"Use some of: {', '.join(known)}",
                )


def _left_out(drawn, twin):
    """The moves that the twin need not have: predictions."""
    left_out = {name for moves in drawn for name, _ in moves} - set(twin.moves)
    if left_out - {tf1_sides.PREDICT}:
        raise mistake(
            "tf2 must have every move of tf1",
            f"none for {', '.join(sorted(left_out))}",
            f"It has {', '.join(twin.moves)}",
        )
    return left_out


REMAPPED = (
    "TF1's side was recorded with Grappler's remapper on, or before recordings said so: "
    "what it fused, such as a convolution and its batch norm, rounds otherwise than here. "
    "If the two part by some ULP, record it again."
)


def _notes(reference, program, model, found):
    """Sentences about what no comparison shows: streams, and how sure the matching is."""
    is_recorded = isinstance(reference, Recording)
    remapped = is_recorded and reference.facts.get(tf1_session.REMAPPING, True)
    notes = [REMAPPED] if remapped else []
    with explaining.unless_it_fails("Random streams", notes):
        notes += streams.notes(program, model)
    notes += [
        f"{name} has no counterpart in the twin; names={{{name!r}: None}} leaves it out "
        "of the comparison."
        for name in found.unmatched
    ]
    if found.confirmed is False:
        hows = sorted({match.how for match in found.matches.values()})
        notes.append(
            "With equal values in all matched variables the two losses differ: the sides "
            f"compute something else, or the matching by {', '.join(hows)} is wrong."
        )
    return notes


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


class _Seen:
    """What is kept of the records: the last loss of each side, and ``nan``, where TF1's
    side first held what is no number."""

    def __init__(self, on_progress, watching):
        self.on_progress, self.watching = on_progress, watching
        self.losses = {"session": None}
        self._steps, self._played = collections.Counter(), collections.Counter()
        self.nan = None

    def observe(self, level, side, record):
        self.watching.on_record(level, side, record)
        step = 0 if "initial values" in record else self._steps[level, side] + 1
        self._steps[level, side] = step
        self._played[level, side, record.get(MOVE)] += 1
        if record.get("loss"):
            loss = float(np.mean(next(iter(record["loss"].values()))))
            self.losses[side] = loss if np.isfinite(loss) else None
        if side == "session" and self.nan is None:
            self.nan = self._first_nan(step, record, level)
        if side != "session":
            self.on_progress()

    def _first_nan(self, step, record, level):
        """The ``Divergence`` that the first NaN of a record would be, or None."""
        for stage, named in record.items():
            for name, value in (named or {}).items() if stage != MOVE else ():
                value = np.asarray(value)
                if value.dtype.kind == "f" and np.isnan(value).any():
                    move = record.get(MOVE)
                    number = self._played[level, "session", move] if move else None
                    place = Divergence(step, stage, name, "", None, move=move)
                    return place._replace(occurrence=number)
        return None


def _told(nan):
    """NaN on both sides as a mistake's line; None where there is none."""
    if nan is None:
        return None
    return str(
        mistake(
            "Both sides must stay numbers to prove anything",
            f"NaN on both sides, first at {nan.when}, {nan.stage}, tensor {nan.tensor}",
            "Compare fewer steps, or another rate or other batches",
        )
    )
