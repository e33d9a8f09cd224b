"""Claims about what `tf-parity scan` and `guide` print, write and refuse."""

import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys

import pytest

from parity_tests.migrate.programs import PROGRAM, printed, sarif_errors
from tf2_keras.migrate import (
    guide,
    html_report,
    sarif,
    scan,
    sources,
    terminal,
)
from tf2_keras.migrate.printable import printable
from tf2_keras.migrate.statuses import STATUSES

ROOT = pathlib.Path(__file__).parents[2]
FIELDS = [
    "file",
    "line",
    "column",
    "symbol",
    "status",
    "replacement",
    "note",
    "chapter",
    "evidence",
]


# ------------------------------------------------------------------------------- formats


@pytest.mark.usefixtures("project")
def test_json_has_the_documented_fields(tf_parity):
    code, out, _ = tf_parity("scan", ".", "--format", "json")
    report = json.loads(out)
    assert code == 0
    assert list(report) == ["generator", "files", "findings", "summary"]
    assert report["files"] == 2
    assert all(list(finding) == FIELDS for finding in report["findings"])
    assert {finding["status"] for finding in report["findings"]} < set(STATUSES)
    assert report["summary"]["skipped"] == {"syntax error": 1}
    assert report["summary"]["skipped_files"] == [
        {
            "file": "./broken.py",
            "reason": "syntax error",
            "detail": "invalid syntax",
            "line": 1,
        }
    ]
    shown = {finding["symbol"] for finding in report["findings"]}
    assert {"tf.contrib.rnn", "tf.layers.dense", "tf.not_a_symbol"} <= shown
    assert "same" not in {finding["status"] for finding in report["findings"]}


@pytest.mark.usefixtures("project")
def test_all_shows_what_stays_the_same_too(tf_parity):
    _, out, _ = tf_parity("scan", "train.py", "--format", "json", "--all")
    report = json.loads(out)
    assert report["summary"]["uses"] == len(report["findings"])
    assert "tf.float32" in {finding["symbol"] for finding in report["findings"]}
    counts = report["summary"]["statuses"]
    assert list(counts) == list(STATUSES)
    assert sum(counts.values()) == len(report["findings"])


@pytest.mark.usefixtures("project")
def test_sarif_is_valid_by_the_official_schema():
    log = sarif.log(scan.scan(["."]), everything=True)
    assert sarif_errors(log) == []
    log["runs"][0]["results"][0]["level"] = "fatal"  # a planted mistake
    assert sarif_errors(log)


@pytest.mark.usefixtures("project")
def test_sarif_is_valid_where_nobody_installed_the_package(monkeypatch):
    def version(name):
        raise importlib.metadata.PackageNotFoundError(name)

    with monkeypatch.context() as patch:
        patch.setattr(importlib.metadata, "version", version)
        log = sarif.log(scan.scan(["."]))
    assert "version" not in log["runs"][0]["tool"]["driver"]
    assert sarif_errors(log) == []


@pytest.mark.usefixtures("project")
def test_sarif_places_and_rules_hang_together(tf_parity):
    assert tf_parity("scan", ".", "--format", "sarif", "--output", "log.sarif")[0] == 0
    (run,) = json.loads(pathlib.Path("log.sarif").read_text())["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"].count("\n") == 0
    dense = next(
        result
        for result in run["results"]
        if result["ruleId"].startswith("tf.layers.dense/")
    )
    uris = {
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for result in run["results"]
    }
    assert uris == {"n%C3%A4h%20%26%20%3Cco%3E.ipynb", "train.py"}
    assert dense["level"] == STATUSES[dense["properties"]["status"]].level
    regions = [
        result["locations"][0]["physicalLocation"]["region"]
        for result in run["results"]
        if result["ruleId"] == dense["ruleId"]
    ]
    assert {"startLine": 5, "startColumn": 5} in regions
    (told,) = run["invocations"][0]["toolExecutionNotifications"]
    assert told["message"]["text"] == "syntax error: invalid syntax"


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("by", ["file", "symbol"])
def test_the_terminal_report_groups_and_counts(by, tf_parity):
    code, out, err = tf_parity("scan", ".", "--by", by)
    assert code == 0 and "Traceback" not in err
    for words in (
        "tf.layers.dense",
        "gone",
        "cell 1" if by == "file" else "train.py:5",
        "2 files, 20 lines",
        "skipped, syntax error: 1",
        "broken.py:1",
    ):
        assert words in out, words
    assert "tf.float32" not in out


@pytest.mark.usefixtures("project")
def test_output_holds_what_the_terminal_would(tf_parity):
    _, out, _ = tf_parity("scan", "train.py")
    assert tf_parity("scan", "train.py", "--output", "report.txt")[:2] == (0, "")
    written = pathlib.Path("report.txt").read_text(encoding="utf-8")
    assert written == out + "\nWritten by tf-parity.\n"  # by which it is known again
    assert sorted(os.listdir()) == [
        "broken.py",
        "näh & <co>.ipynb",
        "report.txt",
        "train.py",
    ]


