"""Claims about the page of a comparison: whole, self-contained, and true."""

import html.parser
import re

import numpy as np
import pytest

from parity_tests.engine.small_plays import small_run
from parity_tests.pair import html_report, networks, plots, stored_pairs

ENVIRONMENT = {"tensorflow": "2.21.0", "cpu": "one <&> all"}
VOID = ("meta", "link", "path", "line", "rect")


class Page(html.parser.HTMLParser):
    """A page, parsed: its words, tags, ids, links, and the data of its figures.

    Raises:
        AssertionError: at a tag that closes another one than the last.
    """

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids, self.links = [], [], [], []
        self.words, self.titles, self.attributes = "", [], []
        self.feed(text)
        assert self.open == []
        self.words = " ".join(self.words.split())

    def handle_startendtag(self, tag, attributes):
        self.note(tag, dict(attributes))

    def handle_starttag(self, tag, attributes):
        self.note(tag, dict(attributes))
        if tag not in VOID or tag == "path" or tag == "rect":
            self.open.append(tag)

    def note(self, tag, attributes):
        self.tags.append(tag)
        self.attributes.append((tag, attributes))
        self.ids += filter(None, [attributes.get("id")])
        self.links += filter(None, [attributes.get("href")])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "title":
            self.titles.append(data)
        elif not self.open or self.open[-1] != "style":
            self.words += data


def page(*subjects):
    return html_report.page(subjects, ENVIRONMENT)


