"""Claims about the HTML page of a scan; how it looks was looked at, in a browser."""

import html.parser
import json
import pathlib
import urllib.parse

import pytest

from tf2_keras.migrate import html_report, scan
from tf2_keras.migrate.rule_file import UNPROVEN

VOID = ("meta", "input")


class Page(html.parser.HTMLParser):
    """A page, parsed: the data of its script, its links, ids and words.

    Raises:
        AssertionError: at a tag that closes another one than the last.
    """

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.ids, self.words, self.data = [], [], [], "", ""
        self.feed(text)
        assert self.open == []
        self.data = json.loads(self.data)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in VOID:
            self.open.append((tag, attributes.get("id")))
        self.ids += filter(None, [attributes.get("id")])
        self.links += filter(None, [attributes.get("href")])

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == ("script", "data"):
            self.data += data
        else:
            self.words += data


def told(data):
    """[(file, place, line, symbol, status, replacement, note, chapter)] of a page."""
    findings = []
    for file, places in data["files"]:
        for start in range(0, len(places), 3):
            place, line, number = places[start : start + 3]
            symbol, status, replacement, note, chapter, _ = data["advice"][number]
            text = data["lines"][line], data["notes"][note]
            findings.append(
                (file, place, text[0], symbol, status, replacement, text[1], chapter)
            )
    return findings


@pytest.mark.usefixtures("project")
def test_html_is_one_page_that_loads_nothing(tf_parity):
    assert tf_parity("scan", ".", "--format", "html", "--output", "page.html")[0] == 0
    text = pathlib.Path("page.html").read_text(encoding="utf-8")
    for loads in ("http", "src=", "<link", "url(", "@import", "fetch(", "import("):
        assert loads not in text
    assert "broken.py:1" in Page(text).words


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("everything", [False, True])
def test_a_page_holds_every_finding_with_its_line(everything):
    report = scan.scan(["."])
    expected = [
        (
            finding.file,
            finding.cell or finding.line,
            finding.source,
            *finding[3:8],
        )
        for finding in report.to_show(everything)
    ]
    page = Page(html_report.html(report, everything))
    assert told(page.data) == expected
    assert "h = tf.layers.dense(x, 3)" in page.data["lines"]
    # The line of the cell, not that of the notebook's file.
    assert {line for _, place, line, *_ in expected if "cell" in str(place)} <= {
        line for _, place, line, *_ in expected if "cell" not in str(place)
    }


@pytest.mark.usefixtures("project")
def test_chapters_and_proofs_are_links():
    page = Page(html_report.html(scan.scan(["."]), chapters={"resnet": "a lesson"}))
    chapters = {advice[4] for advice in page.data["advice"]} - {""}
    proofs = {advice[5] for advice in page.data["advice"]} - {-1}
    assert {"session_basics", "layers"} <= chapters and len(proofs) > 3
    targets = [f"read-{chapter}" for chapter in chapters]
    targets += [f"proof-{proof}" for proof in proofs]
    assert sorted(targets) == sorted(
        name for name in page.ids if name.startswith(("read-", "proof-"))
    )
    # Each leads on to the page or the test that came along.
    assert len(page.links) == len(targets)
    for link in page.links:
        address = urllib.parse.urlsplit(link)
        assert address.scheme == "file"
        assert pathlib.Path(urllib.parse.unquote(address.path)).is_file()
    assert "tf-parity read session_basics" in page.words
    assert "guide/layers.md" in page.words
    assert "pytest --pyargs parity_tests.migrate.idioms_test -k test_both" in page.words


def test_an_advice_names_its_proof_if_it_has_one():
    proofs = ["", UNPROVEN, "a_test.py::test_b", "a_test.py::test_a"]
    proofs.append(proofs[2])
    findings = [scan.Finding("a.py", 1, 1, *"abcde", proof) for proof in proofs]
    data, named = html_report.compact(findings)
    ((_, places),) = data["files"]
    assert [data["advice"][number][5] for number in places[2::3]] == [-1, -1, 0, 1, 0]
    assert named == proofs[2:4]


def test_no_line_of_code_ends_the_script():
    source = "x = '</script><!-- <script>' & \u2028"
    finding = scan.Finding("<b>.py", 1, 1, *"abcdef", source=source)
    page = Page(html_report.html(scan.Report(1, 1, [finding], [])))
    assert told(page.data)[0][:3] == ("<b>.py", 1, source.replace("\u2028", "\\u2028"))


def test_a_large_code_base_makes_a_small_page():
    """Each of the findings on its own, as tables say them, is several times as much."""
    report = scan.Report(
        200,
        10_000,
        [
            scan.Finding(
                f"package/module_{file}.py",
                line,
                1,
                f"tf.symbol_{line % 30}",
                "changes",
                f"tf2_keras.part_{line % 30}(arguments)",
                "What it computes differs, for a reason that takes a line. " * 3,
                "layers",
                "parity_tests/parts/layers_test.py::test_values",
                source=f"x_{line % 40} = tf.symbol_{line % 30}(inputs, units=32)",
            )
            for file in range(200)
            for line in range(1, 51)
        ],
        [],
    )
    size = len(html_report.html(report))
    whole = sum(sum(map(len, map(str, finding))) for finding in report.findings)
    assert size < whole / 10


def test_nothing_to_do_is_said():
    assert "Nothing to do" in html_report.html(scan.Report(1, 1, [], []))
