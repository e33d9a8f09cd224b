"""Claims about reports: their words, what they show of values, and when they are due."""

import numpy as np
import pytest

from parity_tests.engine.budgets import Budget
from parity_tests.engine.comparison import compare_plays


def problem(reference, candidate):
    """What is said about two tensors that differ."""
    plays = [[{"outputs": {"words": value}}] for value in (reference, candidate)]
    return compare_plays(*plays).first_divergence.problem


@pytest.mark.parametrize("dtype", ["U", "S", object])
def test_of_strings_in_rows_the_first_two_that_differ_are_shown(dtype):
    reference = np.array([["a", "b", "c"], ["d", "e", "f"]], dtype)
    candidate = np.array([["a", "b", "c"], ["d", "E", "F"]], dtype)
    prefix = "b" if dtype == "S" else ""
    expected = f"{prefix}'e' against {prefix}'E' at [1, 1]"
    assert problem(reference, candidate) == expected


def test_of_long_strings_the_beginning_is_shown():
    beginning = "'" + 39 * "x"
    assert problem(50 * "x", 51 * "x") == f"{beginning} against {beginning} at []"


@pytest.mark.parametrize("value", [np.nan, 2.0])
def test_a_nan_is_at_no_distance_that_a_report_could_state(value):
    plays = [[{"loss": {"loss": np.float32(number)}}] for number in (1.0, value)]
    report = compare_plays(*plays).first_divergence.describe()
    assert ("\n  distance   not comparable\n" in report) == np.isnan(value)
    assert ("\n  distance   8388608 ULP " in report) == (value == 2.0)


def test_what_could_not_be_compared_has_neither_values_nor_counts():
    plays = [[{"loss": {"loss": np.ones(size)}}] for size in (2, 3)]
    data = compare_plays(*plays).first_divergence.as_data()
    assert data.pop("problem") == "shape [2] against [3]"
    expected = {
        "step": 0,
        "stage": "loss",
        "tensor": "loss",
        "differing": 0,
        "total": 0,
    }
    expected["budget"] = {"ulp": 0, "normwise": None, "reason": ""}
    assert {
        name: value for name, value in data.items() if value is not None
    } == expected


@pytest.mark.parametrize(
    ("value", "bits"),
    [
        (np.int32(1), "0x00000001"),
        (np.uint8(10), "0x0a"),
        (np.float16(2.0**-24), "0x0001"),
        (np.float64(0.0), "0x0000000000000000"),
    ],
)
def test_bits_are_shown_with_the_zeros_before_them(value, bits):
    plays = [[{"loss": {"loss": number}}] for number in (value, value + value + 1)]
    divergence = compare_plays(*plays).first_divergence
    assert divergence.as_data()["reference_bits"] == bits
    assert f"  {bits}\n" in divergence.describe()


def test_while_all_are_equal_a_cell_states_the_first_tensor_s_budget():
    budgets = {"first": Budget(3), "second": Budget(5)}
    play = [{"loss": {name: np.float32(1) for name in budgets}}] * 2
    comparison = compare_plays(
        play, play, budget_for=lambda _stage, tensor: budgets[tensor]
    )
    assert comparison.cells["loss"].budget == Budget(3)


def test_once_stopped_a_play_is_played_no_further():
    played = []

    def play():
        for step in range(4):
            played.append(step)
            yield {"loss": {"loss": np.float32(step == 1)}}

    reference = [{"loss": {"loss": np.float32(0)}}] * 4
    comparison = compare_plays(reference, play(), stop_at_first=True)
    assert not comparison.ok and played == [0, 1]


@pytest.mark.parametrize(
    ("size", "count"), [(1, "1 of 1 element differs"), (2, "2 of 2 elements differ")]
)
def test_elements_are_counted(size, count):
    plays = [[{"loss": {"loss": np.full(size, number)}}] for number in (1.0, 2.0)]
    assert f"({count})" in compare_plays(*plays).first_divergence.describe()


def test_a_record_without_counterpart_fails_the_stages_that_hold_something():
    record = {"move": "train", "loss": {"loss": np.float32(1)}, "slots": {}}
    for plays in ([[record], []], [[], [record]]):
        assert list(compare_plays(*plays).cells) == ["loss"]


def test_the_worst_may_be_admitted_by_its_ulps_and_come_before_the_first_beyond():
    step = np.float32(2.0**-23)
    reference = np.float32([1.0, 2.0**-10])
    candidate = reference + np.float32([4, 0.75]) * step
    comparison = compare_plays(
        *([{"loss": {"loss": value}}] for value in (reference, candidate)),
        budget_for=lambda _stage, _tensor: Budget(4, 0.5),
    )
    divergence = comparison.first_divergence
    assert (divergence.index, divergence.worst_index) == ((1,), (0,))
    assert "\n  worst      4 ULP (norm-wise 4) at [0]\n" in divergence.describe()
