"""Plays chapters on both sides and gathers what `tf-parity run` prints and writes.

The result is plain data, valid JSON:

    {"environment": {...},
     "chapters": {NAME: {"config": {...}, "steps": N,
                         "levels": {LEVEL: {STAGE: {"max_ulp", "normwise", "budget",
                                                    "ok"}}},
                         "result": {"metric": ..., "session": ..., LEVEL: ...},
                         "first_divergence": {LEVEL: ...}}}}
"""

import dataclasses
import itertools
from typing import NamedTuple

from parity_tests.models import chapters
from parity_tests.models.pair import ChapterPair
from tf2_keras import training


class Request(NamedTuple):
    """What one chapter is to be run with.

    steps: moves that train, before those whose outputs are scored.
    train, test: what the chapter's ``load`` returned.
    fault: name of a planted fault, or None.
    """

    name: str
    fields: dict
    train: tuple
    test: tuple
    steps: int
    levels: tuple = training.LEVELS
    fault: str | None = None


def units(request):
    """How many times ``run_chapter`` calls ``on_progress``."""
    evaluated = len(chapters.setup(request.name).evaluation(request.test))
    return len(request.levels) * (1 + request.steps + evaluated)


def run_chapter(request, on_progress=lambda: None):
    """Builds one chapter once, compares it at every level, and scores both sides.

    Returns:
        (data as above, {level: engine Divergence}).
    """
    fault = chapters.faults(request.name)[request.fault] if request.fault else None
    if fault and fault.both:
        # A run keeps its own configuration: that of the data, for one.
        kept = {k: v for k, v in fault.both.items() if k not in request.fields}
        fault = fault._replace(both=kept)
    setup = chapters.setup(request.name)
    levels, divergences, result = {}, {}, {"metric": setup.METRIC}
    with ChapterPair(request.name, request.fields, fault) as pair:

        def moves():
            training_moves = setup.moves(request.train, pair.config)
            yield from itertools.islice(training_moves, request.steps)
            yield from setup.evaluation(request.test)

        for level in request.levels:
            outputs = {"session": [], level: []}

            def keep(side, record, outputs=outputs):
                if record.get("outputs"):
                    outputs[side].append(record["outputs"])

            def observe(record, level=level, keep=keep):
                keep(level, record)
                on_progress()

            comparison = pair.compare(
                moves,
                level,
                on_reference=lambda record, keep=keep: keep("session", record),
                on_candidate=observe,
            )
            levels[level] = {
                stage: cell.as_data() for stage, cell in comparison.cells.items()
            }
            if comparison.first_divergence is not None:
                divergences[level] = comparison.first_divergence
            for side, seen in outputs.items():
                result[side] = setup.score(request.test, seen) if seen else None
        config = dataclasses.asdict(pair.config)
    data = {
        "config": config,
        "steps": request.steps,
        "levels": levels,
        "result": result,
        "first_divergence": {
            level: divergence.as_data() for level, divergence in divergences.items()
        },
    }
    return data, divergences
