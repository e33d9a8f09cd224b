"""Claims about drawn calls: both names of a function give the same bits today.

What 1.15.5 gave is held elsewhere (witnessed_test.py) for fixed numbers; here Hypothesis
draws the numbers, and TF1's expression runs on today's compat.v1, TF2's on TensorFlow.
"""

import functools

import tensorflow as tf
import tensorflow.compat.v1 as tf1
from hypothesis import example, given
from hypothesis import strategies as st

from parity_tests.witness import call_rows, calls
from tf2_keras.migrate import catalogue, evidence

ROWS_AN_EXAMPLE = 12
VARIANTS = [variant for variant in calls.VARIANTS if variant != "gradient"]


@functools.cache
def rows():
    """[(TF1's expression, TF2's)] of functions of TensorFlow that are proven."""
    return [
        (before, after)
        for symbol, before, after in call_rows.rows()
        if not symbol.startswith("tf.keras.") and "tf.keras." not in after
        if (rule := catalogue.unwitnessed(symbol)) is not None
        if rule.status in evidence.PROVABLE
        if not evidence.table()[symbol].difference
    ]


@given(
    seed=st.integers(0, 2**32 - 1),
    first=st.integers(0, 999),
    variant=st.sampled_from(VARIANTS),
)
@example(seed=0, first=0, variant="plain")
@example(seed=0, first=3, variant="awkward")
def test_drawn_calls_are_bit_equal_under_both_names(seed, first, variant):
    stride = len(rows()) // ROWS_AN_EXAMPLE
    different = []
    for before, after in rows()[first % stride :: stride]:
        old = calls.outcome(tf1, before, variant, seed)
        new = calls.outcome(tf, after, variant, seed)
        # compat.v1 has kept some names that only run in a graph.
        if old[:1] != [calls.REFUSED] and old != new:
            different.append((before, variant, old, new))
    assert different == []


def test_most_rows_run_under_both_names():
    chosen = rows()[::25]
    ran = [
        before
        for before, _ in chosen
        if calls.outcome(tf1, before, "plain", 1)[:1] != [calls.REFUSED]
    ]
    assert len(rows()) > 700 and len(ran) > 0.8 * len(chosen), set(chosen) - set(ran)
