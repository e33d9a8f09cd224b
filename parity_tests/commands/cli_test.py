"""Claims about the command line: what users see, above all when they are wrong."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from parity_tests.models import reading

ROOT = pathlib.Path(__file__).parents[2]
STAGES = {"initial values", "loss", "gradients", "slots", "updates"}


def test_run_prints_one_table_and_writes_the_same_as_data(tf_parity, tmp_path):
    path = tmp_path / "report.json"
    code, out, err = tf_parity(
        "run",
        "--chapter",
        "session_basics",
        "--chapter",
        "linear_regression",
        "--steps",
        3,
        "--json",
        path,
    )
    assert code == 0, err
    report = json.loads(path.read_text())
    assert set(report) == {"environment", "chapters"}
    assert {"tensorflow", "keras", "numpy", "cpu", "onednn"} <= set(
        report["environment"]
    )
    for name in ("session_basics", "linear_regression"):
        assert name in out
        chapter = report["chapters"][name]
        assert chapter["steps"] == 3 and chapter["config"]["learning_rate"] > 0
        assert set(chapter["levels"]) == {"eager", "function", "fit"}
        for level, cells in chapter["levels"].items():
            assert set(cells) == STAGES
            for cell in cells.values():
                assert set(cell) == {"max_ulp", "normwise", "budget", "ok"}
            if level != "eager":
                assert cells["updates"]["max_ulp"] == 0 and cells["updates"]["ok"]
        assert set(chapter["steps_per_second"]) == {
            "session",
            "eager",
            "function",
            "fit",
        }
        assert chapter["result"]["session"] == chapter["result"]["fit"]
    assert os.listdir(tmp_path) == ["report.json"]


def test_a_break_prints_the_first_divergence_and_how_to_see_it_again(
    tf_parity, tmp_path
):
    path = tmp_path / "report.json"
    code, out, _ = tf_parity(
        "run",
        "--chapter",
        "linear_regression",
        "--level",
        "function",
        "--fault",
        "wrong_rate",
        "--json",
        path,
    )
    assert code == 1
    assert "First divergence: step 1, updates, tensor inference/weights" in out
    line = next(line for line in out.splitlines() if "reproduce" in line)
    words = line.split("tf-parity ")[1].split()
    divergence = json.loads(path.read_text())["chapters"]["linear_regression"][
        "first_divergence"
    ]["function"]
    assert divergence["step"] == 1 and divergence["stage"] == "updates"
    code, again, _ = tf_parity(*words)
    assert code == 1 and line.strip() in again


MISTAKES = {
    "unknown chapter": (["run", "--chapter", "mnist_cn"], "Nearest: mnist_cnn"),
    "unknown chapter to read": (["read", "resnt"], "Nearest: resnet"),
    "unknown chapter to time": (["bench", "--chapter", "lenear"], "linear_regression"),
    "unknown level": (["run", "--level", "functoin"], "Nearest: function"),
    "unknown command": (["rnu"], "Nearest: run"),
    "unknown option": (["run", "--stpes", "3"], "--steps"),
    "no steps": (["run", "--steps", "0"], "--steps must be positive. Received: 0"),
    "negative steps": (["run", "--steps", "-3"], "must be positive. Received: -3"),
    "no batch": (["run", "--batch-size", "0"], "--batch-size must be positive"),
    "steps that are no number": (["run", "--steps", "ten"], "'ten'"),
    "negative seed": (["run", "--seed", "-1"], "--seed must be in [0, 2**32)"),
    "no width": (["read", "resnet", "--width", "0"], "--width must be positive"),
    "no rounds": (["bench", "--rounds", "0"], "--rounds must be positive"),
    "no seconds": (["bench", "--seconds", "0"], "--seconds must be positive"),
    "unknown part": (
        ["bench", "--part", "optimizers.Adan"],
        "Nearest: optimizers.Adam",
    ),
    "no rows": (["bench", "--parts", "--rows", "0"], "--rows must be positive"),
    "parts of a chapter": (
        ["bench", "--parts", "--chapter", "mnist_cnn"],
        "--parts must go alone",
    ),
    "unknown golden": (["witness", "--chapter", "mnist_cn"], "Nearest: mnist_cnn"),
    "nothing to keep": (["witness", "--stored", "--keep", "x"], "Received: --stored"),
    "no such data": (["run", "--data", "/no/such/folder"], "/no/such/folder"),
    "unwritable report": (["run", "--json", "/no/such/folder/r.json"], "Received: /no"),
    "a folder as report": (["run", "--json", "/"], "--json must name a file"),
    "a fault without its chapter": (["run", "--fault", "x"], "exactly one chapter"),
    "unknown fault": (
        ["run", "--chapter", "linear_regression", "--fault", "wrong_rat"],
        "Nearest: wrong_rate",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2(tf_parity, mistake):
    words, expected = MISTAKES[mistake]
    code, out, err = tf_parity(*words)
    assert code == 2
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert err.startswith("tf-parity: ") and expected in err
    assert "Traceback" not in err


def test_witness_compares_with_what_comes_along(tf_parity, tmp_path):
    path = tmp_path / "report.json"
    code, out, err = tf_parity(
        "witness", "--stored", "--chapter", "session_basics", "--json", path
    )
    assert code == 0, err
    assert "TensorFlow 1.15.5 against compat.v1 and twin" in out
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


def test_bench_times_one_part_beside_tf1_and_keras(tf_parity, tmp_path):
    path = tmp_path / "speed.json"
    code, out, err = tf_parity(
        "bench",
        "--part",
        "optimizers.Momentum",
        "--rounds",
        1,
        "--rows",
        2000,
        "--json",
        path,
    )
    assert code == 0, err
    assert "optimizers.Momentum" in out
    kinds = json.loads(path.read_text())["parts"]["optimizers.Momentum"]
    for sides in (kinds["dense"], kinds["sparse"]):
        assert set(sides) == {"tf1", "part", "keras"}
        assert all(side["milliseconds"] > 0 for side in sides.values())
        assert sides["tf1"]["ratio"] == 1.0


def test_a_damaged_data_folder_is_a_mistake_too(tf_parity, tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03\0\0")
    report = tmp_path / "report.json"
    code, _, err = tf_parity(
        "run", "--chapter", "mnist_cnn", "--data", tmp_path, "--json", report
    )
    assert code == 2 and len(err.strip().splitlines()) == 1
    assert not report.exists()
    assert os.listdir(tmp_path) == ["train-images-idx3-ubyte"]


def test_an_old_report_survives_a_run_that_fails(tf_parity, tmp_path):
    report = tmp_path / "report.json"
    report.write_text("old")
    code, _, _ = tf_parity("run", "--data", tmp_path / "none", "--json", report)
    assert code == 2
    assert report.read_text() == "old" and os.listdir(tmp_path) == ["report.json"]


def test_list_names_every_chapter_without_loading_tensorflow():
    program = (
        "import sys; from parity_tests import cli; sys.argv = ['tf-parity', 'list']\n"
        "try: cli.main()\nexcept SystemExit: pass\n"
        "assert 'tensorflow' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for name in ("session_basics", "resnet"):
        assert name in done.stdout


@pytest.mark.parametrize("width", [80, 160])
def test_read_shows_every_line_of_both_files(tf_parity, width):
    code, out, _ = tf_parity("read", "mnist_cnn", "--width", width)
    assert code == 0
    assert max(map(len, out.splitlines())) <= width
    assert "\x1b" not in out  # no colours where there is no terminal
    squeezed = "".join(out.split())
    for path in reading.sources("mnist_cnn"):
        functions = [p.name for p in reading.passages(path)]
        assert "inference" in functions and "max_pool_2x2" in functions
        for function in functions:
            assert function in squeezed


def test_passages_hold_each_line_of_a_file_once():
    for name in ("mnist_cnn", "resnet", "linear_regression"):
        for path in reading.sources(name):
            kept = "\n".join(passage.source for passage in reading.passages(path))
            lines = path.read_text(encoding="utf-8").splitlines()
            assert kept.split() == "\n".join(lines).split()


def test_functions_of_one_name_stand_beside_each_other():
    rows = reading.aligned("mnist_cnn")
    paired = {left.name for left, right in rows if left and right}
    assert {"Config", "inference", "loss", "train", "build", "run"} <= paired
    assert all(left.name == right.name for left, right in rows if left and right)


def test_interrupting_ends_cleanly(tmp_path):
    report = tmp_path / "report.json"
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from parity_tests.commands.cli import main; main()",
            "run",
            "--chapter",
            "mnist_cnn",
            "--steps",
            "100000",
            "--level",
            "function",
            "--json",
            str(report),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not os.listdir(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)  # until the report's place is taken
    time.sleep(8)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in err and "Traceback" not in err
    assert os.listdir(tmp_path) == []
