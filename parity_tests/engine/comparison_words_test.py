"""Claims about the words of a report: which strings are shown, and what has no distance."""

import numpy as np
import pytest

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
