"""Claims about comparing strings: which two are shown, and how much of them."""

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
