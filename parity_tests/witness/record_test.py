"""The recorder: what it writes, and what it refuses. It runs on today's compat.v1 here."""

import os

import numpy as np
import pytest
import tensorflow as tf

from parity_tests.witness import golden, record, replay

RECORD = ["linear_regression", "--write", "--any-tensorflow"]


def test_a_dry_run_writes_nothing(tmp_path, capsys):
    record.main(["mnist_cnn", "--any-tensorflow", "--out", str(tmp_path / "out")])
    out = capsys.readouterr().out
    assert "mnist_cnn: 10 steps" in out and "Nothing was written" in out
    assert not os.listdir(tmp_path)


def test_what_is_recorded_is_what_the_graph_does(tmp_path):
    record.main([*RECORD, "--out", str(tmp_path)])
    comparison = replay.compare_chapter(
        "linear_regression", "compat.v1", tmp_path / "linear_regression", granted=False
    )
    comparison.require_agreement()
    facts = golden.Golden(tmp_path / "linear_regression").facts
    assert (
        facts["tensorflow"] == tf.__version__ and "--any-tensorflow" in facts["command"]
    )
    assert facts["reached"][0] == "loss" and facts["reached"][1] < 0.1
    assert (
        str(tmp_path) not in (tmp_path / "linear_regression" / golden.JSON).read_text()
    )
    assert os.listdir(tmp_path) == ["linear_regression"]


def test_exports_are_a_checkpoint_a_meta_graph_and_a_saved_model(tmp_path):
    record.main([*RECORD, "--steps", "3", "--export", "--out", str(tmp_path)])
    folder = tmp_path / "linear_regression"
    assert (folder / "model.ckpt.meta").is_file()
    weights = tf.train.load_checkpoint(str(folder / "model.ckpt")).get_tensor(
        "inference/weights"
    )
    (*_, last) = golden.Golden(folder).records(lambda *_names: False)
    np.testing.assert_array_equal(weights.ravel(), last["updates"]["inference/weights"])
    signature = tf.saved_model.load(str(folder / "saved_model")).signatures[
        "serving_default"
    ]
    predicted = signature(tf.ones([2, 3]))["y_pred"].numpy()
    assert predicted.size == 2 and np.isfinite(predicted).all()


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
