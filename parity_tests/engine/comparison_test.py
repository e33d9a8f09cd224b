"""Claims about comparing two runs: what is caught, where it is named, what passes."""

import copy
import json

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.engine.budgets import Budget
from parity_tests.engine.comparison import Comparison, compare_plays
from parity_tests.engine.records import STAGES
from parity_tests.engine.ulps import INCOMPARABLE, ulp_distance

STEPS = 5


def small_run(learning_rate=0.1, one_step_late=False):
    """A run of momentum descent on a quadratic: every stage, float32, two tensors."""
    random = np.random.RandomState(0)
    values = {
        "dense/kernel": random.standard_normal((3, 3)).astype(np.float32),
        "dense/bias": random.standard_normal(3).astype(np.float32),
    }
    momentum = {name: np.zeros_like(value) for name, value in values.items()}
    run = [{"initial values": copy.deepcopy(values)}]
    late = {name: np.zeros_like(value) for name, value in values.items()}
    for _ in range(STEPS):
        loss = np.float32(sum((value**2).sum() for value in values.values()))
        gradients = {name: 2 * value for name, value in values.items()}
        applied = late if one_step_late else gradients
        for name, value in values.items():
            momentum[name] = np.float32(0.9) * momentum[name] + applied[name]
            values[name] = value - np.float32(learning_rate) * momentum[name]
        late = gradients
        run.append(
            {
                "loss": {"loss": loss},
                "gradients": copy.deepcopy(gradients),
                "slots": copy.deepcopy(momentum),
                "updates": copy.deepcopy(values),
            }
        )
    return run


def up(value, steps=1):
    """The float32 so many steps above."""
    value = np.float32(value)
    for _ in range(steps):
        value = np.nextafter(value, np.float32(np.inf))
    return value


def off_by(*distances):
    """A reference of ones and a candidate so many ULPs above, element by element."""
    reference = np.ones(len(distances), np.float32)
    return reference, np.array([up(1.0, steps) for steps in distances], np.float32)


def compare_one(reference, candidate, budget=None, stage="gradients", **options):
    """Compare two runs of a single tensor, kernel, in step 1."""
    return compare_plays(
        [{}, {stage: {"kernel": reference}}],
        [{}, {stage: {"kernel": candidate}}],
        budget_for=lambda *_: budget,
        **options,
    )


def place(divergence):
    return divergence.step, divergence.stage, divergence.tensor


# ------------------------------------------------------------------------- agreement


def test_equal_runs_agree_in_every_stage():
    comparison = compare_plays(small_run(), iter(small_run()))
    comparison.require_agreement()
    assert comparison.ok
    assert comparison.first_divergence is None
    assert comparison.first_difference is None
    assert comparison.records == STEPS + 1
    compared = {stage: cell.compared for stage, cell in comparison.cells.items()}
    assert compared == {
        "initial values": 2,
        "loss": STEPS,
        "gradients": 2 * STEPS,
        "slots": 2 * STEPS,
        "updates": 2 * STEPS,
    }
    for cell in comparison.cells.values():
        assert cell.ok is True
        assert cell.worst_at is None
        assert cell.as_data() == {
            "max_ulp": 0,
            "normwise": 0.0,
            "budget": {"ulp": 0, "normwise": None, "reason": ""},
            "ok": True,
        }


@pytest.mark.parametrize(
    ("reference", "candidate"),
    [
        ([], []),
        ([{}], [{}]),
        ([{"loss": {}}], [{"updates": {}}]),
        ([{"loss": {"loss": np.zeros((0, 2))}}],) * 2,
    ],
    ids=["no records", "no stages", "no tensors", "no elements"],
)
def test_runs_with_nothing_to_compare_do_not_agree(reference, candidate):
    comparison = compare_plays(reference, candidate)
    assert not comparison.ok
    with pytest.raises(AssertionError, match="only if something was compared"):
        comparison.require_agreement()
    for cell in comparison.cells.values():
        assert cell.compared == 0
        assert cell.ok is None
        data = cell.as_data()
        assert data["ok"] is None and data["max_ulp"] is None


