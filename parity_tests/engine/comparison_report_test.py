"""Claims about what a comparison reports: which element, by how much, in which words."""

import json
import shlex
import subprocess

import ml_dtypes
import numpy as np
import pytest

from parity_tests.engine.budgets import Budget
from parity_tests.engine.comparison import compare_plays
from parity_tests.engine.small_plays import FAULTS, compare_one, fault_in, small_run, up
from parity_tests.engine.ulps import ulp_distance


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


@pytest.mark.parametrize("count", [1, 2, 3, 12])
def test_a_long_command_is_broken_between_its_options_as_a_shell_takes_it(count):
    options = [f"--option-{number} 'a value --of it'" for number in range(count)]
    command = " ".join(["tf-parity check 'a pair.py'", *options])
    divergence = compare_one(np.zeros(3), np.ones(3)).first_divergence
    text = divergence.describe(command)
    told = text[text.index("reproduce") + len("reproduce") :]
    assert max(map(len, text.splitlines())) <= 80
    assert told.count("\n") == 0 if count < 2 else told.count("\n") >= count // 3
    words = subprocess.check_output(
        ["sh", "-c", f"printf '%s\\n' {told}"], text=True, timeout=60
    )
    assert words.splitlines() == shlex.split(command)


def test_another_text_in_the_place_of_a_command_stays_as_it_is():
    divergence = compare_one(np.zeros(3), np.ones(3)).first_divergence
    text = "it's what one sees " * 9
    assert divergence.describe(text).endswith(f"  reproduce  {text}")


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
