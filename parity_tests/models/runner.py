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
from parity_tests.pair import levels
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
    config = chapters.graph(request.name).Config(**request.fields)
    evaluated = len(chapters.setup(request.name).evaluation(request.test, config))
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
    result, outputs = {"metric": setup.METRIC}, {}

    def on_record(level, side, record):
        if record.get("outputs"):
            outputs.setdefault((level, side), []).append(record["outputs"])
        if side == level:
            on_progress()

    with ChapterPair(request.name, request.fields, fault) as pair:

        def moves():
            training_moves = setup.moves(request.train, pair.config)
            yield from itertools.islice(training_moves, request.steps)
            yield from setup.evaluation(request.test, pair.config)

        cells, divergences = levels.compare_levels(
            pair, request.levels, [moves], on_record
        )
        config = dataclasses.asdict(pair.config)
    for level in request.levels:
        for side in ("session", level):
            seen = outputs.get((level, side))
            result[side] = setup.score(request.test, seen) if seen else None
    divergences = {level: divergence for level, (_, divergence) in divergences.items()}
    data = {
        "config": config,
        "steps": request.steps,
        "levels": cells,
        "result": result,
        "first_divergence": {
            level: divergence.as_data() for level, divergence in divergences.items()
        },
    }
    return data, divergences