WIDTHS = (80, 120)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("by", ["file", "symbol"])
def test_advice_has_the_width_of_the_terminal(by, width):
    report = scan.scan(["."])
    text = printed(terminal.report(report, by), width)
    assert max(map(len, text.splitlines())) <= width
    notes = [finding.note for finding in report.to_show() if len(finding.note) > width]
    assert notes
    for note in notes:
        starts = [line for line in text.splitlines() if line.strip()[:30] == note[:30]]
        assert starts, note
        for line in starts:  # as many words as fit: three quarters of the width
            assert len(line.rstrip()) > 0.75 * width, line


@pytest.mark.usefixtures("project")
def test_a_terminal_report_says_how_to_read_what_it_names():
    report = scan.scan(["."])
    renderable = terminal.report(report, chapters={"resnet": "x"})
    text = " ".join(printed(renderable, 500).split())
    assert "page: layers" in text and "guide/layers.md" in text
    assert "chapter: session_basics" in text
    assert "session_basics: tf-parity read session_basics" in text


ODD = "\x1b]0;owned\x07\x1b[31m\r\n\u202e<b>\udcff.py"
SHOWN = r"\x1b]0;owned\x07\x1b[31m\r\n\u202e<b>\xff.py"


def odd_report():
    """A report on files whose names steer terminals, pages and readers."""
    detail = "cannot \x1b[2J"
    return scan.Report(
        1,
        1,
        [
            scan.Finding(ODD, 1, 1, symbol, "gone", "", "", "", "", source="x\x1b[2J")
            for symbol in ("tf.log", "tf.set_random_seed")
        ],
        [sources.Skipped(ODD, "syntax error", detail, 3)],
    )


def test_what_is_printable_stays_as_it_is():
    assert printable("näh & <co> \N{SNOWMAN}.py") == "näh & <co> \N{SNOWMAN}.py"
    assert printable(ODD) == SHOWN


@pytest.mark.parametrize("by", ["file", "symbol"])
def test_a_name_cannot_steer_the_terminal(by):
    report = odd_report()
    for renderable in (
        terminal.report(report, by),
        guide.tables(guide.reading(report)),
    ):
        text = printed(renderable, 500)
        assert not [
            character
            for character in text
            if not character.isprintable() and character != "\n"
        ]
        assert SHOWN in text
    with pytest.raises(terminal.UnknownSymbol) as refused:
        terminal.explained("tf.\x1b[31m")
    assert "\x1b" not in str(refused.value)


def test_a_name_cannot_steer_a_page_or_a_log():
    report = odd_report()
    page = html_report.html(report)
    page.encode("utf-8")
    log = sarif.log(report)
    texts = [
        log["runs"][0]["invocations"][0]["toolExecutionNotifications"][0]["message"],
        *[result["message"] for result in log["runs"][0]["results"]],
    ]
    for text in (page, *[message["text"] for message in texts]):
        assert not set(text) & set("\x1b\x07\r\u202e\udcff")
    assert sarif.uri(ODD).isascii() and sarif.uri(ODD).isprintable()
    assert sarif.uri("\udcff.py") == "%FF.py"
    assert sarif.uri("/a b.py") == "file:///a%20b.py"
    assert json.loads(json.dumps(report.as_data()))["findings"][0]["file"] == ODD


# ----------------------------------------------------------------------------- exit codes


FINDINGS = [
    scan.Finding("a.py", 1, 1, f"tf.{status}", status, "", "", "", "")
    for status in ("gone", "same")
]


@pytest.mark.parametrize(
    "fail_on, reasons, fails",
    [
        ((), ["syntax error"], False),
        (("gone",), [], True),
        (("changes",), [], False),
        (("changes", "unknown"), ["syntax error"], True),
        (("skipped",), [], False),
        (("skipped",), ["syntax error"], True),
        (("skipped",), ["nested too deeply"], True),
        (("skipped",), ["unreadable folder"], True),
        (("skipped",), ["crashes the reader"], True),
        (("skipped",), ["a reason of tomorrow"], True),
        (("skipped",), sources.HARMLESS, False),
    ],
)
def test_a_gate_does_not_open_for_what_was_not_read(fail_on, reasons, fails):
    skipped = [sources.Skipped("b.py", reason) for reason in reasons]
    assert scan.Report(1, 1, FINDINGS, skipped).fails(fail_on) == fails


@pytest.mark.usefixtures("project")
def test_a_gate_on_a_folder_with_a_broken_file_is_closed():
    for name in os.listdir():
        if name != "broken.py":
            os.remove(name)
    report = scan.scan(["."])
    assert report.files == 0 and report.fails(["gone", "unknown"])
    assert not report.fails([])


def test_a_gate_may_name_every_status_that_asks_for_something():
    assert set(scan.FAIL_ON) == {*STATUSES, "skipped"} - {"same"}


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "fail_on, code",
    [
        (["gone"], 1),
        (["unknown"], 1),
        (["gone,unknown"], 1),
        (["gone", "--fail-on", "changes"], 1),
        ([], 0),
    ],
)
def test_fail_on_sets_the_exit_code(fail_on, code, tf_parity):
    words = ["--fail-on", *fail_on] if fail_on else []
    assert tf_parity("scan", "train.py", *words)[0] == code


