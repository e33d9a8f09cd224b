"""Claims about comparing two runs: what is caught, where it is named, what passes."""

import copy
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.engine.budgets import Budget
from parity_tests.engine.comparison import Comparison, compare_plays
from parity_tests.engine.records import STAGES
from parity_tests.engine.small_plays import (
    FAULTS,
    STEPS,
    compare_one,
    fault_in,
    misname_stage,
    place,
    small_run,
    up,
)

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


def sparse(form):
    """A play whose gradient is of rows, or dense."""
    parts = {"w values": np.ones((2, 3)), "w indices": np.array([1, 1])}
    yield {"gradients": parts if form == "sparse" else {"w": np.ones((4, 3))}}


@pytest.mark.parametrize("forms", [("sparse", "dense"), ("dense", "sparse")])
def test_rows_against_a_dense_tensor_are_told_as_such_and_once(forms):
    reference, candidate = forms
    told = []
    comparison = compare_plays(
        sparse(reference), sparse(candidate), on_difference=lambda *at: told.append(at)
    )
    assert place(comparison.first_divergence) == (0, "gradients", "w")
    problem = comparison.first_divergence.problem
    assert problem.startswith(f"{reference} in the reference")
    assert f"{candidate} in the candidate" in problem
    assert [tensor for _, _, tensor, _ in told] == ["w"]
    compare_plays(sparse(reference), sparse(reference)).require_agreement()


def test_steps_are_counted_by_the_moves_of_their_name():
    def play(last):
        moves = ("predict", "train", "generator", "train")
        *records, record = played(*moves)
        return [*records, {**record, "loss": {"loss": np.float32(last)}}]

    divergence = compare_plays(play(1), play(2)).first_divergence
    assert (divergence.step, divergence.occurrence) == (4, 2)
    assert divergence.as_data()["occurrence"] == 2
    said = "First divergence: step 2 (move 4 of the play), move train, loss"
    assert said in divergence.describe()
    alone = compare_plays(played("train"), play(1)[:1]).first_divergence
    assert "First divergence: step 1, move train" in alone.describe()


def test_another_move_is_a_divergence_whatever_it_saw():
    compare_plays(played("train", "predict"), played("train", "predict"))
    comparison = compare_plays(played("train", "predict"), played("train", "train"))
    divergence = comparison.first_divergence
    assert (divergence.step, divergence.stage) == (2, None)
    assert divergence.problem == "move predict against move train"
    assert "step 1 (move 2 of the play), move predict" in divergence.describe()
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
    changed = value.copy()
    changed.imag[0] = up(2)  # of the first element the second part
    divergence = compare_one(value, changed).first_divergence
    assert divergence.index == (0, 1) and divergence.reference == 2


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
