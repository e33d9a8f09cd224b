"""Claims about `tf-parity run`: one table, the same as data, and a verdict."""

import errno
import json
import os
import pathlib
import shlex
import shutil
import tempfile

import numpy as np
import pytest
import tensorflow as tf

from parity_tests.commands import options, run
from parity_tests.commands.tables_test import cell
from parity_tests.models import chapters, reading, runner
from parity_tests.witness import golden, stored

STAGES = {"initial values", "outputs", "loss", "gradients", "slots", "updates"}


@pytest.mark.slow
def test_run_prints_one_table_and_writes_the_same_as_data(tf_parity, tmp_path):
    path = tmp_path / "report.json"
    words = ["--chapter", "session_basics", "--chapter", "linear_regression"]
    code, out, err = tf_parity("run", *words, "--steps", 3, "--json", path)
    assert code == 0, err
    report = json.loads(path.read_text())
    assert set(report) == {"generator", "environment", "chapters"}
    assert {"tensorflow", "keras", "numpy", "cpu", "onednn"} <= set(
        report["environment"]
    )
    for name in ("session_basics", "linear_regression"):
        chapter = report["chapters"][name]
        reached = chapter["result"]["session"]
        assert f"{name}, 3 steps, loss {reached:.4g}\n" in out
        assert chapter["steps"] == 3 and chapter["config"]["learning_rate"] > 0
        assert tuple(chapter["levels"]) == options.LEVELS
        for level, cells in chapter["levels"].items():
            assert set(cells) == STAGES
            for stage in cells.values():
                assert set(stage) == {"max_ulp", "normwise", "budget", "ok"}
            if level != "eager":
                assert cells["updates"]["max_ulp"] == 0 and cells["updates"]["ok"]
        assert chapter["result"]["session"] == chapter["result"]["fit"]
        assert chapter["sources"] == reading.digests(name)
    assert out.endswith(
        "\n2 chapters, 3 levels: all equal within budgets; 5 of 6 exactly.\n"
    )
    assert max(map(len, out.splitlines())) <= 100
    assert os.listdir(tmp_path) == ["report.json"]


def test_what_is_not_run_at_a_level_is_said():
    def left_out(*names, levels=(), groups=()):
        requests = [runner.Request(name, {}, 0, 0, 1, at, None) for name, at in names]
        return run._left_out(requests, (), groups, levels)

    asked = "fit", "function"
    every = [(name, asked) for name in chapters.NAMES if not chapters.levels(name)]
    mixed = [("nearest_neighbours", ("function",)), ("estimator", ("fit",))]
    missing = left_out(*every, *mixed, levels=asked)
    assert {"nearest_neighbours", "input_queues"} <= set(missing["level fit"])
    assert {"estimator", "input_queues"} <= set(missing["level function"])
    assert not {"mnist_cnn", "estimator"} & set(missing["level fit"])
    all_run = [
        (name, chapters.levels(name) or options.LEVELS) for name in chapters.NAMES
    ]
    assert left_out(*all_run) == {}
    # What --data or --batch-size leaves out is said as well.
    assert left_out(*all_run[1:]) == {"a use of the other options": [chapters.NAMES[0]]}


def test_a_break_prints_the_first_divergence_and_how_to_see_it_again(
    tf_parity, tmp_path, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "80")
    path = tmp_path / "report.json"
    words = ["--chapter", "linear_regression", "--level", "function"]
    words += ["--fault", "wrong_rate", "--json", path]
    code, out, _ = tf_parity("run", *words)
    assert code == 1
    assert (
        "First divergence: step 1, move train, updates, tensor inference/weights" in out
    )
    assert out.endswith(
        "\n1 chapter, 1 level: 1 of 1 diverges; 0 of 1 exactly equal.\n"
    )
    report = json.loads(path.read_text())
    chapter = report["chapters"]["linear_regression"]
    assert chapter["sources"] == {}
    session, twin, witness = (
        np.array(losses["loss"])
        for losses in (*chapter["losses"].values(), chapter["witness"]["losses"])
    )
    assert list(chapter["losses"]) == ["session", "function"]
    np.testing.assert_allclose(session, witness, rtol=1e-5)
    assert list(session[:, 0]) == list(range(1, 12))
    assert session[0, 1] == twin[0, 1] and session[1, 1] != twin[1, 1]
    whole = out.replace("\\\n", "")  # as a shell reads it
    line = next(line for line in whole.splitlines() if "reproduce" in line)
    words = shlex.split(line.split("tf-parity ")[1])
    divergence = chapter["first_divergence"]["function"]
    assert divergence["step"] == 1 and divergence["stage"] == "updates"
    code, again, _ = tf_parity(*words)
    assert code == 1 and line.strip() in again.replace("\\\n", "")