def test_a_stage_that_is_empty_on_both_sides_is_no_pass_but_the_others_are():
    records = [{"loss": {"loss": np.float32(1)}, "slots": {}}]
    comparison = compare_plays(records, records)
    comparison.require_agreement()
    assert comparison.cells["loss"].ok is True
    assert comparison.cells["slots"].ok is None
    assert "updates" not in comparison.cells


def test_two_nans_agree_whatever_their_payload():
    payloads = np.array([0x7FC00000, 0xFFC00001], np.uint32).view(np.float32)
    comparison = compare_one(payloads, payloads[::-1])
    comparison.require_agreement()
    assert comparison.first_difference is None


def test_signs_of_zeros_count_unless_said():
    zeros = np.array([0.0, -0.0], np.float32)
    comparison = compare_one(zeros, -zeros)
    assert comparison.first_divergence.index == (0,)
    assert comparison.cells["gradients"].max_ulp == 1
    compare_one(zeros, -zeros, signed_zeros=False).require_agreement()


def test_both_runs_may_reuse_their_buffers():
    def counting(to):
        buffer = np.zeros(2, np.float32)
        for _ in range(to):
            buffer += 1
            yield {"updates": {"kernel": buffer}}

    compare_plays(counting(to=5), counting(to=5)).require_agreement()


def test_the_reported_values_are_those_of_the_moment():
    reference, candidate = np.float32([1, 2]), np.float32([1, 3])
    comparison = compare_one(reference, candidate)
    reference[:] = candidate[:] = 7
    assert comparison.first_divergence.reference == 2
    assert comparison.first_divergence.candidate == 3


def test_the_arguments_stay_as_they_were():
    runs = small_run(), small_run(learning_rate=0.2)
    for run in runs:
        for record in run:
            for tensors in record.values():
                for value in tensors.values():
                    if isinstance(value, np.ndarray):
                        value.flags.writeable = False
    before = copy.deepcopy(runs)
    comparison = compare_plays(*runs)
    assert comparison.first_divergence is not None
    assert repr(runs) == repr(before)


def test_reference_records_are_pulled_only_when_needed():
    pulled = []

    def reference():
        for step in range(3):
            pulled.append(step)
            yield {"loss": {"loss": np.float32(step)}}

    comparison = Comparison(reference())
    assert pulled == []
    assert comparison.observe({"loss": {"loss": np.float32(0)}}) is True
    assert pulled == [0]


# -------------------------------------------------------------------- planted faults


def fault_in(change):
    """The small run after `change(run)`."""
    run = small_run()
    change(run)
    return run


def swap_names(run):
    for record in run[1:]:
        slots = record["slots"]
        slots["dense/kernel"], slots["dense/bias"] = (
            slots["dense/bias"],
            slots["dense/kernel"],
        )


def transpose_shape(run):
    initial = run[0]["initial values"]
    initial["dense/bias"] = initial["dense/bias"][:, None]


def transpose_kernel(run):
    run[2]["gradients"]["dense/kernel"] = run[2]["gradients"]["dense/kernel"].T


def widen_dtype(run):
    for record in run[1:]:
        record["loss"]["loss"] = np.float64(record["loss"]["loss"])


def spoil_by_nan(run):
    run[4]["slots"]["dense/kernel"][1, 2] = np.nan


def lose_tensor(run):
    del run[3]["updates"]["dense/bias"]


def lose_first_tensor(run):
    del run[3]["updates"]["dense/kernel"]


def add_tensor(run):
    run[1]["slots"]["dense/extra"] = np.float32(0)


def lose_stage(run):
    del run[2]["slots"]


def empty_stage(run):
    run[2]["slots"] = {}


def add_stage(run):
    run[3]["initial values"] = run[0]["initial values"]


def misname_stage(run):
    run[2]["metrics"] = {"accuracy": np.float32(1)}


def end_early(run):
    del run[-2:]


def go_on(run):
    run.append(run[-1])


def skip_step(run):
    del run[2]


