"""Compares goldens with what today's compat.v1 and the twins compute."""

import importlib
import json
import pathlib

from parity_tests.engine import budgets, processors
from parity_tests.engine.budgets import Budget
from parity_tests.engine.comparison import compare_plays
from parity_tests.engine.records import MOVE
from parity_tests.models import chapters, programs, runner
from parity_tests.models.pair import ChapterPair, ProgramPair
from parity_tests.pair.pair import Pair
from parity_tests.witness import golden, runs
from parity_tests.witness.recordables import PLAY
from tf1_graph.parts import cases

GOLDENS = pathlib.Path(__file__).parents[1] / "goldens"
SIDES = ("compat.v1", "function", "fit")
PART_SIDES = ("compat.v1", "function")
EXACT = Budget()
FLOAT64 = ", float64"  # what a level of a part's plays in float64 ends with
OF_PLAY = ": "  # between a play's name and a tensor's
OF_SIDE = ", "  # between a level and a play's name


def sides_of(chapter):
    """What a chapter's golden is compared with: ``SIDES``, or a program's own levels.

    Without compat.v1 where that cannot run it; there each further play is a side, too.
    """
    levels = chapters.levels(chapter)
    plays = chapters.recorded(chapter)
    if plays:
        return tuple(
            level if play == PLAY else level + OF_SIDE + play
            for play in plays
            for level in levels
        )
    return ("compat.v1", *levels) if levels else SIDES


def compare(stored, play, records, budget_for=None, **options):
    """Compares a stored play with another one of the same moves.

    Args:
        stored: a ``golden.Golden``.
        play: the name of one of its plays.
        records: of the other play, an iterable, whole tensors as they are.
        budget_for: (stage, tensor) -> Budget, or None for 0 ULP; it is asked for a large
            tensor by its own name. Where it is 0 ULP, hashes must agree.
        **options: of engine.comparison.Comparison.

    Returns:
        engine.comparison.Comparison, finished.
    """
    exact = exact_where(budget_for)
    return compare_plays(
        stored.play(play, exact),
        stored.like(play, records, exact),
        budget_for=granted_by(budget_for),
        **options,
    )


def compare_recordings(stored, other, play):
    """Compares two goldens' plays of one name: to the bit, if on one kind of processor.

    Args:
        stored, other: of the same chapter or part, each a ``golden.Golden``.
        play: as above.
    """
    budget_for = None
    if not processors.same_kind(stored.facts, other.facts):
        budget_for = budget_of(stored, play, chapters.ANOTHER_CPU)
    exact = exact_where(budget_for)
    return compare_plays(
        stored.play(play, exact),
        other.play(play, exact),
        budget_for=granted_by(budget_for),
    )


def exact_where(budget_for):
    """(stage, tensor) -> whether no difference is granted, so that hashes must agree."""

    def exact(stage, tensor):
        budget = (budget_for and budget_for(stage, tensor)) or EXACT
        return not budget.ulp and budget.normwise is None

    return exact


def granted_by(budget_for):
    """(stage, what stands for a tensor) -> Budget, of one by the tensors' own names."""

    def granted(stage, tensor):
        if tensor.endswith((golden.SHAPE, golden.SHA256)):
            return EXACT
        for suffix in (golden.SAMPLED, golden.LARGEST):
            tensor = tensor.removesuffix(suffix)
        return (budget_for and budget_for(stage, tensor)) or EXACT

    return granted


def legs(name, folder=None, onednn=True):
    """Yields (chapter or part, side, Comparison) of everything under one golden's name.

    Args:
        name: one of ``recordables.NAMES``.
        folder: that holds goldens by name; by default those that come along.
        onednn: whether this process runs with oneDNN: another budget applies without.
    """
    stored = golden.Golden(pathlib.Path(folder or GOLDENS) / name)
    if "chapter" in stored.facts:
        for side, comparison in chapter_legs(stored, onednn):
            yield name, side, comparison
    else:
        yield from part_legs(stored)


def chapter_legs(stored, onednn=True, fault=None, sides=None, **options):
    """Yields (side, Comparison): a chapter's golden against compat.v1 and its twin.

    Args:
        stored: the ``golden.Golden`` of a chapter.
        onednn: as above.
        fault: a ``pair.Fault`` to plant in the twin.
        sides: some of ``sides_of`` the chapter; by default all.
        **options: of engine.comparison.Comparison.
    """
    name = stored.facts["chapter"]
    fields = {key: _hashable(value) for key, value in stored.facts["config"].items()}
    if name in chapters.PROGRAMS:
        yield from _program_legs(stored, fields, onednn, fault, sides, **options)
        return
    # The golden's configuration stays, whatever a fault would show best under.
    with ChapterPair(name, fields, fault and fault._replace(both=None)) as pair:
        for side in sides or sides_of(name):
            moves = runs.moves_of(name, pair.config, stored.facts["steps"])
            if side == "compat.v1":
                records = pair.reference(moves)
            else:
                records = pair.candidate(moves, side)
            budget_for = budget_here(stored, PLAY, onednn)
            yield side, compare(stored, PLAY, records, budget_for, **options)