def test_the_line_that_shows_it_again_has_every_option():
    request = runner.Request("resnet", {}, None, None, 20, ("fit",), None)
    given = {"--seed": 0, "--batch-size": 7, "--data": "my data", "--fault": None}
    options = "--seed 0 --batch-size 7 --data 'my data'"
    of_level = run._again(request, given, "fit", 0)
    assert of_level == (
        f"tf-parity run --chapter resnet --level fit --steps 1 {options}"
    )
    whole = run._again(request, given)
    assert whole == f"tf-parity run --chapter resnet --steps 20 {options}"


def test_a_damaged_data_folder_is_a_mistake_too(tf_parity, tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03\0\0")
    report = tmp_path / "report.json"
    words = ["--chapter", "mnist_cnn", "--data", tmp_path, "--json", report]
    code, _, err = tf_parity("run", *words)
    assert code == 2 and len(err.strip().splitlines()) == 1
    assert os.listdir(tmp_path) == ["train-images-idx3-ubyte"]


@pytest.mark.parametrize("chapter", ["save_restore", "estimator"])
def test_without_a_folder_for_what_a_program_writes_there_is_one_line(
    chapter, tf_parity, tmp_path, monkeypatch
):
    (tmp_path / "file").write_text("")
    with monkeypatch.context() as patched:
        patched.setattr(tempfile, "tempdir", str(tmp_path / "file"))
        code, out, err = tf_parity("run", "--chapter", chapter)
    assert code == 2 and out == ""
    assert len(err.splitlines()) == 1 and "Set TMPDIR" in err


@pytest.mark.usefixtures("permissions_bind")
def test_a_folder_without_permission_is_one_line(tf_parity, tmp_path, monkeypatch):
    (tmp_path / "locked").mkdir(0o500)
    with monkeypatch.context() as patched:
        patched.setattr(tempfile, "tempdir", str(tmp_path / "locked"))
        code, out, err = tf_parity("run", "--chapter", "save_restore")
    assert code == 2 and out == "" and os.listdir(tmp_path / "locked") == []
    assert len(err.splitlines()) == 1 and "Permission denied" in err
    assert "Set TMPDIR" in err


@pytest.mark.usefixtures("permissions_bind")
@pytest.mark.parametrize(
    "chapter, side",
    [
        ("save_restore", chapters.graph),
        ("save_restore", chapters.twin),
        ("monitored_session", chapters.graph),
        ("monitored_session", chapters.twin),
    ],
)
def test_a_checkpoint_folder_without_permission_is_one_line(
    chapter, side, tf_parity, tmp_path, monkeypatch
):
    """Savers and managers themselves fail, and what was made for them is taken away."""
    run = side(chapter).run

    def locked(*arrays, folder, **options):
        os.chmod(folder, 0o500)
        return run(*arrays, folder=folder, **options)

    with monkeypatch.context() as patched:
        patched.setattr(tempfile, "tempdir", str(tmp_path))
        patched.setattr(side(chapter), "run", locked)
        code, out, err = tf_parity("run", "--chapter", chapter)
    assert code == 2 and out == "" and os.listdir(tmp_path) == []
    assert len(err.splitlines()) == 1, err
    assert "must have permission" in err and "Set TMPDIR" in err


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "frozen.pb"),
        tf.errors.ResourceExhaustedError(
            None, None, f"model.ckpt-2; {os.strerror(errno.ENOSPC)}"
        ),
    ],
    ids=["Python", "kernel"],
)
def test_a_full_disk_below_a_program_is_one_line(
    error, tf_parity, tmp_path, monkeypatch
):
    """What it wrote until then is taken away."""

    def full(*_, folder, **__):
        pathlib.Path(folder, "half").write_text("written")
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(tempfile, "tempdir", str(tmp_path))
        patched.setattr(chapters.graph("save_restore"), "run", full)
        code, out, err = tf_parity("run", "--chapter", "save_restore")
    assert code == 2 and out == "" and os.listdir(tmp_path) == []
    assert len(err.splitlines()) == 1 and "Set TMPDIR" in err


