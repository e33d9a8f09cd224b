"""What only the chapter of Estimators claims.

What the Estimators of 1.15.5 did is in the golden; the twin is run here.
"""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from parity_tests.models import chapters
from parity_tests.models.pair import ProgramPair, distance

CHAPTER = "estimator"
TWIN = chapters.twin(CHAPTER)
DATA = chapters.setup(CHAPTER).load(None, 1)[0]
CONFIG = TWIN.Config()
FIRST, WARM = range(2)  # what was looked at, in this order


@functools.cache
def recorded():
    """1.15.5's records."""
    return list(ProgramPair(CHAPTER).reference(DATA))


@functools.cache
def records(fault=None):
    """The twin's, with a fault if one is named."""
    planted = fault and chapters.faults(CHAPTER)[fault]
    return list(ProgramPair(CHAPTER, None, planted).candidate(DATA, "fit"))


def of_stage(history, stage):
    return [record[stage] for record in history if stage in record]


def trainings(history):
    """[loss of each step] of each training, in their order."""
    losses = [record["loss"]["loss"] for record in history if "loss" in record]
    return np.reshape(losses, [3, CONFIG.steps])


@pytest.mark.slow
def test_each_call_of_train_begins_its_streams_anew():
    """The margin: a loss a fifth off, at the first step of the second training."""
    expected, twin, naive = (
        trainings(history)[1]
        for history in (recorded(), records(), records("streams_go_on"))
    )
    np.testing.assert_allclose(twin, expected, rtol=1e-5)
    assert abs(naive[0] - expected[0]) > 0.2 * expected[0]


@pytest.mark.slow
def test_the_loss_of_an_evaluation_is_a_mean_over_batches():
    """Of 4, 4 and 2 irises; the margin: Keras's mean over irises is a fiftieth off."""
    expected, twin, naive = (
        of_stage(history, "evaluation")[FIRST]["loss"]
        for history in (recorded(), records(), records("evaluated_by_examples"))
    )
    assert twin == pytest.approx(expected, rel=1e-5)
    assert abs(naive - expected) > 0.02 * expected


def test_a_warm_start_stands_at_the_beginning():
    """A second training goes on where the first was saved."""
    steps = [told["global_step"] for told in of_stage(recorded(), "evaluation")]
    assert steps == [2 * CONFIG.steps, CONFIG.steps]


@pytest.mark.slow
def test_a_warm_start_takes_weights_and_nothing_else():
    """The margin: with the optimizer's memory its weights end a twentieth of the way off."""
    left = of_stage(recorded(), "updates")[FIRST]
    (initial,) = of_stage(recorded(), "initial values")
    _, start = of_stage(recorded(), "restored")
    for name, value in start.items():
        origin = left if name.startswith("hidden") else initial
        np.testing.assert_array_equal(value, origin[name], strict=True)
    end, naive = (
        of_stage(history, "updates")[WARM]
        for history in (recorded(), records("warm_start_with_memory"))
    )
    assert distance(end, naive, start) > 0.05 * distance(end, start, start)


def test_batches_go_over_the_end_of_an_epoch():
    """The third batch is of the last two irises and of the first two."""
    batches = [x for x, _ in TWIN.inputs(DATA, CONFIG, None).take(3)]
    np.testing.assert_array_equal(batches[2], DATA[0][[8, 9, 0, 1]], strict=True)
    shapes = [len(x) for x, _ in TWIN.inputs(DATA, CONFIG, 1)]
    assert shapes == [4, 4, 2]


def test_a_damaged_checkpoint_is_refused(tmp_path):
    """Its checksums say so, and it is not trained from the beginning instead."""
    TWIN.train(TWIN.build(CONFIG), str(tmp_path), DATA, CONFIG, [], "initial values")
    for suffix in (".index", ".data-00000-of-00001"):
        path = tmp_path / f"model.ckpt-4{suffix}"
        whole = path.read_bytes()
        path.write_bytes(whole[:8] + bytes([whole[8] ^ 255]) + whole[9:])
        with pytest.raises(tf.errors.OpError):
            TWIN.Saver.restore(TWIN.build(CONFIG), str(tmp_path))
        path.write_bytes(whole)
    model = TWIN.build(CONFIG)
    TWIN.Saver.restore(model, str(tmp_path))
    assert model.optimizer.iterations == CONFIG.steps


def test_a_model_dir_that_can_not_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    folder = str(tmp_path / "file" / "own")
    history = []
    with pytest.raises((tf.errors.OpError, OSError)):
        TWIN.train(TWIN.build(CONFIG), folder, DATA, CONFIG, history, "initial values")
    assert of_stage(history, "loss") == []  # before the first step


def test_what_1_15_5_did_not_record_has_no_reference():
    pair = ProgramPair(CHAPTER, {"batch_size": 1})
    with pytest.raises(ValueError, match="must be run as TensorFlow 1.15.5 was"):
        pair.reference(DATA)


def test_the_twin_is_a_plain_model():
    assert type(TWIN.build(CONFIG)).__module__.startswith(keras.__name__)
