"""Claims about budgets in a comparison: how much passes, and where it is shown."""

import numpy as np
import pytest

from parity_tests.engine.budgets import Budget
from parity_tests.engine.comparison import compare_plays
from parity_tests.engine.small_plays import compare_one, off_by, place, small_run, up
from parity_tests.engine.ulps import INCOMPARABLE


@pytest.mark.parametrize("ulp", [0, 1, 7])
def test_an_ulp_budget_admits_exactly_as_many(ulp):
    at, above = off_by(0, ulp), off_by(0, ulp + 1)
    compare_one(*at, Budget(ulp)).require_agreement()
    divergence = compare_one(*above, Budget(ulp)).first_divergence
    assert divergence.ulps == ulp + 1
    assert divergence.index == (1,)


def test_a_normwise_budget_admits_exactly_as_much():
    reference = np.float32([1.0, 0.0])
    epsilon = np.float32(2.0**-23)
    at, above = np.float32([1.0, 4 * epsilon]), np.float32([1.0, up(4 * epsilon)])
    budget = Budget(normwise=4.0)
    comparison = compare_one(reference, at, budget)
    comparison.require_agreement()
    assert comparison.cells["gradients"].max_ulp > 1_000_000
    assert comparison.cells["gradients"].normwise == 4.0
    divergence = compare_one(reference, above, budget).first_divergence
    assert divergence.normwise > 4.0
    assert divergence.index == (1,)


def test_normwise_budgets_measure_against_the_largest_magnitude_so_far():
    large, small = np.float32([1.0]), np.float32([1e-7])
    records = [{"gradients": {"w": value}} for value in (large, small)]
    candidates = [records[0], {"gradients": {"w": small + np.float32(1e-8)}}]
    granted = compare_plays(records, candidates, budget_for=lambda *_: Budget(0, 1.0))
    granted.require_agreement()
    assert granted.cells["gradients"].normwise < 0.1
    # Without the larger one before, the same difference is a tenth of the tensor.
    alone = compare_plays(
        records[1:], candidates[1:], budget_for=lambda *_: Budget(0, 1.0)
    )
    assert not alone.ok
    # What comes later does not excuse what came before.
    reverse = compare_plays(
        records[::-1], candidates[::-1], budget_for=lambda *_: Budget(0, 1.0)
    )
    assert not reverse.ok
    # Where no budget asks for it, a tensor is measured against itself.
    exact = compare_plays(records, candidates).first_divergence
    assert exact.normwise == alone.first_divergence.normwise


def test_an_update_is_measured_against_the_initial_value_it_was_taken_from():
    """A bias of 1 that a step brings to 1e-7 was rounded at 1."""
    sides = [
        [{"initial values": {"b": np.float32(1)}}, {"updates": {"b": np.float32(end)}}]
        for end in (1e-7, 2e-7)
    ]
    one_ulp = {"updates": Budget(0, 1.0)}
    compare_plays(
        *sides, budget_for=lambda stage, _: one_ulp.get(stage)
    ).require_agreement()
    assert not compare_plays(
        sides[0][1:], sides[1][1:], budget_for=lambda *_: Budget(0, 1.0)
    ).ok


def test_either_measure_suffices():
    tiny = np.float32([1.0, 1e-30]), np.float32([1.0, 2e-30])
    assert not compare_one(*tiny, Budget(ulp=4)).ok
    assert compare_one(*tiny, Budget(ulp=4, normwise=1.0)).ok
    assert compare_one(*off_by(3), Budget(ulp=4, normwise=1.0)).ok
    assert not compare_one(*off_by(5), Budget(ulp=4, normwise=1.0)).ok


@pytest.mark.parametrize("spoilt", [np.nan, -np.nan])
def test_no_budget_admits_a_nan_against_a_number(spoilt):
    boundless = Budget(ulp=2**64 - 1, normwise=np.inf)
    number, nan = np.float32([1, 2]), np.float32([1, spoilt])
    for pair in ((number, nan), (nan, number)):
        comparison = compare_one(*pair, boundless)
        assert comparison.first_divergence.index == (1,)
        assert comparison.cells["gradients"].max_ulp == INCOMPARABLE
        assert comparison.cells["gradients"].as_data()["max_ulp"] is None
        assert comparison.cells["gradients"].as_data()["normwise"] is None


