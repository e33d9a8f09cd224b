"""What only the chapter of canned Estimators claims.

What the Estimators of 1.15.5 did is in the golden; the twin is run here.
"""

import functools

import keras
import numpy as np
import pytest

from parity_tests.models import chapters
from parity_tests.models.pair import ProgramPair, distance

CHAPTER = "canned_estimator"
TWIN = chapters.twin(CHAPTER)
DATA = chapters.setup(CHAPTER).load(None, 1)[0]
CONFIG = TWIN.Config()
DNN, LINEAR = range(2)  # in this order


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


@pytest.mark.slow
@pytest.mark.parametrize("model, off", [(DNN, 0.3), (LINEAR, 0.5)])
def test_a_canned_loss_is_a_sum(model, off):
    """The margin: by a mean a third of the net's way is missing, or half the linear one's."""
    first = of_stage(recorded(), "evaluation")[model]
    # Batches of 4, 4 and 2: of ten times the mean over all, a third each.
    assert first["loss"] == pytest.approx(10 / 3 * first["average_loss"], rel=1e-5)
    start = of_stage(recorded(), "initial values")[model]
    end, twin, naive = (
        of_stage(history, "updates")[model]
        for history in (recorded(), records(), records("mean_for_sum"))
    )
    way = distance(end, start, start)
    assert distance(end, twin, start) < 1e-5 * way
    assert distance(end, naive, start) > off * way


@pytest.mark.slow
@pytest.mark.parametrize(
    "model, fault", [(DNN, "adagrad_of_keras"), (LINEAR, "ftrl_of_keras")]
)
def test_a_canned_model_has_a_rate_of_its_own(model, fault):
    """The margin: with that of keras.optimizers it goes a tenth at most."""
    start = of_stage(recorded(), "initial values")[model]
    end, naive = (
        of_stage(history, "updates")[model] for history in (recorded(), records(fault))
    )
    assert distance(end, naive, start) > 0.9 * distance(end, start, start)


@pytest.mark.slow
def test_an_op_without_a_seed_got_one_by_its_place_in_the_graph():
    """The same values to the bit; another op seed draws others."""
    expected, twin, other = (
        of_stage(history, "initial values")[DNN]
        for history in (recorded(), records(), records("other_op_seed"))
    )
    for name, value in expected.items():
        np.testing.assert_array_equal(twin[name], value, strict=True)
    kernel = "dnn/hiddenlayer_0/kernel"
    assert np.abs(other[kernel] - expected[kernel]).max() > 0.1


def test_the_twin_is_a_plain_model():
    for model in (TWIN.dnn(CONFIG), TWIN.linear(CONFIG)):
        assert type(model).__module__.startswith(keras.__name__)
