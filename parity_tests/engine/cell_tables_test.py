"""Claims about what a notebook shows of a comparison."""

import html.parser
import re

import pytest

from parity_tests.engine import cell_tables
from parity_tests.engine.comparison import compare_plays
from parity_tests.engine.small_plays import small_run


class Cells(html.parser.HTMLParser):
    """The texts of a table, row by row, and all tags."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.open, self.tags, self.words = [], [], set(), ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, _):
        self.open.append(tag)
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def test_a_comparison_displays_as_its_table():
    equal = Cells(compare_plays(small_run(), small_run())._repr_html_())
    stages = ["initial values", "loss", "gradients", "slots", "updates"]
    assert equal.rows == [["", *stages], ["candidate", "0", "0", "0", "0", "0"]]
    parts = compare_plays(small_run(), small_run(one_step_late=True))
    shown = Cells(parts._repr_html_())
    assert shown.rows[1][1:4] == ["0", *shown.rows[1][2:4]]
    assert re.fullmatch(r"[\d.e]+ ULP", shown.rows[1][4])
    assert parts.first_divergence.describe() in shown.words


def test_names_of_others_are_no_markup():
    cell = {"max_ulp": 0, "normwise": 0.0, "budget": {"normwise": None}, "ok": True}
    text = cell_tables.as_html([("<b>", {"<script>": cell})], "a < b & c")
    shown = Cells(text)
    assert shown.rows == [["", "<script>"], ["<b>", "0"]]
    assert not shown.tags & {"b", "script"} and "a < b & c" in shown.words


def cell(max_ulp, ok):
    """What a Cell's ``as_data()`` gives where nothing is granted norm-wise."""
    return {"max_ulp": max_ulp, "ok": ok, "budget": {"normwise": None}}


def test_colours_say_what_is_beyond_its_budget_and_a_stage_of_others_is_a_dash():
    rows = [("a", {"loss": cell(0, True)})]
    rows += [("b", {"loss": cell(3, False), "slots": cell(0, True)})]
    shown = re.findall(
        r'<td style="text-align:right(.*?)">(.*?)<', cell_tables.as_html(rows)
    )
    beyond = cell_tables.BEYOND
    assert shown == [("", "0"), ("", "–"), (beyond, "3 ULP"), ("", "0")] and beyond


@pytest.mark.parametrize(
    ("max_ulp", "ok", "expected"),
    [(0, True, True), (1, True, False), (None, None, True), (None, False, False)],
)
def test_within_a_budget_is_not_exactly_equal(max_ulp, ok, expected):
    cells = {"loss": cell(0, True), "slots": cell(max_ulp, ok)}
    assert cell_tables.exactly_equal(cells) == expected