def test_a_difference_within_budget_shows_in_the_cell_but_is_no_divergence():
    comparison = compare_one(*off_by(0, 2, 3), Budget(4, reason="the sum is reordered"))
    comparison.require_agreement()
    assert comparison.first_divergence is None
    assert comparison.first_difference.index == (1,)
    assert comparison.first_difference.worst_index == (2,)
    cell = comparison.cells["gradients"]
    assert cell.ok is True
    assert cell.max_ulp == 3
    assert cell.normwise == 3.0
    assert cell.worst_at == (1, "kernel")
    assert cell.as_data()["budget"]["reason"] == "the sum is reordered"


def test_a_difference_within_budget_comes_before_a_divergence():
    reference, candidate = small_run(), small_run()
    first = candidate[1]["gradients"]["dense/bias"]
    first[2] = up(first[2], 2)
    second = candidate[3]["updates"]["dense/kernel"]
    second[0, 0] = up(second[0, 0], 3)
    budgets = {"gradients": Budget(2)}
    comparison = compare_plays(
        reference, candidate, budget_for=lambda stage, _: budgets.get(stage)
    )
    assert place(comparison.first_difference) == (1, "gradients", "dense/bias")
    assert place(comparison.first_divergence) == (3, "updates", "dense/kernel")
    assert comparison.cells["gradients"].ok is True
    assert comparison.cells["updates"].ok is False


def test_each_tensor_is_held_to_its_own_budget_and_asked_for_it_once():
    asked = []

    def budget_for(stage, tensor):
        asked.append((stage, tensor))
        return Budget(100) if tensor == "loose" else Budget(1)

    def run(loose, strict):
        for _ in range(3):
            yield {"updates": {"loose": up(1.0, loose), "strict": up(1.0, strict)}}

    comparison = compare_plays(run(0, 0), run(50, 1), budget_for=budget_for)
    comparison.require_agreement()
    assert asked == [("updates", "loose"), ("updates", "strict")]
    assert comparison.cells["updates"].worst_at == (0, "loose")
    assert comparison.cells["updates"].budget == Budget(100)

    # A tensor beyond its budget is worse than one that is further off but within.
    comparison = compare_plays(run(0, 0), run(50, 2), budget_for=budget_for)
    assert place(comparison.first_divergence) == (0, "updates", "strict")
    assert comparison.cells["updates"].worst_at == (0, "strict")
    assert comparison.cells["updates"].budget == Budget(1)
    assert comparison.cells["updates"].max_ulp == 50
    assert comparison.cells["updates"].ok is False


def test_the_cell_names_the_worst_step():
    def run(*distances):
        yield {}
        for steps in distances:
            yield {"loss": {"loss": up(1.0, steps)}}

    comparison = compare_plays(
        run(0, 0, 0, 0), run(0, 1, 5, 2), budget_for=lambda *_: Budget(4)
    )
    cell = comparison.cells["loss"]
    assert cell.max_ulp == 5
    assert cell.normwise == 5.0
    assert cell.worst_at == (3, "loss")
    assert cell.compared == 4
    assert cell.ok is False  # though the last step is within budget


def test_budgets_describe_themselves():
    assert Budget().describe() == "0 ULP"
    assert Budget(4).describe() == "4 ULP"
    assert Budget(normwise=16.0).describe() == "16 ULP of the largest magnitude"
    assert Budget(4, 0.5).describe() == "4 ULP or 0.5 ULP of the largest magnitude"
    assert Budget(normwise=0).describe() == "the sign of a zero"


def test_a_normwise_budget_of_nothing_grants_the_sign_of_a_zero():
    zeros, negative = np.float32([0.0, 1.0]), np.float32([-0.0, 1.0])
    assert not compare_one(zeros, negative, Budget()).ok
    assert compare_one(zeros, negative, Budget(normwise=0)).ok
    off = np.nextafter(zeros, np.float32(2.0))  # by a denormal, and by one ULP
    for number in (0, 1):
        candidate = zeros.copy()
        candidate[number] = off[number]
        assert not compare_one(zeros, candidate, Budget(normwise=0)).ok