FAULTS = {
    swap_names: ((1, "slots", "dense/kernel"), "shape [3, 3] against [3]"),
    transpose_shape: ((0, "initial values", "dense/bias"), "shape [3] against [3, 1]"),
    transpose_kernel: ((2, "gradients", "dense/kernel"), "values differ"),
    widen_dtype: ((1, "loss", "loss"), "dtype float32 against float64"),
    spoil_by_nan: ((4, "slots", "dense/kernel"), "values differ"),
    lose_tensor: ((3, "updates", "dense/bias"), "missing in the candidate"),
    lose_first_tensor: ((3, "updates", "dense/kernel"), "missing in the candidate"),
    add_tensor: ((1, "slots", "dense/extra"), "not in the reference"),
    lose_stage: ((2, "slots", None), "stage missing in the candidate"),
    empty_stage: ((2, "slots", None), "stage missing in the candidate"),
    add_stage: ((3, "initial values", None), "stage not in the reference"),
    misname_stage: ((2, "metrics", None), "stage not in the reference"),
    end_early: ((STEPS - 1, None, None), "play ended early"),
    go_on: ((STEPS + 1, None, None), "reference ended"),
    skip_step: ((2, "loss", "loss"), "values differ"),
}


@pytest.mark.parametrize("change", FAULTS, ids=lambda change: change.__name__)
@pytest.mark.parametrize("stop_at_first", [False, True])
def test_a_planted_fault_is_caught_and_named(change, stop_at_first):
    where, problem = FAULTS[change]
    comparison = compare_plays(
        small_run(), fault_in(change), stop_at_first=stop_at_first
    )
    divergence = comparison.first_divergence
    assert place(divergence) == where
    assert divergence.problem == problem
    assert repr(comparison.first_difference) == repr(divergence)  # NaN is not NaN
    assert not comparison.ok
    with pytest.raises(AssertionError) as caught:
        comparison.require_agreement("tf-parity run")
    assert str(caught.value) == divergence.describe("tf-parity run")
    json.dumps(divergence.as_data(), allow_nan=False)
    # What is shown stage by stage fails too.
    failed = [stage for stage, cell in comparison.cells.items() if cell.ok is False]
    assert failed
    assert where[1] is None or where[1] in failed


def test_a_stage_of_any_name_is_compared_after_what_was_seen_before_what_was_left():
    comparison = compare_plays(fault_in(misname_stage), fault_in(misname_stage))
    comparison.require_agreement()
    assert list(comparison.cells) == [
        "initial values",
        "loss",
        "gradients",
        "metrics",
        "slots",
        "updates",
    ]
    comparison = compare_plays(fault_in(misname_stage), small_run())
    assert place(comparison.first_divergence) == (2, "metrics", None)


def played(*moves):
    """A play of records that hold nothing but a loss."""
    yield {"initial values": {"w": np.float32(0)}}
    for move in moves:
        yield {"move": move, "loss": {"loss": np.float32(1)}}


def test_another_move_is_a_divergence_whatever_it_saw():
    compare_plays(played("train", "predict"), played("train", "predict"))
    comparison = compare_plays(played("train", "predict"), played("train", "train"))
    divergence = comparison.first_divergence
    assert (divergence.step, divergence.stage) == (2, None)
    assert divergence.problem == "move predict against move train"
    assert "step 2, move predict" in divergence.describe()
    assert divergence.as_data()["move"] == "predict"
    assert not comparison.ok and comparison.cells["loss"].ok is False


def test_one_step_late_is_caught_at_the_first_slot():
    comparison = compare_plays(small_run(), small_run(one_step_late=True))
    assert place(comparison.first_divergence) == (1, "slots", "dense/kernel")
    assert comparison.cells["initial values"].ok is True
    assert comparison.cells["slots"].ok is False


def test_a_wrong_rate_is_caught_at_the_first_update_within_a_budget_of_a_few_ulp():
    comparison = compare_plays(
        small_run(),
        small_run(learning_rate=0.1001),
        budget_for=lambda *_: Budget(ulp=8, normwise=8.0),
    )
    assert place(comparison.first_divergence) == (1, "updates", "dense/kernel")


