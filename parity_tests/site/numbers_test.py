"""Claims about what of a recorded run stands beside the code."""

import json
import re

import pytest

from parity_tests.engine.budgets import Budget
from parity_tests.models import chapters, reading
from parity_tests.pages import results
from parity_tests.site import links, numbers
from parity_tests.site.conftest import recorded_cell, recorded_run

WITHIN = Budget(normwise=64, reason="another order of the sum")


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "report.json"
    path.write_text(json.dumps(recorded_run()), encoding="utf-8")
    return str(path)


def badge_of(level, stages, cells):
    return numbers.badge("mlp", level, stages, cells, "../{}".format)


def test_a_badge_says_the_worst_of_its_stages_and_leads_to_test_and_reason():
    cells = {
        "gradients": recorded_cell(0.0),
        "slots": recorded_cell(3.0, WITHIN),
        "updates": recorded_cell(6.8, WITHIN),
        "loss": recorded_cell(9.9, WITHIN),
    }
    badge = badge_of("eager", ("gradients", "slots", "updates"), cells)
    assert '<a href="../tolerances.html#mlp-eager-updates">6.8 of 64</a>' in badge
    assert f'href="../{links.of_test(numbers.BUDGETED)}"' in badge
    assert "another order of the sum" in badge


def test_a_badge_of_what_1_15_5_recorded_leads_to_its_budget():
    cells = {"loss": recorded_cell(0.9, WITHIN)}
    badge = numbers.badge("estimator", "fit", None, cells, "../{}".format)
    assert '"../tolerances.html#estimator-1.15.5-loss"' in badge
    page = (results.DOCS / "tolerances.md").read_text(encoding="utf-8")
    assert "\n| estimator | 1.15.5 | loss |" in page  # what the anchor is made of


def test_what_is_equal_to_the_bit_is_0_ulp_and_leads_to_its_test():
    badge = badge_of("fit", ("loss",), {"loss": recorded_cell(0.0)})
    assert "0 ULP" in badge
    assert re.findall('href="([^"]*)"', badge) == [f"../{links.of_test(numbers.EXACT)}"]


@pytest.mark.parametrize(
    "evidence", [numbers.EXACT, numbers.BUDGETED, numbers.OF_PROGRAMS]
)
def test_the_tests_that_badges_lead_to_are_there(evidence):
    path, _, test = evidence.partition("::")
    assert f"\ndef {test}(" in (reading.ROOT / path).read_text(encoding="utf-8")


def test_what_was_not_compared_has_no_badge():
    cell = {**recorded_cell(0.0), "ok": None}
    assert badge_of("fit", ("loss",), {"loss": cell}) == ""
    assert badge_of("fit", ("loss",), {}) == ""


def test_a_run_of_other_files_gives_no_badges(run):
    assert numbers.badges(run, "linear_regression", str)
    assert numbers.badges(run, "mlp", str) == {}
    assert numbers.badges(run, "resnet", str) == {}


def test_without_a_run_the_one_that_comes_along_is_shown(monkeypatch, tmp_path):
    assert numbers.badges("", "linear_regression", str)
    monkeypatch.setattr(numbers, "RECORDED", tmp_path / "none.json")
    assert numbers.badges("", "linear_regression", str) == {}


REMEDY = "run python -m parity_tests.pages.results"


@pytest.mark.parametrize("name", chapters.NAMES)
def test_the_run_that_comes_along_is_of_todays_files(name):
    recorded = numbers.chapter("", name)
    assert recorded is not None and not numbers.is_stale(recorded, name), REMEDY
    cells = [cell for level in recorded["levels"].values() for cell in level.values()]
    assert all(cell["ok"] is not False for cell in cells)


def test_the_page_of_results_is_of_the_run_that_comes_along():
    page = (results.DOCS / "results.md").read_text(encoding="utf-8")
    assert page == results.page(numbers.run("")), REMEDY
    readme = (results.DOCS.parent / "README.md").read_text(encoding="utf-8")
    assert f"`{page.splitlines()[-2]}`" in readme, "README quotes the last line of it"


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
