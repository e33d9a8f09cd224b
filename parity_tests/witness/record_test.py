"""The recorder: what it writes, and what it refuses. It runs on today's compat.v1 here."""

import os

import numpy as np
import pytest
import tensorflow as tf

from parity_tests.witness import golden, golden_folders, record, recordables, replay

RECORD = ["linear_regression", "--write", "--any-tensorflow"]
SOURCES = ["tf1_graph/session.py", "tf1_graph/updates.py"]


def test_a_dry_run_writes_nothing(tmp_path, capsys):
    record.main(["mnist_cnn", "--any-tensorflow", "--out", str(tmp_path / "out")])
    out = capsys.readouterr().out
    assert "mnist_cnn: 10 steps" in out and "Nothing was written" in out
    assert not os.listdir(tmp_path)


def test_what_is_recorded_is_what_the_graph_does(tmp_path):
    record.main([*RECORD, "--out", str(tmp_path)])
    stored = golden.Golden(tmp_path / "linear_regression")
    for _, comparison in replay.chapter_legs(stored, sides=["compat.v1"]):
        comparison.require_agreement()
        # The same TensorFlow: to the bit, budgets or not.
        assert all(cell.max_ulp == 0 for cell in comparison.cells.values())
    facts = stored.facts
    assert facts["tensorflow"] == tf.__version__
    assert "--any-tensorflow" in facts["command"]
    assert facts["reached"][0] == "loss" and facts["reached"][1] < 0.1
    assert sorted(facts["sources_sha256"]) == sorted(
        ["tf1_graph/models/linear_regression.py", *SOURCES]
    )
    text = (tmp_path / "linear_regression" / golden.JSON).read_text()
    assert str(tmp_path) not in text
    assert os.listdir(tmp_path) == ["linear_regression"]


def test_a_chapter_is_its_training_and_the_predictions_that_are_scored(tmp_path):
    record.main([*RECORD, "--steps", "3", "--out", str(tmp_path)])
    stored = golden.Golden(tmp_path / "linear_regression")
    moves = [record.get("move") for record in stored.play("play")]
    assert moves == [None, "train", "train", "train", "predict"]
    *_, last = stored.play("play")
    assert "y_pred sample" in last["outputs"]


def test_exports_are_a_checkpoint_a_meta_graph_and_a_saved_model(tmp_path):
    record.main([*RECORD, "--steps", "3", "--export", "--out", str(tmp_path)])
    folder = tmp_path / "linear_regression"
    assert (folder / "model.ckpt.meta").is_file()
    weights = tf.train.load_checkpoint(str(folder / "model.ckpt")).get_tensor(
        "inference/weights"
    )
    (*_, last) = golden.Golden(folder).play("play")
    np.testing.assert_array_equal(
        weights, last["updates"]["inference/weights"], strict=True
    )
    signature = tf.saved_model.load(str(folder / "saved_model")).signatures[
        "serving_default"
    ]
    predicted = signature(tf.ones([2, 3]))["y_pred"].numpy()
    bias = last["updates"]["inference/bias"]
    np.testing.assert_allclose(predicted.ravel(), weights.sum() + bias, rtol=1e-6)
    golden_folders.require_replaceable(folder)


def test_a_kind_of_part_is_recorded_as_a_chapter_is(tmp_path, monkeypatch):
    """Registered by name, sources and a function that plays it."""

    def plays():
        records = [{"initial values": {"v": np.ones(2)}}, {"move": "train"}]
        return {"Adam": iter(records), "Ftrl": iter(records)}

    kind = recordables.part("parts/kind", "two plays", SOURCES, plays)
    monkeypatch.setattr(recordables, "PARTS", (kind,))
    monkeypatch.setattr(recordables, "NAMES", ("parts/kind",))
    record.main(["--write", "--any-tensorflow", "--out", str(tmp_path)])
    stored = golden.Golden(tmp_path / "parts" / "kind")
    assert stored.plays == ("Adam", "Ftrl")
    assert list(stored.facts["sources_sha256"]) == SOURCES
    assert len(list(stored.play("Ftrl"))) == 2
    assert os.listdir(tmp_path / "parts") == ["kind"]


def refusal(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        record.main(arguments)
    assert stop.value.code == 2
    return capsys.readouterr().err


def test_another_tensorflow_is_refused_unless_told(tmp_path, capsys):
    message = refusal(["resnet", "--write", "--out", str(tmp_path)], capsys)
    assert "must run under TensorFlow 1.15. Received: TensorFlow 2." in message
    assert "--any-tensorflow" in message and not os.listdir(tmp_path)


def test_a_golden_is_overwritten_only_if_told(tmp_path, capsys):
    words = [*RECORD, "--steps", "1", "--out", str(tmp_path)]
    record.main(words)
    assert "Pass --replace" in refusal(words, capsys)
    record.main([*words, "--replace"])


@pytest.mark.parametrize("replace", [[], ["--replace"]])
@pytest.mark.parametrize("kept", ["thesis.txt", "golden.json", "saved_model/own.py"])
def test_a_folder_with_anything_else_is_left_as_it_is(kept, replace, tmp_path, capsys):
    path = tmp_path / "linear_regression" / kept
    path.parent.mkdir(parents=True)
    path.write_text("three years of work")
    # Refused before anything else is recorded.
    words = ["session_basics", *RECORD, "--out", str(tmp_path), *replace]
    message = refusal(words, capsys)
    assert "must hold nothing but goldens" in message and message.count("\n") == 1
    assert path.read_text() == "three years of work"
    assert os.listdir(tmp_path) == ["linear_regression"]


def test_a_recording_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    words = [*RECORD, "--steps", "1", "--out", str(tmp_path)]
    record.main(words)
    before = golden.Golden(tmp_path / "linear_regression").facts

    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(golden, "write", fail)
    with pytest.raises(KeyboardInterrupt):
        record.main([*words, "--replace"])
    assert golden.Golden(tmp_path / "linear_regression").facts == before
    assert os.listdir(tmp_path) == ["linear_regression"]


@pytest.mark.parametrize(
    "words, told",
    [
        (
            ["mnist_cn"],
            "CHAPTER must be a known name. Received: mnist_cn. Nearest: mnist_cnn",
        ),
        (["--steps", "0"], "--steps must be positive. Received: 0."),
        (
            ["--data", "nowhere/at/all", "linear_regression"],
            "--data must name a folder",
        ),
    ],
)
def test_mistakes_are_told_in_one_line(words, told, tmp_path, capsys):
    message = refusal([*words, "--out", str(tmp_path)], capsys)
    assert told in message and message.count("\n") == 1
