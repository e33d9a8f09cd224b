"""Claims about the evidence: what the catalogue calls same is what 1.15.5 computed.

The golden holds what TensorFlow 1.15.5 gave in some thousands of calls; here they are run
again, in the TensorFlow that is installed.
"""

import functools
import inspect

import keras
import pytest
import tensorflow as tf

from parity_tests.migrate import witnessed
from parity_tests.witness import api, call_rows, calls, process_state
from tf2_keras.migrate import api_table, bindings, catalogue, differences, evidence

PARTS = 8  # of the calls, so that a failure names its neighbourhood
SAID = ("changes", "restructure", "gone")


@functools.cache
def golden():
    return calls.read(witnessed.GOLDEN)[1]


def symbols_of_part(part):
    symbols = sorted({row[0] for row in witnessed.rows()})
    return symbols[part::PARTS]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_calls_give_what_1_15_5_gave(part):
    """Each symbol differs from 1.15.5 where evidence.tsv says so, and nowhere else."""
    stored, wrong = evidence.table(), []
    measured = witnessed.measured(tf, golden(), set(symbols_of_part(part)))
    for symbol, outcomes in measured.items():
        told = stored[symbol].difference
        difference = witnessed.difference_of(outcomes)
        only_there = "with Keras" in told and keras.__version__ not in told
        if bool(difference) != bool(told) and not only_there:
            wrong.append((symbol, difference, told))
    assert wrong == [], f"Keras {keras.__version__}, TensorFlow {tf.__version__}"
    assert len(measured) > 100


# Some of the 226 symbols whose results hang on what the process was told.
READERS = (
    "tf.config.get_soft_device_placement",
    "tf.config.optimizer.get_experimental_options",
    "tf.debugging.get_log_device_placement",
    "tf.initializers.ones",
    "tf.keras.constraints.MaxNorm",
    "tf.keras.layers.AveragePooling1D",
    "tf.keras.layers.Dense",
    "tf.keras.regularizers.get",
    "tf.parallel_stack",
    "tf.while_loop",
)


@pytest.mark.slow
def test_calls_see_nothing_of_what_ran_before_them_in_their_process():
    alone = witnessed.measured(tf, golden(), READERS)
    with process_state.as_other():
        after_others = witnessed.measured(tf, golden(), READERS)
        unsettled = {
            symbol: [
                calls.outcome(tf, expression, variant) for expression, variant, _ in row
            ]
            for symbol, row in alone.items()
        }
    assert set(alone) == set(READERS) and after_others == alone
    for symbol, row in alone.items():  # each would have seen it
        outcomes = [
            calls.outcome(tf, expression, variant) for expression, variant, _ in row
        ]
        assert unsettled[symbol] != outcomes, symbol


def test_nothing_that_differs_is_called_same():
    for symbol, row in evidence.table().items():
        rule = catalogue.find(symbol)
        if row.difference and "NaN" not in row.difference:
            assert rule.status in SAID, (symbol, rule.status, row.difference)


def test_nothing_whose_arguments_differ_is_called_same():
    """Held against the objects of today, not against the table of them."""
    checked = 0
    for symbol, recorded in api_table.api().items():
        if not recorded.in_tf1 or recorded.kind not in ("function", "class"):
            continue
        rule = catalogue.find(symbol)
        if rule.status != "same" or not api.exists(tf, symbol):
            continue
        if symbol in witnessed.MADE_ELSEWHERE:
            continue
        found = evidence.beside(symbol, api.describe(api.reach(tf, symbol))[1])
        assert found == (), (symbol, [str(difference) for difference in found])
        checked += 1
    assert checked > 500


def test_evidence_stands_only_where_something_was_run():
    kinds = {kind: [] for kind in evidence.TESTS}
    for symbol, row in evidence.table().items():
        if row.kind:
            kinds[row.kind].append(symbol)
            assert row.calls > 0, symbol
    assert len(kinds["golden"]) > 900
    with_rows = {row[0] for row in witnessed.rows()}
    assert sorted(set(kinds["golden"]) - with_rows) == []


def test_no_symbol_of_keras_is_proven_by_todays_tensorflow_alone():
    for rule in catalogue.every():
        if rule.symbol.startswith("tf.keras.") and rule.status in evidence.PROVABLE:
            one_object = "test_the_old_name_and_the_new_one_are_one_object"
            assert not rule.evidence.endswith(one_object), rule.symbol


@pytest.mark.parametrize(
    "symbol, told",
    [
        ("tf.keras.regularizers.l1_l2", "0.01"),
        ("tf.keras.losses.CosineSimilarity", "opposite sign"),
        ("tf.keras.losses.cosine_similarity", "opposite sign"),
        ("tf.keras.layers.GRUCell", "reset_after"),
        ("tf.keras.activations.hard_sigmoid", "0.2 x + 0.5"),
        ("tf.keras.metrics.binary_accuracy", "shape"),
        ("tf.keras.layers.LSTMCell", "hard_sigmoid"),
    ],
)
def test_what_was_called_same_and_is_not(symbol, told):
    rule = catalogue.find(symbol)
    assert rule.status == "changes"
    assert told in rule.note


