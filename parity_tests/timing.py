"""Steps per second of the Session and of each level, interleaved in one run.

Machines are noisy: what counts is the ratio to the Session, taken round by round, and of
these ratios the median. Each side reads its own input pipeline, the numpy generator or
the tf.data one, as its program does. Start-up (building, tracing, the first step) is
stated apart.
"""

import itertools
import statistics
import time

from parity_tests import chapters
from tf1_graph import session as tf1_session
from tf2_keras import training

SIDES = ("session", *training.LEVELS)


def measure(name, fields, train, seconds=1.0, rounds=5, on_round=None, sides=SIDES):
    """How fast a chapter trains on each side.

    Args:
        name: a chapter.
        fields: {field of its Config: value}.
        train: what the chapter's ``load`` returned to train on.
        seconds: the Session's time in one round; sets the steps of a round.
        rounds: how many rounds, each of every side in turn.
        on_round: called after each round of each side.
        sides: which of ``SIDES``; the Session always runs.

    Returns:
        {side: {"steps_per_second": median, "ratio": median of the ratios to the Session
        of the same round, "start_seconds": building, tracing and the first steps}}.
    """
    meeting_point = chapters.meeting_point(name)
    graph, twin = chapters.graph(name), chapters.twin(name)
    config = graph.Config(**fields)
    started, starts = {}, {}

    def start(side, build):
        begin = time.perf_counter()
        started[side] = build()
        started[side](1)
        starts[side] = time.perf_counter() - begin

    def session():
        built = graph.build(config)
        opened = tf1_session.open_session(built)
        tf1_session.initialise(opened, built)
        batches = meeting_point.batches(train, config)
        return lambda steps: tf1_session.train(
            opened, built, itertools.islice(batches, steps)
        )

    def level(side, steps_per_execution):
        model = twin.build(twin.Config(**fields))
        ready = training.Training(
            model,
            twin.checkpoint_names(model),
            meeting_point.example_batch(config),
            steps_per_execution,
        )
        dataset = meeting_point.dataset(train, config)
        if side != "fit":  # fit makes its own iterator
            dataset = iter(dataset)
        return lambda steps: ready.train(dataset, side, steps)

    start("session", session)
    steps = _steps_that_take(seconds, started["session"])
    for side in sides:
        if side != "session":
            start(side, lambda side=side: level(side, min(steps, 50)))

    taken = {side: [] for side in started}
    for _ in range(rounds):
        for side, run in started.items():
            # Eager is many times slower on small models: a tenth of the steps will do.
            count = max(1, steps // 10) if side == "eager" else steps
            begin = time.perf_counter()
            run(count)
            taken[side].append((time.perf_counter() - begin) / count)
            if on_round is not None:
                on_round()
    return {
        side: {
            "steps_per_second": 1 / statistics.median(times),
            "ratio": statistics.median(
                reference / own for reference, own in zip(taken["session"], times)
            ),
            "start_seconds": starts[side],
        }
        for side, times in taken.items()
    }


def _steps_that_take(seconds, run):
    run(2)  # warm
    begin = time.perf_counter()
    run(5)
    return max(2, round(5 * seconds / (time.perf_counter() - begin)))