@pytest.mark.slow
def test_a_chapter_that_only_1_15_5_runs_says_what_it_is_compared_with(
    tf_parity, tmp_path, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "80")
    words = ["--chapter", "estimator", "--json", tmp_path / "report.json"]
    code, out, err = tf_parity("run", *words)
    assert code == 0, err
    assert (
        "\nestimator, 4 steps, records 53, against TensorFlow 1.15.5's record\n" in out
    )
    assert max(map(len, out.splitlines())) <= 80
    chapter = json.loads((tmp_path / "report.json").read_text())["chapters"][
        "estimator"
    ]
    assert chapter["reference"] == runner.RECORD
    reasons = {cell["budget"]["reason"] for cell in chapter["levels"]["fit"].values()}
    assert any("square root" in reason for reason in reasons)


@pytest.mark.parametrize("option, value", [("--steps", 3), ("--seed", 2)])
def test_what_1_15_5_did_not_record_is_refused_in_a_line(tf_parity, option, value):
    code, out, err = tf_parity("run", "--chapter", "estimator", option, value)
    assert code == 2 and out == "" and len(err.splitlines()) == 1
    assert f"{option} must go with chapters that use it" in err
    assert "of which 1.15.5's record is the reference" in err
    assert f"Leave out {option}" in err


def test_a_damaged_record_is_refused_in_a_line(tf_parity, tmp_path, monkeypatch):
    kept = shutil.copytree(stored.GOLDENS / "estimator", tmp_path / "estimator")
    (kept / golden.NPZ).write_bytes(b"damaged")
    with monkeypatch.context() as patched:
        patched.setattr(stored, "GOLDENS", tmp_path)
        code, out, err = tf_parity("run", "--chapter", "estimator")
    assert code == 2 and out == "" and len(err.splitlines()) == 1
    assert "Record it again" in err


def test_an_old_report_survives_a_run_that_fails(tf_parity, tmp_path):
    report = tmp_path / "report.json"
    report.write_text("old")
    code, _, _ = tf_parity("run", "--data", tmp_path / "none", "--json", report)
    assert code == 2
    assert report.read_text() == "old" and os.listdir(tmp_path) == ["report.json"]


EQUAL = {"loss": cell(), "slots": cell(None, None, ok=None)}
WITHIN = {"loss": cell(6, 0.1, 64.0)}
BEYOND = {"loss": cell(6, 65.0, 64.0, False)}


@pytest.mark.parametrize(
    "levels, expected",
    [
        ([[EQUAL]], "1 chapter, 1 level: all equal within budgets; 1 of 1 exactly."),
        (
            [[EQUAL, WITHIN], [EQUAL, EQUAL]],
            "2 chapters, 2 levels: all equal within budgets; 3 of 4 exactly.",
        ),
        (
            [[EQUAL, BEYOND], [EQUAL, WITHIN]],
            "2 chapters, 2 levels: 1 of 4 diverges; 2 of 4 exactly equal.",
        ),
        (
            [[BEYOND, BEYOND, WITHIN]],
            "1 chapter, 3 levels: 2 of 3 diverge; 0 of 3 exactly equal.",
        ),
    ],
)
def test_the_verdict_counts_comparisons(levels, expected):
    chapters = {
        f"chapter {number}": {
            "levels": dict(zip(options.LEVELS[: len(cells)], cells, strict=True))
        }
        for number, cells in enumerate(levels)
    }
    assert run.verdict(chapters) == expected


def test_what_a_level_reached_is_said_where_it_is_something_else():
    result = {"metric": "loss", "session": 2.898, "eager": 2.8980000001, "fit": 3.5}
    assert run.reached(result) == "loss 2.898, fit 3.5"


def test_a_run_writes_a_page_and_runs_of_tensorboard(tf_parity, tmp_path):
    folder, logs = tmp_path / "report", tmp_path / "runs"
    words = ["--chapter", "linear_regression", "--steps", 2, "--level", "function"]
    words += ["--fault", "sum_instead_of_mean", "--report", folder, "--logdir", logs]
    code, _, err = tf_parity("run", *words)
    assert code == 1, err
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "The two sides part at step 1, loss, loss (level function)" in page
    assert (
        "tf-parity run --chapter linear_regression --level function --steps 1" in page
    )
    # The two functions that make what parts, and every layer.
    for side in ("tf1_graph", "tf2_keras"):
        assert f"{side}/models/linear_regression.py:" in page
    assert page.count("def loss(") == 2 and 'class="layer' in page
    assert sorted(os.listdir(logs / "linear_regression")) == ["function", "tf1"]
