"""What only the chapter of tf.layers claims.

What the network did under 1.15.5 is in the golden; the twin is run here.
"""

import functools
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.models import chapters
from parity_tests.models.pair import ProgramPair
from tf1_graph.models import mnist_cnn

CHAPTER = "cnn_layers"
TWIN = chapters.twin(CHAPTER)
DATA = chapters.setup(CHAPTER).load(None, 1)[0]
FIELDS = chapters.setup(CHAPTER).configure(None, 1)


@functools.cache
def recorded():
    """1.15.5's records."""
    return ProgramPair(CHAPTER, FIELDS).reference(DATA)


@functools.cache
def records(fault=None):
    """The twin's, with a fault if one is named, of large tensors what a golden keeps."""
    planted = fault and chapters.faults(CHAPTER)[fault]
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


def test_update_ops_are_what_moves_the_statistics():
    """The margin: without them they stand, and predictions are a hundredth off at least."""
    start = of_stage(recorded(), "initial values")[0]
    ends = [updates[-1] for updates in three("updates", "update_ops_forgotten")]
    for name in ("moving_mean", "moving_variance"):
        of_tf1, of_twin, naive = (end[f"conv2_norm/{name}"] for end in ends)
        assert off(of_tf1, of_twin) < 1e-4
        np.testing.assert_array_equal(naive, start[f"conv2_norm/{name}"], strict=True)
        assert np.abs(of_tf1 - naive).min() > 1e-3
    of_tf1, of_twin, naive = (
        outputs[0]["logits sample"]
        for outputs in three("outputs", "update_ops_forgotten")
    )
    assert off(of_tf1, of_twin) < 1e-4
    assert off(of_tf1, naive) > 0.01


def test_the_moving_variance_is_that_of_a_sample():
    """Of 16 images of 14 x 14; the margin: of the population it is 1e-5 off at least."""
    of_tf1, of_twin, naive = (
        updates[-1]["conv2_norm/moving_variance"]
        for updates in three("updates", "keras_batch_normalization")
    )
    assert off(of_tf1, of_twin) < 3e-6
    assert off(of_tf1, naive) > 1e-5


def test_kernels_start_where_tf1_did():
    """Glorot's, by the seeds of graph and op; the margin: Keras's are off by half."""
    of_tf1, of_twin, naive = three("initial values", "keras_kernels")
    for name in ("conv1/kernel", "conv2/kernel", "dense/kernel", "logits/kernel"):
        for kept in (" sample", " sha256"):
            np.testing.assert_array_equal(
                of_twin[0][name + kept], of_tf1[0][name + kept], strict=True
            )
        assert off(of_tf1[0][name + " sample"], naive[0][name + " sample"]) > 0.5


@pytest.mark.parametrize(
    "fault, margin",
    [
        ("share_kept", 0.05),
        ("keras_dropout", 0.02),
        ("channels_first", 0.05),
        ("other_epsilon", 1e-4),
    ],
)
def test_the_first_loss_is_off_by(fault, margin):
    """Dropout's rate and masks, the order of what is flattened, an epsilon."""
    of_tf1, of_twin, naive = (losses[0]["loss"] for losses in three("loss", fault))
    assert of_twin == pytest.approx(of_tf1, rel=1e-6)
    assert abs(naive - of_tf1) > margin * of_tf1


def test_pixels_were_multiplied_by_the_rounded_inverse():
    """The margin: of those that are divided by 255 a tenth has another last bit."""
    of_tf1, of_twin = (of_stage(side, "batches") for side in (recorded(), records()))
    for expected, received in zip(of_tf1, of_twin, strict=True):
        for name, values in expected.items():
            np.testing.assert_array_equal(received[name], values, strict=True)
    (images, _), _ = DATA
    config = TWIN.Config(**FIELDS)
    scaled = TWIN.read_data_sets(*DATA, config)[0][0]
    divided = images[config.validation_size :].reshape(scaled.shape) / np.float32(255)
    assert np.mean(scaled != divided) > 0.1


def test_read_data_sets_holds_the_first_digits_back():
    """So many as are said; one-hot labels of ten classes."""
    config = TWIN.Config(**FIELDS)
    (images, labels), (test_images, _) = TWIN.read_data_sets(*DATA, config)
    assert len(images) == len(DATA[0][0]) - config.validation_size
    assert len(test_images) == len(DATA[1][0])
    classes = DATA[0][1][config.validation_size :].astype(np.int64)
    np.testing.assert_array_equal(labels.argmax(1), classes, strict=True)


@given(
    examples=st.integers(1, 40),
    batch_size=st.integers(1, 90),
    seed=st.integers(0, 2**32 - 1),
)
def test_batches_are_those_of_next_batch(examples, batch_size, seed):
    """Over the end of an epoch, or of several; as mnist_cnn's, which input_data's are."""
    images = np.arange(examples, dtype=np.float32)[:, None]
    config = TWIN.Config(batch_size=batch_size, seed=seed)
    expected = mnist_cnn.next_batch(images, images, batch_size, seed)
    received = TWIN.next_batch(images, images, config).take(4)
    for ours, theirs in zip(received, itertools.islice(expected, 4), strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one.numpy(), other, strict=True)


def test_a_prediction_is_not_that_of_training():
    """The margin: by the statistics of the test digits and with dropout, a tenth."""
    of_tf1, of_twin, naive = (
        outputs[0]["logits sample"]
        for outputs in three("outputs", "predicted_in_training_mode")
    )
    assert off(of_tf1, of_twin) < 1e-4
    assert off(of_tf1, naive) > 0.1