@pytest.mark.usefixtures("project")
def test_nothing_that_is_asked_for_is_no_failure(tf_parity):
    pathlib.Path("fine.py").write_text("import tensorflow as tf\nprint(tf.float32)\n")
    assert tf_parity("scan", "fine.py", "--fail-on", "gone,changes,unknown")[0] == 0


def test_an_empty_folder_is_fine(tmp_path, tf_parity):
    code, out, _ = tf_parity("scan", tmp_path)
    assert code == 0 and "0 files" in out


MISTAKES = {
    "no path": (["scan"], "PATH must be given"),
    "no such path": (["scan", "nowhere"], "nowhere (no such file)"),
    "no such path of guide": (["guide", "nowhere"], "nowhere (no such file)"),
    "format": (["scan", ".", "--format", "jsn"], "Nearest: json"),
    "format of guide": (["guide", ".", "--format", "html"], "Nearest: terminal"),
    "grouping": (["scan", ".", "--by", "fil"], "Nearest: file"),
    "status": (["scan", ".", "--fail-on", "gone,chnges"], "Nearest: changes"),
    "folder as output": (["scan", ".", "--output", "."], "--output must name a file"),
    "output nowhere": (["scan", ".", "--output", "no/where.json"], "can be written"),
    "symbol": (["explain", "tf.layers.dens"], "Nearest: tf.layers.dense"),
    "symbol without tf": (
        ["explain", "AdamOptimiser"],
        "tf.train.AdamOptimizer",
    ),
    "option": (["scan", ".", "--fail"], "scan --help."),
}


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2(name, tf_parity):
    words, expected = MISTAKES[name]
    code, out, err = tf_parity(*words)
    assert code == 2 and out == ""
    assert err.startswith("tf-parity: ") and err.count("\n") == 1 and expected in err
    assert sorted(os.listdir()) == ["broken.py", "näh & <co>.ipynb", "train.py"]


@pytest.mark.usefixtures("project")
def test_a_gate_on_nothing_is_not_open(tf_parity):
    os.mkdir("empty")
    assert tf_parity("scan", "empty")[0] == 0
    code, _, err = tf_parity("scan", "empty", "--fail-on", "gone")
    assert code == 2 and "Received: empty, without a .py" in err
    pathlib.Path("empty", "fine.py").write_text("")
    assert tf_parity("scan", "empty", "--fail-on", "gone")[0] == 0


# -------------------------------------------------------------------------------- speed


SPEED = """
import ast, pathlib, sys, time
from tf2_keras.migrate import scan

folder = sys.argv[1]
start = time.process_time()
for path in pathlib.Path(folder).iterdir():
    ast.parse(path.read_text())
parsed = time.process_time()
report = scan.scan([folder], workers=1)
scanned = time.process_time()
assert report.lines >= 40_000 and report.files == 40
assert not {"tensorflow", "numpy"} & set(sys.modules)
print((scanned - parsed) / (parsed - start))
"""


@pytest.mark.slow
def test_a_scan_imports_no_tensorflow_and_takes_a_few_times_what_parsing_does(tmp_path):
    """120 000 lines, of which these are a third, are done in 5 s on two cores."""
    for number in range(40):
        body = PROGRAM + "".join(
            f"def f{line}(x, y):\n    z = [x + {line}, y['a'], tf.nn.relu(x)]\n"
            "    for each in z:\n        z.append(each.run(y=x, *z))\n    return z[0]\n"
            for line in range(198)
        )
        (tmp_path / f"m{number}.py").write_text(body)
    run = subprocess.run(
        [sys.executable, "-c", SPEED, str(tmp_path)],
        timeout=600,
        check=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert float(run.stdout) < 6


def test_uses_that_differ_at_an_edge_only_are_counted_and_told_with_all(
    tf_parity, tmp_path
):
    """Of two symbols of one status one has an edge; TF2 code is told nothing."""
    path = tmp_path / "train.py"
    path.write_text("import tensorflow as tf\ns = tf.Session()\ny = tf.nn.relu(x)\n")
    code, out, err = tf_parity("scan", path)
    said = " ".join(out.split())
    assert (code, err) == (0, "") and "1 use of what stays as it is: 1.15 gave" in said
    assert "tf.nn.relu" not in said
    _, out, _ = tf_parity("scan", path, "--all")
    assert "At the edges: another sign of zero (tf.nn.relu(x), tied)." in " ".join(
        out.split()
    )
    assert scan.scan([str(path)]).summary()["same_but_at_edges"] == 1
    path.write_text("import tensorflow as tf\ns = tf.Session()\ny = tf.matmul(x, w)\n")
    assert scan.scan([str(path)]).summary()["same_but_at_edges"] == 0
    path.write_text("import tensorflow as tf\ntf.function(f)\ny = tf.nn.relu(x)\n")
    assert scan.scan([str(path)]).summary()["same_but_at_edges"] == 0