def test_require_agreement_notices_an_early_end_without_finish():
    comparison = Comparison(small_run())
    for record in small_run()[:-1]:
        comparison.observe(record)
    assert comparison.ok
    with pytest.raises(AssertionError, match="play ended early"):
        comparison.require_agreement()
    with pytest.raises(RuntimeError, match="observes nothing more"):
        comparison.observe(small_run()[-1])


# ----------------------------------------------------------------- order of execution


def test_the_first_divergence_is_first_in_order_of_stages_then_of_the_reference():
    def run(offset):
        # Neither stages nor names are in order of execution, or of the alphabet.
        yield {}
        yield {
            "updates": {"a": np.float32(1 + offset)},
            "gradients": {"z": np.float32(0), "y": np.float32(2 + offset)},
        }

    def reordered(run):
        for record in run:
            yield {
                stage: dict(reversed(tensors.items()))
                for stage, tensors in reversed(record.items())
            }

    comparison = compare_plays(run(0), reordered(run(1)))
    assert place(comparison.first_divergence) == (1, "gradients", "y")
    comparison = compare_plays(run(0), reordered(run(0)))
    comparison.require_agreement()


@given(
    faults=st.sets(
        st.tuples(
            st.integers(1, STEPS),
            st.sampled_from(["gradients", "slots", "updates"]),
            st.sampled_from(["dense/kernel", "dense/bias"]),
            st.integers(0, 2),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_of_several_faults_the_first_in_order_of_execution_is_reported(faults):
    run = small_run()
    for step, stage, tensor, position in faults:
        flat = run[step][stage][tensor].reshape(-1)
        flat[position] = up(flat[position])

    def order(fault):
        step, stage, tensor, position = fault
        return step, STAGES.index(stage), tensor == "dense/bias", position

    step, stage, tensor, position = min(faults, key=order)
    divergence = compare_plays(small_run(), run).first_divergence
    assert place(divergence) == (step, stage, tensor)
    assert divergence.index == (
        (0, position) if tensor == "dense/kernel" else (position,)
    )
    assert divergence.ulps == divergence.worst_ulps == 1


def test_shape_and_dtype_come_before_values_and_are_named_together():
    comparison = compare_one(np.zeros(3, np.float32), np.ones((1, 3), np.int64))
    assert comparison.first_divergence.problem == (
        "shape [3] against [1, 3], dtype float32 against int64"
    )
    assert comparison.first_divergence.index is None
    assert comparison.cells["gradients"].compared == 0


def test_stop_at_first_compares_nothing_more():
    reference = iter(small_run())
    comparison = Comparison(reference, stop_at_first=True)
    candidate = small_run(one_step_late=True)
    assert comparison.observe(candidate[0]) is True
    assert comparison.observe(candidate[1]) is False
    assert comparison.observe(candidate[2]) is False
    assert comparison.records == 2
    assert comparison.cells["slots"].compared == 1
    assert "updates" not in comparison.cells
    comparison.finish()
    assert place(comparison.first_divergence) == (1, "slots", "dense/kernel")
    assert len(list(reference)) == STEPS - 1  # nor were they pulled


# ------------------------------------------------------------------------- budgets


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


# ------------------------------------------------------------------------- the report


def test_the_report_names_everything():
    reference = np.full((2, 3), 1.2345678e-3, np.float32)
    candidate = reference.copy()
    candidate[0, 1] = up(candidate[0, 1])
    candidate[0, 2] = up(candidate[0, 2], 2)
    candidate[1, 0] = up(candidate[1, 0], 9)
    comparison = compare_one(reference, candidate, Budget(1, reason="the mean differs"))
    assert comparison.first_divergence.describe("tf-parity run --steps 1") == (
        "First divergence: step 1, gradients, tensor kernel\n"
        "  index      [0, 2]   (3 of 6 elements differ)\n"
        "  reference   1.23456784e-03  0x3aa1d139\n"
        "  candidate   1.23456807e-03  0x3aa1d13b\n"
        "  distance   2 ULP (norm-wise 1.582)\n"
        "  worst      9 ULP (norm-wise 7.119) at [1, 0]\n"
        "  budget     1 ULP: the mean differs\n"
        "  reproduce  tf-parity run --steps 1"
    )


def test_the_report_of_a_shape_shows_no_values():
    divergence = compare_one(np.zeros(3), np.zeros((3, 1)), stage="updates")
    assert divergence.first_divergence.describe() == (
        "First divergence: step 1, updates, tensor kernel\n"
        "  problem    shape [3] against [3, 1]"
    )


def test_the_report_of_an_early_end_shows_the_step():
    comparison = compare_plays(small_run(), small_run()[:3])
    assert comparison.first_divergence.describe() == (
        "First divergence: step 3\n  problem    play ended early"
    )
    stages = [stage for stage, cell in comparison.cells.items() if cell.ok is False]
    assert stages == ["loss", "gradients", "slots", "updates"]


def test_the_worst_element_is_the_worst_in_the_measure_of_the_budget():
    # Elementwise the tiny number is further off, norm-wise the large one.
    reference = np.float32([1e-30, 1.0])
    candidate = np.float32([2e-30, up(1.0, 9)])
    by_ulp = compare_one(reference, candidate, Budget(1)).first_divergence
    assert by_ulp.index == by_ulp.worst_index == (0,)
    normwise = compare_one(reference, candidate, Budget(normwise=1)).first_divergence
    assert normwise.index == normwise.worst_index == (1,)
    assert normwise.ulps == 9 and normwise.normwise == 9.0


def test_either_measure_suffices_for_each_element():
    # 17 ULP just above a power of two are norm-wise 17; 30 ULP further down are less.
    reference = np.float32([1.0, 0.25])
    candidate = np.float32([up(1.0, 17), up(0.25, 30)])
    budget = Budget(20, 16.0)
    compare_one(reference, candidate, budget).require_agreement()
    candidate[0] = up(1.0, 21)  # 21 ULP and norm-wise 21: beyond both
    divergence = compare_one(reference, candidate, budget).first_divergence
    assert divergence.index == (0,) and divergence.ulps == 21
    assert divergence.worst_index == (0,) and divergence.worst_normwise == 21.0


def test_the_report_measures_as_the_verdict_does():
    """Against the largest magnitude so far: an element within is not the one to name."""
    reference = np.full(3, 1e-3, np.float32)
    candidate = np.float32([1.001e-3, 1e-3, 3e-3])
    ones = {"updates": {"kernel": np.ones(3, np.float32)}}
    comparison = compare_plays(
        [ones, {"updates": {"kernel": reference}}],
        [ones, {"updates": {"kernel": candidate}}],
        budget_for=lambda *_: Budget(normwise=64),
    )
    divergence = comparison.first_divergence
    assert divergence.index == divergence.worst_index == (2,)
    assert divergence.normwise == divergence.worst_normwise
    # 2e-3 in ULPs of the ones before: the number of the cell.
    assert divergence.normwise == comparison.cells["updates"].normwise
    assert divergence.normwise == pytest.approx(2e-3 * 2**23, rel=1e-3)


@pytest.mark.parametrize(
    ("value", "text", "bits"),
    [
        (np.float16(0.1), "9.9976e-02", "0x2e66"),
        (ml_dtypes.bfloat16(0.1), "1.001e-01", "0x3dcd"),
        (np.float32(-0.1), "-1.00000001e-01", "0xbdcccccd"),
        (np.float64(0.1), "1.0000000000000001e-01", "0x3fb999999999999a"),
        (np.float32(np.nan), "nan", "0x7fc00000"),
        (np.float32(-np.inf), "-inf", "0xff800000"),
        (np.int64(-1), "-1", "0xffffffffffffffff"),
        (np.uint8(200), "200", "0xc8"),
        (np.bool_(True), "True", "0x01"),
    ],
)
def test_values_are_shown_with_all_their_digits_and_bits(value, text, bits):
    zero = np.zeros((), np.asarray(value).dtype)
    divergence = compare_one(value, zero).first_divergence
    assert divergence.index == ()
    data = divergence.as_data()
    assert data["reference"] == text and data["reference_bits"] == bits
    assert text in divergence.describe() and bits in divergence.describe()
    json.dumps(data, allow_nan=False)
    if np.asarray(value).dtype.kind in "fV":
        again = np.float64(text).astype(np.asarray(value).dtype)
        assert ulp_distance(value, again) == 0


def test_every_cell_and_divergence_is_valid_json():
    with np.errstate(all="ignore"):
        runs = [
            small_run(),
            small_run(learning_rate=np.nan),
            small_run(learning_rate=1e38),
            *(fault_in(change) for change in FAULTS),
        ]
    budget = Budget(np.int64(1), np.float32(np.inf), "numpy's own numbers")
    comparisons = [
        compare_plays(small_run(), run, budget_for=lambda *_: budget) for run in runs
    ]
    for comparison in comparisons:
        data = {stage: cell.as_data() for stage, cell in comparison.cells.items()}
        for divergence in (comparison.first_divergence, comparison.first_difference):
            data[str(divergence)] = divergence and divergence.as_data()
        assert json.loads(json.dumps(data, allow_nan=False)) == data


# ----------------------------------------------------------------------- other input


@pytest.mark.parametrize("value", [None, [None, 1.0], np.datetime64("2019-01-01")])
def test_what_is_no_number_is_refused_with_its_place_even_if_equal(value):
    with pytest.raises(TypeError, match=r"^Step 1, slots, tensor kernel: Distances"):
        compare_one(value, value, stage="slots")


def test_strings_are_equal_or_not():
    reference = np.array([b"the", b"quick"], object)
    compare_one(reference, np.array([b"the", b"quick"])).require_agreement()
    divergence = compare_one(reference, np.array([b"the", b"thick"])).first_divergence
    assert divergence.problem == "b'quick' against b'thick' at [1]"
    divergence = compare_one("word", "ward").first_divergence
    assert divergence.problem == "'word' against 'ward' at []"
    numbers = compare_one(reference, np.float32([1, 2])).first_divergence
    assert numbers.problem == "dtype object against float32"


def test_complex_numbers_are_compared_by_their_parts():
    value = np.complex64([1 + 2j, 3 - 4j])
    compare_one(value, value.copy()).require_agreement()
    changed = value.copy()
    changed.imag[1] = up(-4)
    divergence = compare_one(value, changed).first_divergence
    assert divergence.index == (1, 1) and divergence.ulps == 1


@pytest.mark.parametrize("record", [None, [], {"loss": 1.0}, {"loss": [1.0]}])
def test_a_record_of_another_form_is_told(record):
    for records in (([{}], [record]), ([record], [{}]))[: 2 - (record is None)]:
        with pytest.raises(TypeError, match="^A record must be .* Received: .* Yield "):
            compare_plays(*records)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8, np.bool_])
def test_integers_and_bool_are_compared_exactly(dtype):
    reference = np.array([0, 1, 0], dtype)
    compare_one(reference, reference.copy()).require_agreement()
    divergence = compare_one(reference, np.array([0, 1, 1], dtype)).first_divergence
    assert divergence.index == (2,) and divergence.ulps == 1


def test_strided_zero_dimensional_and_big_endian_tensors_are_compared():
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    for view in (values.T, values[::2, ::-1], values[1, 2], values.astype(">f4")):
        compare_one(view, view.copy()).require_agreement()
        changed = np.array(view)
        changed[(-1,) * view.ndim] = 99
        divergence = compare_one(view, changed).first_divergence
        assert divergence.candidate == 99
        assert divergence.index == tuple(size - 1 for size in view.shape)


def test_comparing_needs_no_hypothesis_and_no_ml_dtypes(run_python):
    program = (
        "import sys\n"
        "for name in ('hypothesis', 'ml_dtypes', 'tensorflow', 'keras'):\n"
        "    sys.modules[name] = None\n"
        "import parity_tests.engine.comparison\n"
    )
    result = run_python("-c", program)
    assert result.returncode == 0, result.stderr
