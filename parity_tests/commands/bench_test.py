"""Claims about `tf-parity bench` and its three commands."""

import json

import pytest

from parity_tests.commands import bench


def test_chapters_are_what_bench_times(tf_parity, tmp_path):
    path = tmp_path / "speed.json"
    words = ["--chapter", "session_basics", "--rounds", 1, "--seconds", 0.01]
    code, out, err = tf_parity("bench", *words, "--json", path)
    assert code == 0, err
    assert max(map(len, out.splitlines())) <= 100
    report = json.loads(path.read_text())
    assert set(report) == {"generator", "environment", "chapters"}
    sides = report["chapters"]["session_basics"]
    assert tuple(sides) == ("session", "eager", "function", "fit")
    assert sides["session"]["ratio"] == 1.0
    for side in sides:
        assert f"\n  {side} " in out


def test_without_a_command_it_is_chapters(tf_parity, monkeypatch):
    called = []
    chapters = bench.command.commands["chapters"]
    monkeypatch.setattr(chapters, "callback", lambda **options: called.append(options))
    assert tf_parity("bench")[0] == tf_parity("bench", "--rounds", 3)[0] == 0
    assert [options["rounds"] for options in called] == [7, 3]


@pytest.mark.slow
def test_parts_are_timed_beside_tf1_and_keras(tf_parity, tmp_path):
    path = tmp_path / "speed.json"
    words = ["optimizers.Momentum", "--rounds", 1, "--rows", 2000, "--json", path]
    code, out, err = tf_parity("bench", "parts", *words)
    assert code == 0, err
    assert "optimizers.Momentum" in out and max(map(len, out.splitlines())) <= 100
    kinds = json.loads(path.read_text())["parts"]["optimizers.Momentum"]
    for sides in (kinds["dense"], kinds["sparse"]):
        assert set(sides) == {"tf1", "part", "keras"}
        assert all(side["milliseconds"] > 0 for side in sides.values())
        assert sides["tf1"]["ratio"] == 1.0


@pytest.mark.slow
def test_a_compared_step_has_its_cost(tf_parity, tmp_path):
    path = tmp_path / "cost.json"
    code, out, err = tf_parity("bench", "comparison", "--rounds", 1, "--json", path)
    assert code == 0, err
    cost = json.loads(path.read_text())
    assert 0 < cost["reused"] < cost["rebuilt"]
    assert f"{cost['reused']:.2f} ms" in out
    said = " ".join(out.split())
    told = [(share["chapter"], *share["levels"]) for share in cost["shares"]]
    assert told == [
        ("mnist_cnn", "function"),
        ("linear_regression", "function"),
        ("linear_regression", "function", "fit"),
    ]
    for (chapter, *levels), share in zip(told, cost["shares"], strict=True):
        # Which of the two takes longer is the machine's to say.
        assert share["training"] > 0 and share["comparison"] > 0
        assert share["added"] == share["comparison"] / share["training"] - 1
        assert f"One step of {chapter} at {' and '.join(levels)}, both sides" in said
        assert f"adds {share['added']:.2f} times the training" in said
        assert f"and {share['added_cpu']:.2f} times its time of the processor" in said


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_large_checkpoints_are_converted_beside_their_bytes(
    tf_parity, tmp_path, monkeypatch
):
    """A small one here; the least that is claimed is counted, not timed: its memory."""
    from parity_tests.commands import bench_conversion

    shapes = {
        "conv/weights": (64, 64),
        "conv/weights/Adam": (64, 64),
        "conv/moving_mean": (64,),
    }
    monkeypatch.setattr(bench_conversion, "resnet_50", lambda: shapes)
    asked = []
    monkeypatch.setattr(
        bench_conversion, "_memory", lambda *words: asked.append(words) or 4096
    )
    path = tmp_path / "cost.json"
    words = ["--rounds", 1, "--gigabytes", 0.01, "--json", path]
    code, out, err = tf_parity("bench", "convert", *words)
    assert code == 0, err
    measured = json.loads(path.read_text())["checkpoints"]
    assert set(measured) == {"resnet_50", "sharded"} and len(asked) == 6
    for sides in measured.values():
        assert set(sides) == {"to TF1", "to .weights.h5", "to .keras"}
    assert measured["resnet_50"]["to TF1"]["bytes"] == 4 * (2 * 64 * 64 + 64)
    assert measured["sharded"]["to TF1"]["largest_tensor"] == 2**25
    for sides in measured.values():
        assert all(its["seconds"] > 0 and its["ratio"] > 0 for its in sides.values())
    assert max(map(len, out.splitlines())) <= 100
