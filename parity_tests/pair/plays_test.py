"""Claims about what a pair's batches become, whatever they are given as."""

import runpy

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.pair.errors import PairError, SideFailed
from parity_tests.pair.plays import plays

X, Y = np.arange(10, dtype=np.float32).reshape(5, 2), np.arange(5)


def shapes(play):
    return [
        (move, {name: array.shape for name, array in batch.items()})
        for move, batch in play
    ]


def test_arrays_are_cut_into_batches_round_and_round():
    (play,) = plays((X, Y), steps=4, batch_size=2)
    assert [batch["y_true"].tolist() for _, batch in play] == [
        [0, 1],
        [2, 3],
        [4],
        [0, 1],
    ]
    assert shapes(play)[2] == ("train", {"x": (1, 2), "y_true": (1,)})


@pytest.mark.parametrize(
    "batches",
    [
        [(X, Y)] * 3,
        lambda: ((X, Y) for _ in range(3)),
        [("train", {"x": X, "y_true": Y})] * 3,
        tf.data.Dataset.from_tensors((X, Y)).repeat(3),
        tf.data.Dataset.from_tensors({"x": X, "y_true": Y}).repeat(),
        tf.data.Dataset.from_tensors(({"x": X}, Y)).repeat(),
        {"x": X, "y_true": Y},
    ],
    ids=["list", "function", "moves", "dataset", "by name", "inputs by name", "arrays"],
)
def test_every_form_gives_the_same_moves(batches):
    (play,) = plays(batches, steps=3)
    assert shapes(play) == [("train", {"x": (5, 2), "y_true": (5,)})] * 3
    np.testing.assert_array_equal(play[2][1]["x"], X, strict=True)


def test_a_list_is_played_whole_and_a_data_set_for_as_long_as_is_said():
    assert len(plays([(X, Y)] * 23)[0]) == 23
    assert len(plays(tf.data.Dataset.from_tensors((X, Y)).repeat())[0]) == 10


def test_several_moves_stay_in_their_order():
    moves = [("discriminator", {"x": X}), ("generator", {"z": Y})]
    assert [move for move, _ in plays(moves)[0]] == ["discriminator", "generator"]


BATCHES = st.tuples(strategies.arrays((3, 2)), strategies.labels(3, 4))


def test_a_strategy_draws_as_many_plays_the_same_for_a_seed():
    drawn = [plays(BATCHES, steps=2, examples=3, seed=seed) for seed in (7, 7, 8)]
    assert [len(play) for play in drawn[0]] == [2, 2, 2]
    texts = [repr([[b["x"].tobytes() for _, b in p] for p in d]) for d in drawn]
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize(
    "arguments, said",
    [
        (((X, Y), 3, 2), "--examples must go with batches of a Hypothesis strategy"),
        (((X, Y), 3, None, 2), "--seed must go with batches of a Hypothesis strategy"),
        (([(X, Y)], 3), "Received: 1 of 3. Use --steps 1"),
        (([],), "must have a batch"),
        ((None,), "must have batches. Received: none"),
        ((7,), "must be arrays, a data set"),
        (([7],), "A batch must be"),
        (((X, Y[:3]),), "x: 5, y_true: 3"),
    ],
)
def test_batches_that_cannot_be_played_are_refused(arguments, said):
    with pytest.raises(PairError, match=said):
        plays(*arguments)


def test_a_pipeline_that_fails_is_told_with_its_traceback(tmp_path):
    path = tmp_path / "pipeline.py"
    path.write_text(
        "def batches():\n    yield X, Y\n    raise RuntimeError('the disk is gone')\n"
    )
    batches = runpy.run_path(str(path), {"X": X, "Y": Y})["batches"]
    with pytest.raises(SideFailed, match="the disk is gone") as failed:
        plays(batches, steps=2)
    assert "raise RuntimeError('the disk is gone')" in failed.value.trace
    assert "parity_tests" not in failed.value.trace
