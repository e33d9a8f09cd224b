"""Trains chapters twice and gathers what `tf-parity run` prints and writes.

The result is plain data, valid JSON:

    {"environment": {...},
     "chapters": {NAME: {"config": {...}, "steps": N,
                         "levels": {LEVEL: {STAGE: {"max_ulp", "normwise", "budget",
                                                    "ok"}}},
                         "result": {"metric": ..., "session": ..., LEVEL: ...},
                         "steps_per_second": {"session": ..., LEVEL: ...},
                         "first_divergence": {LEVEL: ...}}}}
"""

import dataclasses
import itertools
from typing import NamedTuple

from parity_tests.models import chapters, timing
from parity_tests.models.pair import Pair
from tf2_keras import training


class Request(NamedTuple):
    """What one chapter is to be run with.

    steps, batch_size: None for the chapter's own.
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
    per_level = request.steps + 1
    return len(request.levels) * per_level + _TIMING_ROUNDS * (len(request.levels) + 1)


_TIMING_ROUNDS = 3
_TIMING_SECONDS = 0.4


def run_chapter(request, on_progress=lambda: None):
    """Compares one chapter at every level, scores both sides and times them.

    Returns:
        (data as above, {level: engine Divergence}).
    """
    fault = chapters.faults(request.name)[request.fault] if request.fault else None
    if fault and fault.both:
        # A run keeps its own configuration: that of the data, for one.
        kept = {k: v for k, v in fault.both.items() if k not in request.fields}
        fault = fault._replace(both=kept)
    meeting_point = chapters.meeting_point(request.name)
    levels, divergences, result = {}, {}, {"metric": meeting_point.METRIC}
    with Pair(request.name, request.fields, fault) as pair:

        def batches():
            endless = meeting_point.batches(request.train, pair.config)
            return itertools.islice(endless, request.steps)

        for level in request.levels:
            comparison = pair.compare(batches, level, on_step=on_progress)
            levels[level] = {
                stage: cell.as_data() for stage, cell in comparison.cells.items()
            }
            if comparison.first_divergence is not None:
                divergences[level] = comparison.first_divergence
            if "session" not in result:  # the Session trains alike for every level
                result["session"] = meeting_point.score(
                    request.test, lambda x: pair.predict("session", x)
                )
            result[level] = meeting_point.score(
                request.test, lambda x: pair.predict("twin", x)
            )
        config = dataclasses.asdict(pair.config)
    speeds = timing.measure(
        request.name,
        request.fields,
        request.train,
        seconds=_TIMING_SECONDS,
        rounds=_TIMING_ROUNDS,
        on_round=on_progress,
        sides=("session", *request.levels),
    )
    data = {
        "config": config,
        "steps": request.steps,
        "levels": levels,
        "result": result,
        "steps_per_second": {
            side: speed["steps_per_second"] for side, speed in speeds.items()
        },
        "first_divergence": {
            level: divergence.as_data() for level, divergence in divergences.items()
        },
    }
    return data, divergences