def test_a_page_loads_nothing_and_runs_nothing():
    text = page(stored_pairs.parting(), stored_pairs.subject())
    for loads in ("http:", "https:", "src=", "url(", "@import"):
        assert loads not in text
    shown = Page(text)
    assert "script" not in shown.tags
    assert not [
        a for _, attributes in shown.attributes for a in attributes if a[:2] == "on"
    ]
    (policy,) = (
        attributes["content"]
        for _, attributes in shown.attributes
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'")
    # All links lead to somewhere on the page.
    assert {link for link in shown.links if link != "data:,"} == {
        f"#{name}" for name in shown.ids
    }


def test_the_first_sentence_is_the_verdict():
    equal = Page(page(stored_pairs.subject())).words
    assert (
        "The two sides are equal to the last bit over 5 steps, at level function and fit."
        in equal
    )
    assert "0 ULP at each of 5 moves, in every stage." in equal
    assert "tf-parity check pair.py" in equal and "one <&> all" in equal
    divergence = stored_pairs.parting().divergences["function"]
    parts = Page(page(stored_pairs.parting())).words
    assert (
        "The two sides part at step 1, slots, dense/kernel (level function), "
        f"{divergence.ulps:,} ULP apart." in parts
    )
    assert " ".join(divergence.describe().split()) in parts
    assert "tf-parity check pair.py --level fit" in parts
    nan = stored_pairs.subject(name="nan.py")._replace(nans="NaN at step 1.")
    several = Page(page(stored_pairs.parting(), stored_pairs.subject(), nan)).words
    assert "1 of 3 are equal. pair.py parts pair.py equal" in several
    assert "nan.py proves nothing: NaN" in several


def test_the_plots_are_the_trace():
    trace = stored_pairs.parting().trace.levels["fit"]
    losses = plots.losses(trace, "fit")
    assert [line.name for line in losses.lines] == ["TF1", "the twin, fit"]
    loss = float(small_run()[-1]["loss"]["loss"])
    assert losses.lines[0].last == f"{loss:.6g}"
    # From step 1 to the last, from left to right.
    at = [float(x) for x in re.findall(r"[ML]([\d.]+) ", losses.lines[0].path)]
    assert at == [20.0, 40.0, 60.0, 80.0, 100.0]
    drift = plots.drift(trace)
    assert [line.name for line in drift.lines] == [
        stage for stage in trace.measured if trace.drift(stage)
    ]
    (variables,) = (plots.heat_map(trace, ("initial values", "updates")),)
    assert sorted(row.name for row in variables.rows) == ["dense/bias", "dense/kernel"]
    for row in variables.rows:
        assert row.worst == plots.told(trace.worst("updates", row.name))
        covered = [
            n for left, width, *_ in row.cells for n in range(left, left + width)
        ]
        assert covered == sorted(trace.drift("updates", row.name))
    assert plots.drift(stored_pairs.subject().trace.levels["fit"]) is None


def test_what_is_no_number_is_shown_as_such():
    candidate = small_run()
    candidate[2]["updates"]["dense/bias"] = np.full(3, np.nan, np.float32)
    candidate[3]["loss"]["loss"] = np.float32(np.nan)
    subject = stored_pairs.subject(candidate=candidate)
    shown = Page(page(subject))
    assert "step 2, updates, dense/bias (level function), values differ" in shown.words
    assert "not comparable" in shown.words
    assert any("step 2: not comparable" in title for title in shown.titles)
    assert "nan" not in " ".join(
        attributes.get("d", "") for _, attributes in shown.attributes
    )
    assert (
        "Nothing is proven: both sides hold NaN"
        in Page(page(stored_pairs.subject()._replace(nans="NaN at step 1."))).words
    )


def test_names_of_others_are_no_markup_and_move_no_cursor():
    record = {"<b>&": np.ones(2, np.float32)}
    plays = [{"initial values": record}, {"loss": {"</title>": np.float32(1)}}]
    changed = [{"initial values": {"<b>&": np.zeros(2, np.float32)}}, plays[1]]
    subject = stored_pairs.subject(
        name="</style><script>\x1b.py", reference=plays, candidate=changed
    )
    shown = Page(page(subject))
    assert "</style><script>\\x1b.py" in shown.words and "<b>&" in shown.words
    assert "script" not in shown.tags
    assert "\x1b" not in shown.words


def test_the_network_has_each_layer_and_its_edges():
    subject = stored_pairs.parting()
    trace = subject.trace.levels["function"]
    layers = [("a", ()), ("b", (0,)), ("c", (1,)), ("add", (0, 2)), ("d", (3,))]
    trace.layers = [
        networks.Layer(
            name, "Dense", sources, "op", "MatMul", 3.0 * n, 0.0, ("dense/bias",)
        )
        for n, (name, sources) in enumerate(layers)
    ]
    trace.sources = [networks.Source("TF1", "/a.py", 7, ("x = 1 < 2", "y"), (8,))]
    shown = Page(page(subject))
    for name, _ in layers:
        assert f"{name} Dense · TF1: MatMul op" in shown.words
    assert "output 0" in shown.words and "output 12 ULP norm-wise" in shown.words
    worst = plots.told(trace.worst("updates", "dense/bias"))
    assert f"weights {worst}" in shown.words
    assert "7 x = 1 < 2" in shown.words.replace("7x", "7 x") and "mark" in shown.tags
    lanes = html_report._lanes(trace.layers)
    assert sorted((begin, end) for begin, end, _ in lanes) == [
        (1, 2),
        (1, 4),
        (2, 3),
        (3, 4),
        (4, 5),
    ]
    # No two that overlap share a lane.
    for lane in {lane for *_, lane in lanes}:
        spans = sorted((begin, end) for begin, end, n in lanes if n == lane)
        assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:], strict=False))


@pytest.mark.parametrize("steps", [0, 1, 700])
def test_a_play_of_any_length_makes_a_page(steps):
    plays = [{"initial values": {"w": np.ones(1, np.float32)}}]
    plays += [
        {
            "move": "train",
            "loss": {"loss": np.float32(1)},
            "updates": {"w": np.float32([n])},
        }
        for n in range(steps)
    ]
    off = [dict(record) for record in plays]
    for record in off[1:]:
        record["updates"] = {"w": record["updates"]["w"] + np.float32(1)}
    text = page(stored_pairs.subject(reference=plays, candidate=off))
    Page(text)
    assert len(text) < 120_000
