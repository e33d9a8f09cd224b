"""What only the chapter of slim claims.

What the network did under 1.15.5 is in the golden; the twin is run here.
"""

import functools

import numpy as np
import pytest

from parity_tests.models import chapters
from parity_tests.models.pair import ProgramPair

CHAPTER = "slim_cnn"
TWIN = chapters.twin(CHAPTER)
DATA = chapters.setup(CHAPTER).load(None, 1)[0]
FIELDS = chapters.setup(CHAPTER).configure(None, 1)
STATISTICS = (
    "conv2/conv2_2/BatchNorm/moving_mean",
    "conv1/conv1_1/BatchNorm/moving_mean",
)


@functools.cache
def recorded():
    """1.15.5's records."""
    return ProgramPair(CHAPTER, FIELDS).reference(DATA)


@functools.cache
def records(fault=None):
    """The twin's, with a fault if one is named, of large tensors what a golden keeps."""
    planted = fault and chapters.faults(CHAPTER)[fault]._replace(both=None)
    return ProgramPair(CHAPTER, FIELDS, planted).candidate(DATA, "function")


def of_stage(history, stage):
    return [record[stage] for record in history if stage in record]


def three(stage, fault):
    """A stage's records of 1.15.5, of the twin, and of what people write."""
    return [
        of_stage(history, stage) for history in (recorded(), records(), records(fault))
    ]


def off(expected, other):
    """The largest difference over the largest magnitude."""
    return np.abs(other - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("name", STATISTICS)
def test_create_train_op_moves_the_statistics(name):
    """By the collection UPDATE_OPS, which it runs; the margin: forgotten, they stand at 0."""
    of_tf1, of_twin, naive = (
        updates[-1][name] for updates in three("updates", "update_ops_forgotten")
    )
    assert off(of_tf1, of_twin) < 1e-5
    assert not naive.any() and np.abs(of_tf1).max() > 1e-4


@pytest.mark.parametrize("name", STATISTICS)
def test_the_decay_of_slim_is_0_999(name):
    """The margin: by 0.99, Keras's and that of tf.layers, they go nine times as far."""
    of_tf1, of_twin, naive = (
        updates[-1][name] for updates in three("updates", "decay_of_keras")
    )
    assert off(of_tf1, of_twin) < 1e-5
    assert np.abs(naive).max() > 9 * np.abs(of_tf1).max()


def test_batch_norm_of_slim_has_no_gamma_and_its_convolutions_no_bias():
    names = of_stage(recorded(), "initial values")[0]
    names = {name.partition(" ")[0] for name in names}
    assert not [name for name in names if name.endswith("gamma")]
    assert "conv1/conv1_1/BatchNorm/beta" in names
    assert not [name for name in names if "conv" in name and name.endswith("biases")]
    twin = of_stage(records(), "initial values")[0]
    assert {name.partition(" ")[0] for name in twin} == names


@pytest.mark.slow
def test_l2_regularizer_takes_half_the_square():
    """The margin: the whole of it adds as much to the loss as half of it had."""
    of_tf1, of_twin, whole = (
        losses[0]["loss"] for losses in three("loss", "whole_square")
    )
    *_, without = three("loss", "regularisers_forgotten")
    penalty = of_tf1 - without[0]["loss"]
    assert of_twin == pytest.approx(of_tf1, rel=1e-6)
    assert penalty > 0.02 * of_tf1
    assert whole - of_tf1 == pytest.approx(penalty, rel=1e-3)


@pytest.mark.parametrize(
    "fault, name",
    [
        ("share_dropped", "logits/weights/Momentum"),
        ("resized_at_centres", "conv1/conv1_1/BatchNorm/beta/Momentum"),
    ],
)
def test_the_first_gradients_are_a_quarter_off(fault, name):
    """keep_prob taken for a rate; pictures resized at the centres of pixels."""
    of_tf1, of_twin, naive = (updates[0][name] for updates in three("updates", fault))
    assert off(of_tf1, of_twin) < 1e-4
    assert off(of_tf1, naive) > 0.25


def test_one_initializer_for_all_layers_starts_each_with_the_same_draws():
    """Of one seed, scaled by the layer: what an arg_scope shares is the stream too."""
    twin = TWIN.build(TWIN.Config())
    small, large = (
        np.asarray(twin.get_layer(name).kernel).ravel() for name in ("fc3", "conv2_1")
    )
    count = min(small.size, large.size)
    ratios = small[:count] / large[:count]
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-4)


def test_the_loss_that_is_given_is_that_before_the_step():
    """Of the start: what create_train_op returns was computed before its updates."""
    model = TWIN.build(TWIN.Config(**FIELDS))
    (images, labels), _ = DATA
    config = TWIN.Config(**FIELDS)
    batch = images[: config.batch_size], labels[: config.batch_size]
    expected = of_stage(recorded(), "loss")[0]["loss"]
    logits = model(batch[0], training=True)
    at_start = model.compute_loss(y=batch[1], y_pred=logits)
    assert float(at_start) == pytest.approx(expected, rel=1e-6)
    after = of_stage(recorded(), "updates")[0]
    assert after["global_step"] == 1
