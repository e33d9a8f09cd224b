"""Claims about the trace of a comparison: it says what was so, however long a play is."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.engine.small_plays import STEPS, small_run
from parity_tests.engine.ulps import INCOMPARABLE
from parity_tests.pair import stored_pairs, traces

SESSION = traces.SESSION


def test_both_losses_and_every_distance_are_kept():
    trace = stored_pairs.parting().trace.levels["fit"]
    reference, candidate = small_run(), small_run(one_step_late=True)
    for side, records in ((SESSION, reference), ("fit", candidate)):
        expected = [(n, float(r["loss"]["loss"])) for n, r in enumerate(records) if n]
        assert trace.losses[side] == {"loss": expected}
    assert trace.steps == STEPS and trace.width == 1
    assert trace.drift("initial values") == {}
    assert min(trace.drift("slots")) == 1 and min(trace.drift("loss")) == 2
    for tensor in ("dense/kernel", "dense/bias"):
        assert trace.worst("slots", tensor) <= trace.worst("slots")
    assert trace.measured["loss"] == set(range(1, STEPS + 1))
    assert trace.measured["initial values"] == {0}


def test_of_several_plays_the_last_is_kept():
    assert stored_pairs.subject(examples=3).trace.levels["fit"].play == 2
    # A level ends at the first play that parts.
    assert stored_pairs.parting(examples=3).trace.levels["fit"].play == 0


@given(
    st.integers(1, 3000),
    st.dictionaries(st.integers(1, 3000), st.integers(1, INCOMPARABLE), max_size=20),
)
def test_a_long_play_takes_little_memory_and_loses_no_worst(steps, distances):
    trace = traces.LevelTrace("fit", 0)
    for step in range(steps + 1):
        record = (
            {"loss": {"loss": np.float32(step)}} if step else {"initial values": {}}
        )
        trace.record(SESSION, record)
        if step in distances:
            trace.difference(step, "loss", "loss", distances[step])
    seen = {step: ulps for step, ulps in distances.items() if step <= steps}
    assert trace.columns <= traces.COLUMNS
    assert trace.worst("loss") == max(seen.values(), default=0)
    assert set(trace.drift("loss")) == {trace.column(step) for step in seen}
    points = trace.losses[SESSION]["loss"]
    assert len(points) <= traces.MOST_STEPS + 1
    assert points[-1] == (steps, float(steps))
    assert points == sorted(set(points)) and all(step == loss for step, loss in points)


def test_observers_hear_the_same_and_nones_are_left_out():
    heard = []

    class Observer:
        def on_record(self, *said):
            heard.append(said)

        on_difference = on_record

    several = traces.Several(None, Observer(), Observer())
    several.on_record("fit", SESSION, {})
    several.on_difference("fit", 1, "loss", "loss", 3)
    assert len(heard) == 4 and heard[0] == heard[1] and heard[2] == heard[3]
    assert traces.Several(None).on_difference is None
