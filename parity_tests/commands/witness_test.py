"""Claims about `tf-parity witness`: what is compared with what, and what is missing."""

import json
from unittest import mock

import pytest

import parity_tests.witness.environment as environment
from parity_tests.commands import witness
from parity_tests.models import tasks


def test_witness_compares_with_what_comes_along(tf_parity, tmp_path):
    path = tmp_path / "report.json"
    words = ["--stored", "--chapter", "session_basics", "--json", path]
    code, out, err = tf_parity("witness", *words)
    assert code == 0, err
    assert "TensorFlow 1.15.5 against compat.v1 and twin" in out
    assert max(map(len, out.splitlines())) <= 100
    report = json.loads(path.read_text())
    assert report["witness"]["tensorflow"] == "1.15.5"
    sides = report["compared"]["session_basics"]
    assert set(sides) == {"compat.v1", "function", "fit"}
    for cells in sides.values():
        assert cells["updates"]["max_ulp"] == 0 and cells["updates"]["ok"]


def test_witness_tells_what_its_interpreter_lacks(tf_parity, monkeypatch, tmp_path):
    monkeypatch.setenv("TF_PARITY_TF1_PYTHON", str(tmp_path / "python"))
    code, _, err = tf_parity("witness", "--chapter", "session_basics")
    assert code == 2 and "must name a Python with TensorFlow 1.15. Received: " in err
    assert len(err.strip().splitlines()) == 1


@mock.patch.object(tasks, "SECONDS", 0)
def test_a_task_that_never_comes_is_one_line(tf_parity):
    code, _, error = tf_parity("witness", "--stored", "--chapter", "towers")
    assert code == 2 and error.count("\n") == 1, error
    assert "Received: nothing from chief 0. Look" in error


def test_a_file_is_no_folder_to_keep(tf_parity, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("mine")
    monkeypatch.setattr(environment, "find", lambda: pytest.fail("looked for"))
    code, _, err = tf_parity("witness", "--keep", tmp_path / "mine.py")
    assert code == 2 and "--keep must name a folder. Received: the file" in err
    assert (tmp_path / "mine.py").read_text() == "mine"


def test_a_folder_to_keep_is_the_callers(monkeypatch, tmp_path):
    """The recorder works elsewhere, where a relative name would mean another folder."""
    recorded = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(environment, "find", lambda: "python3.7")
    monkeypatch.setattr(
        environment, "record", lambda *words, **_: recorded.append(words)
    )
    monkeypatch.setattr(witness, "_compare", lambda *_: [])
    monkeypatch.setattr(witness, "table", lambda _: "")
    words = ["--chapter", "resnet", "--keep", "kept"]
    assert witness.command.main(words, standalone_mode=False) == 0
    ((python, names, folder, *kept),) = recorded
    assert (python, names, folder) == ("python3.7", ("resnet",), str(tmp_path / "kept"))
    assert kept == ["--export", "--replace"]
