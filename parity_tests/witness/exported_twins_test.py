"""Claims about what the ``.meta`` files of 1.15.5 compute, and their Keras rewrites."""

import functools

import numpy as np
import pytest

from parity_tests.engine import budgets
from parity_tests.engine.comparison import compare_plays
from parity_tests.witness import exported_twins
from parity_tests.witness.programs import slim_cnn
from tf1_graph import exported
from tf1_graph import session as tf1_session

EVERY_PROGRAM = pytest.mark.parametrize("name", exported_twins.PROGRAMS)


@functools.cache
def pair_of(name):
    """One pair for all: the .meta is imported once."""
    return exported_twins.pair(name)


@EVERY_PROGRAM
@pytest.mark.parametrize("level", ["function", "fit"])
def test_a_twin_trains_as_the_meta_of_1_15_5_to_the_bit(name, level):
    moves = exported_twins.training_moves(name)
    comparison = pair_of(name).compare(moves, level).require_agreement()
    assert comparison.records == 1 + len(moves) > 10
    assert all(cell.compared for cell in comparison.cells.values())


@pytest.mark.parametrize(
    "name, level",
    [
        # In a function Grappler fuses convolution, batch normalisation and ReLU; in the
        # .meta a cond stands between them, and in eager code nothing is fused.
        ("slim_cnn", "eager"),
        ("lstm_classifier", "function"),
    ],
)
def test_a_twin_predicts_as_the_meta_of_1_15_5_to_the_bit(name, level):
    moves = exported_twins.training_moves(name)[:1]
    moves.append(exported_twins.prediction(name))
    comparison = pair_of(name).compare(moves, level).require_agreement()
    assert comparison.cells["outputs"].compared == 1


@pytest.mark.parametrize(
    "name, mistake, stage",
    [
        ("slim_cnn", {"seed": 4}, "initial values"),
        ("slim_cnn", {"batch_norm_momentum": 0.99}, "updates"),
        ("lstm_classifier", {"forget_bias": 0.0}, "loss"),
    ],
)
def test_a_mistake_in_the_twin_is_caught(name, mistake, stage):
    wrong = exported_twins.pair(name, pair_of(name).program, **mistake)
    moves = exported_twins.training_moves(name)[:1]
    assert wrong.compare(moves, "function").first_divergence.stage == stage


def under(stage, arrays):
    """{name: array} of what was stored as 'stage/name'."""
    return {
        key[len(stage) + 1 :]: value
        for key, value in arrays.items()
        if key.startswith(stage + "/")
    }


def recorded(name, steps):
    """The play that 1.15.5 recorded: initial values, each loss, the last values."""
    arrays = exported_twins.computed(name)
    records = [{"initial values": under("initial", arrays)}]
    records += [{"loss": {"loss": loss}} for loss in arrays["losses"][-steps:]]
    records[-1]["updates"] = under("final", arrays)
    return records


def like_recorded(records):
    """What of a play 1.15.5 recorded; slots are among the values there."""
    initial, *trained = records
    kept = [initial, *({"loss": record["loss"]} for record in trained)]
    kept[-1]["updates"] = {**trained[-1]["updates"], **trained[-1]["slots"]}
    return kept


def within_budget(name, reference, candidate):
    return compare_plays(
        reference, candidate, budget_for=budgets.budget_for(name, "1.15.5")
    )


@pytest.mark.parametrize("side", ["imported", "twin"])
@EVERY_PROGRAM
def test_1_15_5_itself_is_matched_within_these_budgets(name, side):
    moves = exported_twins.training_moves(name)
    if side == "twin":
        records = like_recorded(pair_of(name).candidate(moves, "function"))
    else:
        records = like_recorded(pair_of(name).reference(moves))
    reference = recorded(name, len(moves))
    cells = within_budget(name, reference, records).require_agreement().cells
    assert cells["initial values"].compared and cells["initial values"].max_ulp == 0
    # The budgets are needed, and far below one update.
    for stage in ("loss", "updates"):
        assert cells[stage].max_ulp > 0
    one_step_late = [*records[:2], *records[1:-2]]
    late = within_budget(name, reference[:-1], one_step_late)
    assert (late.first_divergence.step, late.first_divergence.stage) == (2, "loss")


def test_the_inference_of_a_meta_takes_the_moving_statistics():
    arrays = exported_twins.computed("slim_cnn")
    moves = [exported_twins.prediction("slim_cnn")]
    _, record = pair_of("slim_cnn").reference(moves, under("final", arrays))
    np.testing.assert_allclose(
        record["outputs"]["y_pred"], arrays["predicted"], rtol=0, atol=1e-6
    )


def test_a_play_goes_on_from_a_checkpoint_of_1_15_5():
    program = exported.load(
        exported_twins.meta("slim_cnn"),
        checkpoint=exported_twins.GOLDENS / "slim_cnn" / "model.ckpt",
        **exported_twins.spec("slim_cnn"),
    )
    moves = exported_twins.training_moves("slim_cnn")[slim_cnn.CHECKPOINT_AFTER :]
    records = list(tf1_session.play(program, moves))
    initial = records[0]["initial values"]
    assert initial["global_step"] == slim_cnn.CHECKPOINT_AFTER
    assert np.any(initial["conv1/weights/Momentum"] != 0)
    within_budget(
        "slim_cnn", recorded("slim_cnn", len(moves))[1:], like_recorded(records)[1:]
    ).require_agreement()
    # Values that are given still come before those of the checkpoint.
    given = {"global_step": np.int64(100)}
    (first,) = tf1_session.play(program, [], given)
    assert first["initial values"]["global_step"] == 100
