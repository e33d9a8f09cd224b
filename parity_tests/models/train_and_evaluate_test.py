"""What only the chapter of train_and_evaluate claims.

What the Estimators of 1.15.5 did is in the golden; the twin is run here.
"""

import functools
import itertools

import numpy as np
import pytest

from parity_tests.models import chapters
from parity_tests.models.pair import ProgramPair

CHAPTER = "train_and_evaluate"
TWIN = chapters.twin(CHAPTER)
DATA = chapters.setup(CHAPTER).load(None, 1)[0]
CONFIG = TWIN.Config()


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


def evaluations(history):
    """[loss, ...] of each evaluation of the first start: a mean over its batches."""
    first = list(itertools.takewhile(lambda record: "kept" not in record, history))
    begun = [number for number, record in enumerate(first) if "restored" in record]
    batches = [first[number + 1 : number + 4] for number in begun]  # of 4, 4 and 2
    return [np.mean([batch["loss"]["loss"] for batch in three]) for three in batches]


@pytest.mark.slow
def test_what_was_saved_is_evaluated_before_the_step_is_told():
    """The order of records: the loss of a step stands after the evaluation behind it."""
    stages = [[*record] for record in recorded()]
    train, evaluation = ["loss"], [["restored"], *3 * [["loss"]]]
    # Saved at steps 2 and 3, of which the second is no multiple, but the end.
    first = [["initial values"], train, *evaluation, train, train, *evaluation]
    assert stages[: len(first)] == first
    assert [[*record] for record in records()] == stages


@pytest.mark.slow
def test_the_end_is_evaluated_too():
    """The margin: without it the last evaluation that is known is a twentieth off."""
    expected, twin, naive = (
        evaluations(history)
        for history in (recorded(), records(), records("not_evaluated_at_the_end"))
    )
    np.testing.assert_allclose(twin, expected, rtol=1e-5)
    assert len(naive) == 1 and len(expected) == 2
    assert abs(naive[-1] - expected[-1]) > 0.05 * expected[-1]


@pytest.mark.slow
def test_an_evaluation_does_not_drop():
    """The margin: one that does is a thirtieth off."""
    expected, naive = (
        evaluations(history)
        for history in (recorded(), records("evaluated_while_it_drops"))
    )
    assert abs(naive[0] - expected[0]) > 0.03 * expected[0]


@pytest.mark.slow
def test_the_steps_are_counted_by_the_checkpoint():
    """max_steps in all, and not from where a start begins."""
    kept = [kept["steps"].tolist() for kept in of_stage(recorded(), "kept")]
    assert kept == [[2, CONFIG.steps], [5, CONFIG.steps_in_all]]
    naive = of_stage(records("steps_counted_from_here"), "kept")
    assert naive[-1]["steps"][-1] == CONFIG.steps + CONFIG.steps_in_all


def test_an_export_answers_what_the_model_predicts(tmp_path):
    """After its training, under the names of TF1's signature."""
    model, folder = TWIN.build(CONFIG), str(tmp_path)
    fit = TWIN.train_and_evaluate
    fit(model, folder, CONFIG.steps, DATA, CONFIG, [], "initial values")
    served = TWIN.serve(folder, DATA[0])
    predicted = TWIN.estimator.predict(model, DATA, CONFIG)
    of_tf1 = of_stage(recorded(), "outputs")[0]
    assert {*served} == {*predicted} == {*of_tf1}
    for name, value in predicted.items():
        # The export's function is fused, which a small logit among large ones shows.
        roundings = 1e-6 * np.abs(value).max()
        np.testing.assert_allclose(served[name], value, atol=roundings, err_msg=name)
        np.testing.assert_allclose(served[name], of_tf1[name], atol=1e-6, err_msg=name)


def test_what_1_15_5_did_not_record_has_no_reference():
    pair = ProgramPair(CHAPTER, {"batch_size": 1})
    with pytest.raises(ValueError, match="must be run as TensorFlow 1.15.5 was"):
        pair.reference(DATA)
