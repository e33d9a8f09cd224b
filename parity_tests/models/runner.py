"""Plays chapters on both sides and gathers what `tf-parity run` prints and writes.

The result is plain data, valid JSON:

    {"environment": {...},
     "chapters": {NAME: {"config": {...}, "steps": N,
                         "levels": {LEVEL: {STAGE: {"max_ulp", "normwise", "budget",
                                                    "ok"}}},
                         "result": {"metric": ..., "session": ..., LEVEL: ...},
                         "losses": {"session": {LOSS: [[move, value], ...]}, LEVEL: ...},
                         "reference": "..." where it is no Session of this process,
                         "first_divergence": {LEVEL: ...}}}}
"""

import dataclasses
import itertools
import os
from typing import NamedTuple

import numpy as np

from parity_tests.models import chapters, reading
from parity_tests.models.pair import ChapterPair, ProgramPair
from parity_tests.pair import event_files, levels, networks, traces
from tf2_keras import training

# What stands in for the Session of a chapter that is ``chapters.recorded``.
RECORD = "TensorFlow 1.15.5's record"


class Request(NamedTuple):
    """What one chapter is to be run with.

    steps: moves that train, before those whose outputs are scored; of a program, what its
        Config calls so.
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


def scored(name, test):
    """Of what a chapter's ``load`` returned to score on, what a run scores."""
    most = getattr(chapters.setup(name), "SCORED", None)
    return test if most is None else tuple(part[:most] for part in test)


def units(request):
    """How many times ``run_chapter`` calls ``on_progress``."""
    if request.name in chapters.PROGRAMS:
        return len(request.levels)
    config = chapters.graph(request.name).Config(**request.fields)
    evaluated = len(chapters.setup(request.name).evaluation(request.test, config))
    return len(request.levels) * (1 + request.steps + evaluated)


def run_chapter(request, on_progress=lambda: None, trace=None, files=None):
    """Builds one chapter once, compares it at every level, and scores both sides.

    Args:
        trace: a ``traces.Trace`` to be filled, for a report, or None.
        files: ``event_files.EventFiles`` to be written, or None.

    Returns:
        (data as above, {level: engine Divergence}).
    """
    fault = chapters.faults(request.name)[request.fault] if request.fault else None
    if fault and fault.both:
        # A run keeps its own configuration: that of the data, for one.
        kept = {k: v for k, v in fault.both.items() if k not in request.fields}
        fault = fault._replace(both=kept)
    watching = traces.Several(trace, files)
    if request.name in chapters.PROGRAMS:
        return _run_program(request, fault, watching, on_progress)
    setup = chapters.setup(request.name)
    result, outputs = {"metric": setup.METRIC}, {}
    losses = {side: Losses() for side in ("session", *request.levels)}

    def on_record(level, side, record):
        watching.on_record(level, side, record)
        # A Session's are the same beside every level.
        if side == level or level == request.levels[0]:
            losses[side].record(record)
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
            pair, request.levels, [moves], on_record, watching.on_difference
        )
        config = dataclasses.asdict(pair.config)
        for level, (_, divergence) in divergences.items() if trace else ():
            _explain(trace.levels[level], pair, moves(), divergence)
    for level in request.levels:
        for side in ("session", level):
            seen = outputs.get((level, side))
            result[side] = setup.score(request.test, seen) if seen else None
    by_side = {side: seen.by_name for side, seen in losses.items() if seen.by_name}
    return _reported(request, config, cells, result, divergences, by_side)


def _run_program(request, fault, watching, on_progress):
    """``run_chapter`` of one of ``chapters.PROGRAMS``: what it reaches is its records."""
    result = {"metric": "records", "session": 0, **dict.fromkeys(request.levels, 0)}

    def on_record(level, side, record):
        watching.on_record(level, side, record)
        if side == level and not result[level]:
            on_progress()
        if side == level or level == request.levels[0]:
            result[side] += 1

    fields = {**request.fields, "steps": request.steps}
    with ProgramPair(request.name, fields, fault) as pair:
        compared = levels.compare_levels(
            pair,
            request.levels,
            [lambda: request.train],
            on_record,
            watching.on_difference,
        )
    config = dataclasses.asdict(pair.config)
    data, divergences = _reported(request, config, compared[0], result, compared[1])
    if pair.recorded:
        data["reference"] = RECORD
    return data, divergences


def _reported(request, config, cells, result, divergences, losses=None):
    """(what a report says of the chapter, {level: engine Divergence})."""
    divergences = {level: divergence for level, (_, divergence) in divergences.items()}
    data = {
        "config": config,
        "steps": request.steps,
        "levels": cells,
        "result": result,
        "losses": losses or {},
        "first_divergence": {
            level: divergence.as_data() for level, divergence in divergences.items()
        },
    }
    return data, divergences


class Losses:
    """The losses of one side's records.

    by_name: {loss: [[number of the move, from 1, value]]}; no value that is not finite.
    """

    def __init__(self):
        self.by_name = {}
        self._moves = -1  # the first record is of the initial values

    def record(self, record):
        self._moves += 1
        for name, value in (record.get("loss") or {}).items():
            value = float(np.mean(value))
            if np.isfinite(value):
                # As many digits as tell two numbers of float32 apart.
                points = self.by_name.setdefault(name, [])
                points.append([self._moves, float(f"{value:.9g}")])


class Outcome(NamedTuple):
    """What came of one request.

    data, divergences: what ``run_chapter`` returned.
    trace: the ``traces.Trace``, or None.
    """

    data: dict
    divergences: dict
    trace: traces.Trace | None


def outcome(request, traced=False, logdir=None, on_progress=lambda: None):
    """The Outcome of a request, run in this process.

    traced: whether a report needs a trace.
    logdir: folder of event files to be written, or None.
    """
    trace = traces.Trace() if traced else None
    with event_files.opened(logdir and os.path.join(logdir, request.name)) as files:
        return Outcome(*run_chapter(request, on_progress, trace, files), trace)


# {stage: the function of a chapter's two files that makes it}.
MAKES = {
    "initial values": "inference",
    "outputs": "inference",
    "loss": "loss",
    "gradients": "loss",
    "slots": "optimizer",
    "updates": "optimizer",
}


def _explain(trace, pair, moves, divergence):
    """Adds the network and the two sources to the trace of a level that parts."""
    played = list(itertools.islice(moves, max(1, divergence.step)))
    trace.layers = networks.layers(
        pair.program,
        pair.model,
        pair.twin,
        played,
        divergence.step,
        {name: (path,) for name, path in pair.names.items()},
    )
    name = MAKES.get(divergence.stage)
    paths = reading.sources(pair.name)
    passages = next(
        (
            row
            for row in reading.aligned(pair.name)
            if name in [passage and passage.name for passage in row]
        ),
        (None, None),
    )
    trace.sources = [
        networks.Source(
            title, str(path), passage.first_line, tuple(passage.source.splitlines())
        )
        for title, path, passage in zip(
            ("TF1", "the twin"), paths, passages, strict=True
        )
        if passage is not None
    ]
