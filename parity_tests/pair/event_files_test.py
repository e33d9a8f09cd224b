"""Claims about the event files of a comparison, read back as TensorBoard reads them."""

import os

import numpy as np
import pytest
import tensorflow as tf

from parity_tests.engine.small_plays import STEPS, small_run
from parity_tests.pair import event_files, levels, stored_pairs, unfinished


def written(folder, examples=1, asked=("function", "fit")):
    """The event files of two plays that part, and the trace of the same."""
    pair = stored_pairs.StoredPair(small_run(), small_run(one_step_late=True))
    with event_files.EventFiles(folder) as files:
        levels.compare_levels(
            pair, asked, [()] * examples, files.on_record, files.on_difference
        )


def curves(run):
    """{tag: [(step, value)]} of a run's one event file."""
    (path,) = run.iterdir()
    assert "tfevents" in path.name
    tags = {}
    for event in tf.compat.v1.train.summary_iterator(str(path)):
        for value in event.summary.value:
            tags.setdefault(value.tag, []).append((event.step, value.simple_value))
    return tags


def test_both_sides_share_their_tags_so_that_they_are_overlaid(tmp_path):
    written(tmp_path)
    runs = {path.name: curves(path) for path in tmp_path.iterdir()}
    assert sorted(runs) == ["fit", "function", "tf1"]
    for name, records in (
        ("tf1", small_run()),
        ("fit", small_run(one_step_late=True)),
    ):
        losses = [(n, float(r["loss"]["loss"])) for n, r in enumerate(records) if n]
        assert runs[name]["loss"] == losses
        norms = [
            (
                n,
                np.float32(
                    np.linalg.norm(record["updates"]["dense/bias"].astype(float))
                ),
            )
            for n, record in enumerate(records)
            if n
        ]
        assert runs[name]["updates/dense/bias"] == norms
    assert set(runs["tf1"]) < set(runs["fit"])
    distances = runs["fit"]["ULP of slots/dense/kernel"]
    assert [step for step, _ in distances] == list(range(1, STEPS + 1))
    trace = stored_pairs.parting().trace.levels["fit"]
    assert max(value for _, value in distances) == pytest.approx(
        trace.worst("slots", "dense/kernel")
    )


def test_each_play_is_a_run(tmp_path):
    pair = stored_pairs.StoredPair(small_run(), small_run())
    with event_files.EventFiles(tmp_path) as files:
        levels.compare_levels(
            pair, ["fit"], [(), ()], files.on_record, files.on_difference
        )
    assert sorted(os.listdir(tmp_path)) == ["fit", "fit-2", "tf1", "tf1-2"]
    assert curves(tmp_path / "tf1")["loss"] == curves(tmp_path / "tf1-2")["loss"]


def test_what_fails_leaves_nothing_behind(tmp_path):
    folder = tmp_path / "runs"
    with pytest.raises(KeyboardInterrupt), event_files.EventFiles(folder) as files:
        files.on_record("fit", "session", {"loss": {"loss": np.float32(1)}})
        assert len(os.listdir(folder)) == 1
        raise KeyboardInterrupt
    assert os.listdir(folder) == []


def test_a_process_that_ends_at_once_removes_what_is_not_whole(tmp_path):
    folder, part, kept = tmp_path / "new", tmp_path / "new" / "part", tmp_path / "kept"
    folder.mkdir()
    part.write_text("half")
    kept.write_text("whole")
    with unfinished.noted(str(folder), str(part)):
        unfinished.remove()
    assert os.listdir(tmp_path) == ["kept"]
    kept.write_text("again")
    unfinished.remove()
    assert kept.exists()
