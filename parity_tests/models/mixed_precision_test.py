"""What only the chapter of mixed precision claims."""

import numpy as np
import pytest
import tensorflow as tf

from parity_tests.engine.comparison import compare_plays
from parity_tests.models import chapters

CHAPTER = "mixed_precision"
GRAPH, TWIN = chapters.graph(CHAPTER), chapters.twin(CHAPTER)
DATA = chapters.setup(CHAPTER).load(None, 1)[0]
BOTH = (GRAPH, TWIN)


def scales(side, data, **fields):
    """The scale after each step of one side."""
    records = side.run(*data, config=side.Config(**fields))
    return [float(record["scale"]["scale"]) for record in records[1:]]


def test_a_step_that_is_left_out_moves_nothing_and_is_not_counted():
    """The first, whose gradients overflow: the variables stay as they are."""
    for side in BOTH:
        begun, first, second, *_, last = side.run(*DATA, config=side.Config())
        for name, value in begun["initial values"].items():
            np.testing.assert_array_equal(first["updates"][name], value, strict=True)
        assert second["updates"]["global_step"] == 1
        assert last["updates"]["global_step"] == TWIN.Config().steps - 2


@pytest.mark.parametrize(
    "side, expected", [(GRAPH, [1.0, 1.0, 1.0]), (TWIN, [1.0, 0.5, 0.25])]
)
def test_tf1_s_scale_stops_at_one_and_keras_s_goes_on(side, expected):
    """On gradients that are never finite: here the two cannot agree."""
    spoilt = DATA[0], np.full_like(DATA[1], np.nan)
    assert scales(side, spoilt, steps=3, initial_scale=2.0) == expected


@pytest.mark.parametrize("side, expected", [(GRAPH, 2.0**127), (TWIN, np.inf)])
def test_tf1_s_scale_stays_finite_and_keras_s_does_not(side, expected):
    """On gradients of zero; with a scale of infinity no step is good any more."""
    zeros = np.zeros([1, 2], np.float32), np.zeros([1, 1], np.float32)
    fields = {"steps": 2, "initial_scale": 2.0**127, "growth_steps": 1}
    assert scales(side, zeros, **fields) == [expected, expected]


def test_variables_are_float32_and_what_is_computed_with_them_float16():
    for side in BOTH:
        begun, first, *_ = side.run(*DATA, config=side.Config(steps=1))
        assert begun["initial values"]["kernel"].dtype == np.float32
        assert first["outputs"]["y_pred"].dtype == np.float16


def test_a_small_gradient_vanishes_unless_the_loss_is_scaled():
    """1e-8 is none in float16; scaled by 1024 it is, to three digits."""
    assert np.float16(1e-8) == 0
    scaled = np.float32(np.float16(1e-8 * 1024)) / 1024
    assert scaled == pytest.approx(1e-8, rel=5e-3)


def rewritten_without_a_gpu():
    """The records of the TF1 side, whose rewrite is of the whole process."""
    history = GRAPH.run(*DATA, config=GRAPH.Config(rewrite=True))
    # To disable it leaves behind an option that says so.
    tf.config.optimizer.set_experimental_options({"auto_mixed_precision": None})
    return history


def test_without_a_gpu_the_rewrite_scales_the_loss_and_casts_nothing(monkeypatch):
    """What is left is a float32 layer under a loss scale, to the bit."""
    of_graph = rewritten_without_a_gpu()
    in_float32 = chapters.faults(CHAPTER)["float32_throughout"].patch(TWIN)
    monkeypatch.setattr(TWIN, "build", in_float32["build"])
    compare_plays(of_graph, TWIN.run(*DATA)).require_agreement()
    assert of_graph[1]["outputs"]["y_pred"].dtype == np.float32
    assert (
        of_graph[-1]["updates"]["global_step"] == TWIN.Config().steps
    )  # none left out


def test_a_policy_rounds_the_bias_that_the_rewrite_adds_in_float32():
    """From the third step on; after ten the losses are a hundredth apart."""
    rewritten, by_policy = (
        np.float32(
            [
                record["loss"]["loss"]
                for record in TWIN.run(*DATA, config=TWIN.Config(rewrite=rewrite))[1:]
            ]
        )
        for rewrite in (True, False)
    )
    apart = np.abs(by_policy - rewritten) / rewritten
    assert apart[:2].max() == 0 and 5e-3 < apart.max() < 2e-2  # measured: 0.0088