def _program_legs(stored, fields, onednn, fault, sides, **options):
    """``chapter_legs`` of one of ``chapters.PROGRAMS``: compat.v1 and its own levels."""
    name = stored.facts["chapter"]
    train, _ = chapters.setup(name).load(None, runs.SEED)
    for side in sides or sides_of(name):
        level, _, play = side.partition(OF_SIDE)
        play = play or PLAY
        budget_for = budget_here(stored, play, onednn)
        played = {**fields, **chapters.recorded(name).get(play, {})}
        with ProgramPair(name, played, fault and fault._replace(both=None)) as pair:
            if side == "compat.v1":
                history = pair.reference(train)
            else:
                history = pair.played(train, level)
            records = programs.without_text(history)
            yield side, compare(stored, play, records, budget_for, **options)


def part_legs(stored, parts=None, sides=PART_SIDES):
    """Yields (part, side, Comparison): all plays of a part against compat.v1 and twin.

    The plays of a part follow one another; a tensor's name begins with its play's.

    Args:
        stored: the ``golden.Golden`` of a kind of parts.
        parts: some of the kind's; by default all.
        sides: some of ``PART_SIDES``.
    """
    graph_side, twin_side = (
        side_of_parts(room, stored) for room in ("tf1_graph", "parity_tests")
    )
    recorded = dict.fromkeys(case.part for case in graph_side.CASES.values())
    for part in recorded if parts is None else parts:
        played = {side: {} for side in sides}
        for play, case in graph_side.CASES.items():
            if case.part != part:
                continue
            program, *played_with = graph_side.play(case)
            moves, values, settings = played_with
            twin = twin_side.twin(case.part, case.arguments, case.problem)
            with Pair(program, twin) as pair:
                records = {
                    "compat.v1": pair.reference(*played_with),
                    "function": pair.candidate(moves, "function", values, settings),
                }
                for side in sides:
                    played[side][play] = list(cases.kept(case, records[side]))
        for side, plays in played.items():
            yield part, side, _compare_plays_of_a_part(stored, plays)


def side_of_parts(room, stored):
    """The module of a room that has a side of what a golden of parts records."""
    return importlib.import_module(f"{room}.parts.{stored.facts['kind']}")


def _compare_plays_of_a_part(stored, plays):
    budgets_of = {play: budget_here(stored, play) for play in plays}

    def together(records_of):
        for play, budget_for in budgets_of.items():
            for record in records_of(play, exact_where(budget_for)):
                yield {
                    stage: tensors
                    if stage == MOVE
                    else {play + OF_PLAY + name: tensors[name] for name in tensors}
                    for stage, tensors in record.items()
                }

    def budget_for(stage, tensor):
        play, _, tensor = tensor.partition(OF_PLAY)
        return budgets_of[play](stage, tensor)

    return compare_plays(
        together(stored.play),
        together(lambda play, exact: stored.like(play, plays[play], exact)),
        budget_for=granted_by(budget_for),
    )


def budget_here(stored, play, onednn=True):
    """(stage, tensor) -> Budget of a golden's play against what this process computes."""
    return budget_of(stored, play, *chapters.levels_of_budgets(stored.facts, onednn))


def budget_of(stored, play, *levels):
    """(stage, tensor) -> Budget of a golden's play at levels of budgets.

    Those of a part are for float32; what float64 is off by has a level of its own.
    """
    if "chapter" in stored.facts:
        return budgets.budget_for(stored.facts["chapter"], *levels)
    part = side_of_parts("tf1_graph", stored).CASES[play].part
    suffix = FLOAT64 * ("float64" in play)
    return budgets.budget_for(part, *(level + suffix for level in levels))


def losses(name, config):
    """What 1.15.5 recorded of a chapter's losses, as ``tf-parity run --json`` writes it.

    Args:
        name: of a chapter.
        config: {field: value} of what was run.

    Returns:
        {"tensorflow": its version, "cpu": ..., "losses": {loss: [[move, value]]}}; None
        if it was recorded with another configuration.
    """
    stored = golden.Golden(GOLDENS / name)
    if stored.facts.get("config") != json.loads(json.dumps(config)):
        return None
    seen = runner.Losses()
    for record in stored.kept(PLAY):
        whole = {
            name: kept.elements
            for name, kept in record.get("loss", {}).items()
            if kept.largest is None
        }
        seen.record({"loss": whole})
    facts = {key: stored.facts[key] for key in ("tensorflow", "cpu")}
    return {**facts, "losses": seen.by_name}


def _hashable(value):
    """JSON's lists as the tuples that they were."""
    return tuple(map(_hashable, value)) if isinstance(value, list) else value
