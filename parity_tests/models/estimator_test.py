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
OWN, WARM, DNN, LINEAR = range(4)  # what was looked at, in this order


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


def losses(history):
    """[loss of each step] of each training and each evaluation, in their order."""
    found = [[]]
    for record in history:
        if {"initial values", "restored"} & {*record}:
            found.append([])
        found[-1] += [np.sum(loss) for loss in record.get("loss", {}).values()]
    return found


def second_training(history):
    """The losses of the second training of the Estimator of one's own."""
    return losses(history)[4]  # after the first, and two evaluations


@pytest.mark.slow
def test_each_call_of_train_begins_its_streams_anew():
    """The margin: a loss a fifth off, at the first step of the second training."""
    expected, twin, naive = (
        second_training(history)
        for history in (recorded(), records(), records("streams_go_on"))
    )
    assert len(expected) == len(twin) == len(naive) == CONFIG.steps
    np.testing.assert_allclose(twin, expected, rtol=1e-5)
    assert abs(naive[0] - expected[0]) > 0.2 * expected[0]


@pytest.mark.slow
def test_the_loss_of_an_evaluation_is_a_mean_over_batches():
    """Of 4, 4 and 2 irises; the margin: Keras's mean over irises is a fiftieth off."""
    expected, twin, naive = (
        of_stage(history, "evaluation")[OWN]["loss"]
        for history in (recorded(), records(), records("evaluated_by_examples"))
    )
    assert twin == pytest.approx(expected, rel=1e-5)
    assert abs(naive - expected) > 0.02 * expected


@pytest.mark.slow
@pytest.mark.parametrize("model, off", [(DNN, 0.3), (LINEAR, 0.5)])
def test_a_canned_loss_is_a_sum(model, off):
    """The margin: by a mean a third of the net's way is missing, or half the linear one's."""
    first = of_stage(recorded(), "evaluation")[model]
    # Batches of 4, 4 and 2: of ten times the mean over all, a third each.
    assert first["loss"] == pytest.approx(10 / 3 * first["average_loss"], rel=1e-5)
    names = TWIN.NAMES["dnn" if model == DNN else "linear"]
    start = of_stage(recorded(), "initial values")[model - 1]
    end, twin, naive = (
        of_stage(history, "updates")[model]
        for history in (recorded(), records(), records("mean_for_sum"))
    )
    way = distance(end, start, names)
    assert distance(end, twin, names) < 1e-5 * way
    assert distance(end, naive, names) > off * way


@pytest.mark.slow
def test_a_canned_net_has_a_rate_of_its_own():
    """The margin: with that of keras.optimizers.Adagrad it goes a tenth at most."""
    names = TWIN.NAMES["dnn"]
    start = of_stage(recorded(), "initial values")[DNN - 1]
    end, naive = (
        of_stage(history, "updates")[DNN]
        for history in (recorded(), records("canned_by_keras"))
    )
    assert distance(end, naive, names) > 0.9 * distance(end, start, names)


@pytest.mark.slow
def test_an_op_without_a_seed_got_one_by_its_place_in_the_graph():
    """The same values to the bit; another op seed draws others."""
    expected, twin, other = (
        of_stage(history, "initial values")[DNN - 1]
        for history in (recorded(), records(), records("other_op_seed"))
    )
    for name, value in expected.items():
        np.testing.assert_array_equal(twin[name], value, strict=True)
    kernel = "dnn/hiddenlayer_0/kernel"
    assert np.abs(other[kernel] - expected[kernel]).max() > 0.1


def test_the_step_is_counted_by_the_checkpoint():
    """max_steps in all, steps from where it stands; a warm start stands at the beginning."""
    ends = [calls["global_step"] for calls in of_stage(recorded(), "calls")]
    #      evaluated, evaluated and ended, a second training, and three others
    assert ends == [2, 4, 4, 8, 4, 4, 4]
    kept = [kept["steps"].tolist() for kept in of_stage(recorded(), "kept")]
    assert kept == [[6, 8], [2, 4], [2, 4], [2, 4]]


@pytest.mark.slow
def test_a_warm_start_takes_weights_and_nothing_else():
    """The margin: with the optimizer's memory its weights end a twentieth of the way off."""
    left, started = of_stage(recorded(), "updates")[OWN], recorded()
    (start,) = [
        record["restored"]
        for record, after in zip(started, started[1:], strict=False)
        if "restored" in record and not np.any(record["restored"]["logits/bias"])
        if "loss" in after
    ]
    initial = started[0]["initial values"]
    for name, value in start.items():
        origin = left if name.startswith("hidden") else initial
        np.testing.assert_array_equal(value, origin[name], strict=True)
    end, naive = (
        of_stage(history, "updates")[WARM]
        for history in (recorded(), records("warm_start_with_memory"))
    )
    names = TWIN.NAMES["own"]
    assert distance(end, naive, names) > 0.05 * distance(end, start, names)


def test_batches_go_over_the_end_of_an_epoch():
    """The third batch is of the last two irises and of the first two."""
    batches = [x for x, _ in TWIN.inputs(DATA, CONFIG, None).take(3)]
    np.testing.assert_array_equal(batches[2], DATA[0][[8, 9, 0, 1]], strict=True)
    shapes = [len(x) for x, _ in TWIN.inputs(DATA, CONFIG, 1)]
    assert shapes == [4, 4, 2]


def test_an_export_answers_what_the_model_predicts(tmp_path):
    """After its training, under the names of TF1's signature."""
    model = TWIN.build(CONFIG)
    TWIN.train_and_evaluate(model, str(tmp_path), DATA, CONFIG, [])
    served, predicted = (
        TWIN.serve(str(tmp_path), DATA),
        TWIN.predict(model, DATA, CONFIG),
    )
    of_tf1 = of_stage(recorded(), "outputs")[0]
    assert {*served} == {*predicted} == {*of_tf1}
    for name, value in predicted.items():
        # The export's function is fused, which a small logit among large ones shows.
        roundings = 1e-6 * np.abs(value).max()
        np.testing.assert_allclose(served[name], value, atol=roundings, err_msg=name)
        np.testing.assert_allclose(served[name], of_tf1[name], atol=1e-6, err_msg=name)


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
    for model in (TWIN.build(CONFIG), *TWIN.canned(CONFIG)):
        assert type(model).__module__.startswith(keras.__name__)
