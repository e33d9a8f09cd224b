"""Claims about what of a recorded run stands beside the code."""

import json

import pytest

from parity_tests.engine.budgets import Budget
from parity_tests.models import reading
from parity_tests.site import numbers
from parity_tests.site.conftest import recorded_cell, recorded_run

WITHIN = Budget(normwise=64, reason="another order of the sum")


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "report.json"
    path.write_text(json.dumps(recorded_run()), encoding="utf-8")
    return str(path)


def test_a_badge_says_the_worst_of_its_stages_and_leads_to_the_reason():
    cells = {
        "gradients": recorded_cell(0.0),
        "slots": recorded_cell(3.0, WITHIN),
        "updates": recorded_cell(6.8, WITHIN),
        "loss": recorded_cell(9.9, WITHIN),
    }
    stages = ("gradients", "slots", "updates")
    badge = numbers.badge("eager", stages, cells, "../tolerances.html#c-eager-{stage}")
    assert "6.8 of 64" in badge
    assert 'href="../tolerances.html#c-eager-updates"' in badge
    assert "another order of the sum" in badge


def test_what_is_equal_to_the_bit_is_0_ulp():
    badge = numbers.badge("fit", ("loss",), {"loss": recorded_cell(0.0)}, "")
    assert "0 ULP" in badge
    assert "href" not in badge


def test_what_was_not_compared_has_no_badge():
    cell = {**recorded_cell(0.0), "ok": None}
    assert numbers.badge("fit", ("loss",), {"loss": cell}, "") == ""
    assert numbers.badge("fit", ("loss",), {}, "") == ""


def test_a_run_of_other_files_gives_no_badges(run):
    assert numbers.badges(run, "linear_regression", "")
    assert numbers.badges(run, "mlp", "") == {}
    assert numbers.badges(run, "resnet", "") == {}
    assert numbers.badges("", "linear_regression", "") == {}


def test_a_run_is_of_the_files_that_it_names(run):
    recorded = numbers.chapter(run, "linear_regression")
    assert not numbers.is_stale(recorded, "linear_regression")
    path = next(iter(recorded["sources"]))
    recorded["sources"][path] = "0" * 64
    assert numbers.is_stale(recorded, "linear_regression")
    assert reading.digests("linear_regression").keys() == recorded["sources"].keys()


@pytest.mark.parametrize(
    "text", [None, "no JSON", "{}", "[]", '{"chapters": {"mlp": 1}}']
)
def test_what_is_no_run_is_refused(text, tmp_path):
    path = tmp_path / "report.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(numbers.BadRun, match="--run must name what tf-parity run"):
        numbers.run(str(path))
