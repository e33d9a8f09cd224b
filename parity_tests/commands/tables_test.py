"""Claims about the tables of numbers: nothing in them is cut, at any width."""

import io
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parity_tests.commands import console, run, tables
from parity_tests.engine import cell_tables
from parity_tests.engine.records import STAGES

LARGEST = 2.0**63  # ULPs between two float64


def cell(max_ulp=0, normwise=0.0, granted=None, ok=True):
    """What a Cell's ``as_data()`` gives."""
    budget = {"ulp": 0, "normwise": granted, "reason": ""}
    return {"max_ulp": max_ulp, "normwise": normwise, "budget": budget, "ok": ok}


def report(cells, levels=("eager", "function", "fit"), value=0.009834):
    """The "chapters" of a report in which every level has the same cells."""
    result = {"metric": "test accuracy", **dict.fromkeys(("session", *levels), value)}
    return {
        "logistic_regression": {
            "steps": 10_000_000,
            "levels": dict.fromkeys(levels, cells),
            "result": result,
        }
    }


@pytest.mark.parametrize(
    "data, text, style",
    [
        (cell(), "0", "green"),
        (cell(max_ulp=None, normwise=None, ok=None), "–", "dim"),
        (cell(6), "6 ULP", "green"),
        (cell(616, ok=False), "616 ULP", "bold red"),
        (cell(2_013_265_919, ok=False), "2.0e9 ULP", "bold red"),
        # Where the budget is norm-wise, elements near zero say nothing.
        (cell(1_711_000_000, 7.13, 64.0), "7.1 of 64", "green"),
        (cell(1_711_000_000, 71.3, 64.0, False), "71 of 64", "bold red"),
        (cell(9, 7.13, 9_999.0), "7.1 of 9999", "green"),
        (cell(9, 7.13, 10_000.0), "7 of 1.0e4", "green"),
        (cell(9, 123_456.0, 20_000.0, False), "1e5 of 2.0e4", "bold red"),
        (cell(None, None, ok=False), "differs", "bold red"),
        (cell(5, None, 64.0, ok=False), "differs", "bold red"),
    ],
)
def test_a_cell_says_the_measure_of_its_budget(data, text, style):
    difference = tables.difference(data)
    assert (difference.plain, str(difference.style)) == (text, style)


@given(st.floats(0, 1e99).filter(lambda value: value == 0 or value > 1e-99))
@example(LARGEST)
@example(99.96)
@example(9999.6)
@example(1e-7)
def test_a_number_is_short_and_near(value):
    text = cell_tables.short(value)
    assert len(text) <= 7 and math.isclose(float(text), value, rel_tol=0.06)


@pytest.mark.parametrize("columns", ["80", "100", "160"])
@pytest.mark.parametrize(
    "worst",
    [
        cell(int(LARGEST), ok=False),
        cell(9, 1.2e30, 64.0, False),
        cell(None, None, ok=False),
    ],
    ids=["ULPs", "norm-wise", "incomparable"],
)
def test_the_widest_table_is_whole(monkeypatch, columns, worst):
    """With more stages and levels than there are."""
    monkeypatch.setenv("COLUMNS", columns)
    stages = (*STAGES, "statistics", "activations", "queues")
    levels = ("eager", "function", "fit", "replicas")
    chapters = report(dict.fromkeys(stages, worst), levels)
    text = console.rendered(io.StringIO(), [run.table(chapters)])
    shown = tables.difference(worst).plain
    table, _ = text.split("\n0: equal to the bit")
    assert table.count(shown) == len(levels) * len(stages)
    for stage in stages:
        assert stage.split()[-1] in text
    assert max(map(len, text.splitlines())) <= 100
    assert "…" not in text and "logistic_regression, 10,000,000 steps, " in text


def test_a_table_of_equal_chapters_fits_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    stages = [stage for stage in STAGES if stage not in ("initial values", "carried")]
    cells = {"initial values": cell()}
    cells.update((stage, cell(20, 0.72, 64.0)) for stage in stages)
    text = console.rendered(io.StringIO(), [run.table(report(cells))])
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("0.72 of 64") == 15


def test_stages_of_different_chapters_share_the_columns():
    sections = [
        ("one", [("fit", {"loss": cell(1), "updates": cell(2)})]),
        ("two", [("fit", {"carried": cell(3)})]),
    ]
    text = console.rendered(io.StringIO(), [tables.differences("title", sections)])
    lines = [line.split() for line in text.splitlines()]
    assert ["loss", "carried", "updates"] in lines
    assert ["fit", "1", "ULP", "–", "2", "ULP"] in lines
    assert ["fit", "–", "3", "ULP", "–"] in lines


def test_a_line_that_can_be_copied_has_no_break(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    command = "tf-parity run" + " --chapter mnist_cnn" * 20
    text = console.rendered(io.StringIO(), [tables.divergence("place", command)])
    assert command in text


@pytest.mark.parametrize(
    "value, text",
    [(5.8214, "5.82"), (34.42, "34.4"), (328.7, "329"), (26830.0, "26,830")],
)
def test_a_speed_is_readable(value, text):
    assert tables.speed(value) == text


def test_a_stage_of_one_program_is_named_below_its_rows():
    """And takes no column of all the others, however many there are."""
    own = {f"stage {number}": cell(number) for number in range(12)}
    sections = [
        ("one", [("fit", {"loss": cell(1)})]),
        ("two", [("function", {"loss": cell(3), **own})]),
    ]
    text = console.rendered(io.StringIO(), [tables.differences("title", sections)])
    lines = text.splitlines()
    (below,) = (place for place, line in enumerate(lines) if "function" in line)
    assert lines[below].split() == ["function", "3", "ULP"]
    listed = ", ".join(line.strip() for line in lines[below + 1 : below + 4])
    assert listed.startswith("stage 0 0, stage 1 1 ULP, ")
    assert all(
        f"{stage} {number} ULP" in listed for number, stage in enumerate(own) if number
    )
    assert max(map(len, lines)) <= 100 and text.count("stage 7") == 1
