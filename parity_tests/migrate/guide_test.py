"""Claims about the reading order for a code base, and where what it names is to read."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from parity_tests.commands import cli
from parity_tests.migrate.programs import PROGRAM, printed
from parity_tests.models import chapters
from tf2_keras.migrate import catalogue, guide, pages, rule_file, scan

ROOT = pathlib.Path(__file__).parents[2]
TEACHES = chapters.teaches()


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


def test_the_guide_orders_by_what_is_unlocked_ties_by_the_order_of_chapters():
    stems = ["resnet", "mnist_cnn", "losses", "resnet", "", "session_basics", "losses"]
    data = guide.reading(chaptered([*stems, "input", "losses"]), TEACHES)
    assert [(entry["chapter"], entry["unlocks"]) for entry in data["chapters"]] == [
        ("resnet", 2),
        ("session_basics", 1),
        ("mnist_cnn", 1),
    ]
    for entry in data["chapters"]:
        assert entry["teaches"] == TEACHES[entry["chapter"]]
        assert entry["read"] == f"tf-parity read {entry['chapter']}"
    assert [(entry["page"], entry["unlocks"]) for entry in data["pages"]] == [
        ("losses", 3),
        ("input", 1),
    ]
    assert data["without_chapter"] == 1
    assert data["effort"]["changes"] == {"uses": 9, "symbols": 6, "files": 1}
    commands = [step["command"] for step in data["first_steps"]]
    assert "tf-parity run --chapter resnet" in commands


@pytest.mark.parametrize("width", [80, 120])
def test_what_the_guide_prints_can_be_followed(width):
    data = guide.reading(chaptered(["resnet", "losses"]), TEACHES)
    text = printed(guide.tables(data), width)
    assert max(map(len, text.splitlines())) <= width
    assert "tf-parity read resnet" in text and TEACHES["resnet"] in text
    assert "read losses" not in text
    words = " ".join(text.split())
    for number, step in enumerate(data["first_steps"], 1):
        assert f" {number}. {step['why']} {step['command']}" in words
    assert " 1. resnet 1 use " in words and " 1. losses 1 use " in words
    assert " changes │ 2 │ 2 │ 1 │ " in words  # uses, symbols, files
    path = data["pages"][0]["file"]
    assert path.endswith("losses.md") and path in text.replace("\n    ", "")


def test_the_guide_says_first_what_was_taken_for_tf2_also_if_nothing_is_to_do():
    for findings in (chaptered(["resnet"]).findings, []):
        report = scan.Report(1, 10, findings, [], taken_for_tf2=(3, 2))
        text = printed(guide.tables(guide.reading(report, TEACHES)), 200)
        assert text.startswith("3 uses in 2 files that exist in both were taken for ")
        assert ("\n\nChapters, each by " in text) == bool(findings)
        assert ("Effort" in text) == bool(findings) and "Nothing to do" not in text


@pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="docs/ is in a checkout only")
def test_every_chapter_and_page_that_a_rule_names_is_known():
    stems = {rule.chapter for rule in catalogue.every()} - {""}
    assert len(stems) > 10
    for stem in stems:
        page = pages.page(stem, TEACHES)
        assert page.is_chapter == (stem in TEACHES), stem
        assert page.exists and pathlib.Path(page.file).is_file() and page.address


@pytest.mark.usefixtures("project")
def test_the_first_steps_of_the_guide_are_commands_that_exist():
    steps = guide.reading(scan.scan(["."]), TEACHES)["first_steps"]
    assert len(steps) > 4
    for step in steps:
        program, command, *words = step["command"].split()
        assert program == "tf-parity"
        if command == "explain":
            assert catalogue.find(words[0]) is not None
            continue
        options = {
            name
            for option in cli.commands.commands[command].params
            for name in (*option.opts, *option.secondary_opts)
        }
        assert all(word in options for word in words if word.startswith("--"))
        if "--chapter" in words or command == "read":
            assert words[-1] in chapters.NAMES


@pytest.mark.usefixtures("project")
def test_guide_prints_and_writes(tf_parity):
    code, out, _ = tf_parity("guide", ".")
    assert code == 0 and "Effort" in out and "First steps" in out
    code, out, _ = tf_parity("guide", ".", "--format", "json")
    assert set(json.loads(out)) == {
        "generator",
        "files",
        "chapters",
        "pages",
        "without_chapter",
        "effort",
        "first_steps",
        "summary",
    }
    pathlib.Path("fine.py").write_text("print(1)\n")
    assert "Nothing to do" in tf_parity("guide", "fine.py")[1]


# ------------------------------------------------------------------ where it is installed


GUIDE = """
import json, sys
from tf2_keras.migrate import guide, html_report, sarif, scan, terminal
report = scan.scan(["program.py"])
chapters = {"session_basics": "the graph"}
terminal.report(report, chapters=chapters)
terminal.explanation("tf.layers.dense", chapters)
sarif.log(report)
html = html_report.html(report, chapters=chapters)
heavy = [name for name in ("numpy", "tensorflow", "keras") if name in sys.modules]
data = guide.reading(report, chapters)
print(json.dumps([heavy, data["pages"], data["chapters"], "file://" in html]))
"""


def installed(folder, with_docs):
    """The room alone, as a wheel installs it: what it imports beside itself fails."""
    site, docs = folder / "site", folder / "share" / "doc" / "tf-parity"
    shutil.copytree(
        pathlib.Path(pages.__file__).parent,
        site / "tf2_keras" / "migrate",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    (site / "tf2_keras" / "__init__.py").touch()
    information = site / "tf_parity-0.0.1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Name: tf-parity\nVersion: 0.0.1\n")
    records = [f"{information.name}/METADATA,,"]
    if with_docs:
        for page in ("guide/README.md", "guide/layers.md", "models/session_basics.md"):
            (docs / page).parent.mkdir(parents=True, exist_ok=True)
            (docs / page).write_text(f"# Title of {page}\n")
            records.append(f"../share/doc/tf-parity/{page},,")
    (information / "RECORD").write_text("\n".join(records) + "\n")
    (folder / "program.py").write_text(PROGRAM)
    run = subprocess.run(
        [sys.executable, "-c", GUIDE],
        env={**os.environ, "PYTHONPATH": str(site)},
        cwd=folder,
        timeout=600,
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(run.stdout)


def test_advice_names_a_page_by_where_it_lies(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = pathlib.Path(pages.located("docs/guide/layers.md"))
    assert file == pages.docs() / "guide" / "layers.md" and file.is_file()
    assert pages.located("docs/guide/none.md") == "docs/guide/none.md"


def test_an_installation_leads_to_its_pages_and_imports_nothing_heavy(tmp_path):
    heavy, page_entries, chapter_entries, has_links = installed(tmp_path, True)
    assert heavy == []
    (layers,) = (entry for entry in page_entries if entry["page"] == "layers")
    assert layers["teaches"] == "Title of guide/layers.md"
    assert layers["file"] == "share/doc/tf-parity/guide/layers.md"
    assert (tmp_path / layers["file"]).is_file() and has_links
    (basics,) = (entry for entry in chapter_entries)
    assert basics["chapter"] == "session_basics" and basics["teaches"] == "the graph"


def test_an_installation_without_pages_names_their_place_in_the_project(tmp_path):
    _, page_entries, chapter_entries, has_links = installed(tmp_path, False)
    files = {entry["page"]: entry["file"] for entry in page_entries}
    assert files["layers"] == "docs/guide/layers.md" and not has_links
    assert [entry["chapter"] for entry in chapter_entries] == ["session_basics"]


@pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="docs/ is in a checkout only")
def test_every_page_goes_into_the_wheel():
    project = rule_file.tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packed = {}
    for target, patterns in project["tool"]["setuptools"]["data-files"].items():
        for pattern in patterns:
            for path in ROOT.glob(pattern):
                packed[path.relative_to(ROOT / "docs").as_posix()] = target
    for path in (ROOT / "docs").rglob("*.md"):
        name = path.relative_to(ROOT / "docs")
        target = pathlib.PurePosixPath(pages.INSTALLED, name.parent).as_posix()
        assert packed[name.as_posix()] == target


def test_of_each_kind_of_work_the_most_frequent_symbol_is_named_with_its_uses():
    uses = {
        "changes": ["tf.b", "tf.a", "tf.b"],
        "gone": ["tf.c", "tf.d", "tf.d", "tf.d"],
        "restructure": ["tf.e"],
        "renamed": 9 * ["tf.f"],
    }
    findings = [
        scan.Finding("a.py", 1, 1, symbol, status, "x", "", "", "unproven")
        for status, symbols in uses.items()
        for symbol in symbols
    ]
    steps = guide.reading(scan.Report(1, 10, findings, []), TEACHES)["first_steps"]
    told = [(step["why"], step["command"]) for step in steps]
    begins = "Know the most frequent symbol that is "
    assert [pair for pair in told if pair[0].startswith(begins)] == [
        (f"{begins}'changes', 2 uses.", "tf-parity explain tf.b"),
        (f"{begins}'gone', 3 uses.", "tf-parity explain tf.d"),
        (f"{begins}'restructure', 1 use.", "tf-parity explain tf.e"),
    ]


def test_the_first_step_names_the_first_seed():
    findings = [
        scan.Finding(
            "a.py", line, 1, "tf.set_random_seed", "changes", "x", "", "", "unproven"
        )
        for line in (3, 7)
    ]
    steps = guide.reading(scan.Report(1, 10, findings, []), TEACHES)["first_steps"]
    assert "set a seed, first in a.py:3, export" in steps[0]["why"]
