"""Claims about drawn calls: both names of a function give the same bits today.

What 1.15.5 gave is held elsewhere (witnessed_test.py) for fixed numbers; here Hypothesis
draws the numbers, and TF1's expression runs on today's compat.v1, TF2's on TensorFlow.
"""

import contextlib
import functools
import operator
import re
import types

import tensorflow as tf
import tensorflow.compat.v1 as tf1
from hypothesis import example, given
from hypothesis import strategies as st

from parity_tests.witness import call_rows, calls, process_state
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
        if "({x: " not in before  # today no tensor can be a key, under either name
    ]


@given(
    seed=st.integers(0, 2**32 - 1),
    first=st.integers(0, 999),
    variant=st.sampled_from(VARIANTS),
)
@example(seed=0, first=0, variant="plain")
@example(seed=0, first=3, variant="awkward")
@example(seed=24, first=51, variant="plain")
@process_state.as_new()
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


@process_state.as_new()
def test_most_rows_run_under_both_names():
    chosen = rows()[::25]
    ran = [
        before
        for before, _ in chosen
        if calls.outcome(tf1, before, "plain", 1)[:1] != [calls.REFUSED]
    ]
    assert len(rows()) > 700 and len(ran) > 0.8 * len(chosen), set(chosen) - set(ran)


# What cannot be called on small arrays: classes, raw ops, constants, modules. Nothing is
# drawn where both names are one object; where they are two, the reason is stated.

KEPT_CLASSES = "compat.v1 keeps its own class, a base or a subclass of today's"
TWO_OBJECTS = {
    "tf.data.experimental.SqlDataset": KEPT_CLASSES,
    "tf.data.experimental.make_csv_dataset": "its data set is of compat.v1's class",
    "tf.distribute.OneDeviceStrategy": KEPT_CLASSES,
    "tf.distribute.ReplicaContext": KEPT_CLASSES,
    "tf.distribute.Strategy": KEPT_CLASSES,
    "tf.distribute.StrategyExtended": KEPT_CLASSES,
    "tf.distribute.experimental.CentralStorageStrategy": KEPT_CLASSES,
    "tf.executing_eagerly": "compat.v1's calls today's",
    "tf.image.ResizeMethod": "numbers there, words here",
    "tf.saved_model.contains_saved_model": "today's calls compat.v1's",
    "tf.saved_model.maybe_saved_model_directory": "today's calls compat.v1's",
    "tf.train.Checkpoint": KEPT_CLASSES,
    "tf.train.sdca_optimizer": "its raw op takes keywords only",
    "tf.train.sdca_shrink_l1": "its raw op takes keywords only",
}


def alive_under_both_names():
    """{symbol: (compat.v1's object, today's)} of what is called alike without a test."""
    pairs = {}
    for rule in catalogue.every():
        row = catalogue.api().get(rule.symbol)
        known = evidence.table().get(rule.symbol)
        if row is None or not row.in_tf1 or rule.status not in evidence.PROVABLE:
            continue
        if rule.evidence != evidence.UNPROVEN:
            continue
        now = rule.symbol
        if rule.status == "renamed":
            now = re.match(r"[\w.]*", (known and known.successor) or rule.replacement)[
                0
            ]
        if not now.startswith("tf.") or now.startswith("tf.compat.v1."):
            continue
        with contextlib.suppress(AttributeError):
            old = operator.attrgetter(rule.symbol.removeprefix("tf."))(tf1)
            pairs[rule.symbol] = old, operator.attrgetter(now.removeprefix("tf."))(tf)
    return pairs


def test_what_is_not_called_is_one_object_under_both_names():
    different = set()
    pairs = alive_under_both_names()
    for symbol, (old, now) in pairs.items():
        if isinstance(now, (int, float, str, tuple, types.ModuleType)):
            same = isinstance(old, types.ModuleType) or old == now
        else:  # a method is bound anew each time that it is looked up
            same = getattr(old, "__func__", old) is getattr(now, "__func__", now)
        if not same:
            different.add(symbol)
    assert len(pairs) > 1500
    assert different == set(TWO_OBJECTS)