@pytest.mark.parametrize(
    "symbol, call, status",
    [
        ("tf.zeros_like", bindings.Call(1, {}), "same"),
        ("tf.matmul", bindings.Call(2, {}), "same"),
        ("tf.keras.regularizers.l2", bindings.Call(0, {}), "same"),
        ("tf.keras.regularizers.l2", bindings.Call(1, {}), "same"),
        ("tf.keras.regularizers.l2", bindings.Call(0, {"l": 0.1}), "renamed"),
        ("tf.keras.regularizers.l1_l2", bindings.Call(0, {}), "changes"),
    ],
)
def test_only_a_call_that_is_touched_changes(symbol, call, status):
    assert catalogue.decide(catalogue.find(symbol), call).status == status


@pytest.mark.parametrize(
    "before, today, told",
    [
        ("(a, b=0)", "(a, b=0.0, c=None)", []),
        ("(dtype=tf.float32)", "(dtype='float32')", []),
        ("(size=(2, 2,))", "(size=2)", []),
        ("(keepdims=None)", "(keepdims=False)", []),
        ("(a, name='x')", "(a, name=None)", []),
        ("(l=0.01)", "(l1=0.01)", ["The argument l is l1 today."]),
        ("(l1=0.01)", "(l1=0.0)", ["l1 is 0.0 by default, in 1.15 0.01."]),
        ("(a, b)", "(a)", ["The argument b is gone."]),
        (
            "(a, b)",
            "(b, a)",
            [
                "a was argument number 1 and is number 2.",
                "b was argument number 2 and is number 1.",
            ],
        ),
        ("(a)", "(*, a)", ["a was argument number 1 and is by name only."]),
        ("(a)", "(a, b)", ["b must be given today."]),
        ("(a=None)", "(a)", ["a must be given today."]),
        ("(*args, **kwargs)", "(a)", []),
    ],
)
def test_differences_of_signatures_are_told(before, today, told):
    assert [str(found) for found in differences.between(before, today)] == told


def touched(before, today, call):
    return [
        found.kind
        for found in differences.between(before, today)
        if found.touches(call)
    ]


def test_a_call_is_touched_by_what_it_gives_or_leaves():
    call = bindings.Call
    assert touched("(a=1)", "(a=2)", call(0, {})) == ["default"]
    assert touched("(a=1)", "(a=2)", call(1, {})) == []
    assert touched("(a=1)", "(a=2)", call(0, {"a": 3})) == []
    assert touched("(a, b)", "(a)", call(1, {})) == []
    assert touched("(a, b)", "(a)", call(2, {})) == ["gone"]
    assert touched("(a, b)", "(a)", call(1, {"b": 1})) == ["gone"]
    assert touched("(a, b)", "(b, a)", call(0, {"a": 1, "b": 1})) == []
    assert touched("(x)", "(y)", call(1, {})) == []
    assert touched("(x)", "(y)", call(0, {"x": 1})) == ["renamed"]
    assert touched("(x)", "(y)", call(0, {"**": None})) == ["renamed"]


def test_a_changed_number_is_seen():
    """The comparison finds what is planted: a value, a shape, a dtype, a NaN, a zero."""
    import numpy as np

    def kind(old, new):
        return witnessed.verdict([calls.text(old)], [calls.text(new)]).kind

    one = np.float32([1, 0, 2])
    assert kind(one, one) == ""
    assert kind(one, np.nextafter(one, np.float32(9))) == ""
    assert kind(one, one + np.float32(1e-4)) == "margin"
    assert kind(one, one[:, None]) == "form"
    assert kind(one, one.astype(np.float64)) == "form"
    assert kind(one, np.float32([1, np.nan, 2])) == "nonfinite"
    assert kind(one, np.float32([1, -0.0, 2])) == "zero"
    assert kind(np.int32([1]), np.int32([2])) == "margin"
    assert kind("a", "b") == "form"
    refused = [calls.REFUSED, "TypeError", "…"]
    assert witnessed.verdict([calls.text(one)], refused).kind == "refused"


def test_a_gradient_that_is_refused_today_is_a_difference():
    refused = witnessed.verdict(["x"], [calls.REFUSED, "LookupError", "No gradient"])
    row = "tf.f(x)", "gradient", refused
    assert witnessed.difference_of([row]) == "LookupError today (tf.f(x), gradient)"
    nothing = refused._replace(difference="ValueError today")  # None for zeros
    assert witnessed.difference_of([("tf.f(x)", "gradient", nothing)]) == ""


def test_every_row_reads_under_1_15():
    """Each line of the tables is an expression, on both sides, and was recorded once."""
    rows = call_rows.rows()
    for _, before, after in rows:
        compile(before, before, "eval")
        compile(after, after, "eval")
    recorded = {expression for expression, _ in golden()}
    lost = [before for _, before, _ in rows if before not in recorded]
    assert len(lost) < 0.03 * len(rows), lost


def test_the_golden_says_where_it_comes_from():
    head = calls.read(witnessed.GOLDEN)[0]
    assert (
        "TensorFlow 1.15.5" in head and "python -m parity_tests.witness.calls" in head
    )
    assert inspect.getmodule(calls.main).__name__ in head
