"""Claims about recorded plays: exact, whole or not there, and refused once changed."""

import json
import os
import sys
import zipfile

import ml_dtypes
import numpy as np
import pytest

from parity_tests.engine.comparison import compare_plays
from parity_tests.pair import recording, unfinished
from parity_tests.pair.errors import PairError

MOVES = [("train", {"x": np.arange(6, dtype=np.float32).reshape(2, 3)})]
RECORDS = [
    {"initial values": {"w": np.array([0.0, -0.0, np.nan], np.float32)}},
    {
        "move": "train",
        "loss": {"loss": np.float64(0.1)},
        "outputs": {
            "text": np.array([b"one", b"three"], object),
            "flags": np.array([True, False]),
            "none": np.zeros([0, 3], np.int64),
            "half": np.array([1, 2.5], ml_dtypes.bfloat16),
            "complex": np.array(1 + 2j, np.complex64),
        },
        "updates": {"w": np.array([1.0, -0.0, np.inf], np.float32)},
    },
]


def written(path, records=RECORDS):
    with recording.Writer(path) as writer:
        writer.add(MOVES, records)
        writer.facts["tensorflow"] = "1.15.5"
    return path


def test_a_play_comes_back_to_the_bit(tmp_path):
    stored = recording.Recording(written(tmp_path / "play.npz"))
    assert stored.plays == 1 and stored.facts == {"tensorflow": "1.15.5"}
    comparison = compare_plays(RECORDS, stored.records(0))
    comparison.require_agreement()
    assert comparison.records == 2
    ((move, batch),) = stored.moves(0)
    assert move == "train"
    np.testing.assert_array_equal(batch["x"], MOVES[0][1]["x"], strict=True)


def test_a_sparse_batch_comes_back_as_it_was_fed(tmp_path):
    fed = recording.Sparse(
        np.int64([[0, 2], [1, 0]]), np.float32([0.5, -0.0]), np.int64([2, 3])
    )
    path = tmp_path / "play.npz"
    with recording.Writer(path) as writer:
        writer.add([("train", {"x": fed, "rate": np.float32(0.1)})])
    ((move, batch),) = recording.Recording(path).moves(0)
    assert (move, list(batch)) == ("train", ["x", "rate"])
    for one, other in zip(batch["x"], fed, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)
    assert np.signbit(batch["x"].values[1])


def test_equal_plays_are_equal_files(tmp_path):
    first, second = (written(tmp_path / name).read_bytes() for name in "ab")
    assert first == second


def test_nothing_is_pickled_and_what_repeats_is_stored_once(tmp_path):
    path = written(tmp_path / "play.npz", RECORDS + RECORDS[1:])
    once = written(tmp_path / "once.npz")
    names = zipfile.ZipFile(path).namelist()
    assert sorted(names) == sorted(zipfile.ZipFile(once).namelist())
    with np.load(path, allow_pickle=False) as arrays:
        for name in arrays.files:
            arrays[name]


def damaged(path, change):
    """The same file with one of its members changed."""
    with zipfile.ZipFile(path) as stored:
        members = {name: stored.read(name) for name in stored.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as stored:
        for name, data in members.items():
            stored.writestr(name, data)
    return path


def change_an_array(members):
    name = next(name for name in members if name.endswith(".npy"))
    members[name] = members[name][:-1] + bytes([members[name][-1] ^ 1])


def lose_an_array(members):
    for name in [name for name in members if name.endswith(".npy")]:
        del members[name]


def change_the_contents(members):
    contents = json.loads(members["play.json"])
    contents["facts"]["tensorflow"] = "2.21.0"
    members["play.json"] = json.dumps(contents).encode()


@pytest.mark.parametrize(
    "change", [change_an_array, lose_an_array, change_the_contents]
)
def test_what_was_changed_is_refused(change, tmp_path):
    path = damaged(written(tmp_path / "play.npz"), change)
    with pytest.raises(PairError, match="Record it again"):
        stored = recording.Recording(path)
        stored.moves(0)
        list(stored.records(0))


@pytest.mark.parametrize("content", [b"", b"no zip", None])
def test_what_is_no_recording_is_refused(content, tmp_path):
    path = tmp_path / "play.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PairError, match="must be a file that tf-parity record wrote"):
        recording.Recording(path)


def test_what_fails_on_the_way_leaves_nothing(tmp_path):
    path = tmp_path / "play.npz"
    path.write_text("old")

    def failing():
        yield RECORDS[0]
        raise RuntimeError("on the way")

    with pytest.raises(RuntimeError, match="on the way"):
        written(path, failing())
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["play.npz"]


def test_a_process_that_ends_at_once_leaves_no_half_of_a_recording(tmp_path):
    with pytest.raises(SystemExit), recording.Writer(tmp_path / "play.npz"):
        assert len(os.listdir(tmp_path)) == 1
        unfinished.remove()  # what --timeout does to a process that is stuck in C
        assert os.listdir(tmp_path) == []
        sys.exit()
