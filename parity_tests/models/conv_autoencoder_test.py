"""What only the chapter of the autoencoder of tf.layers claims.

What it did under 1.15.5 is in the golden; the twin is run here.
"""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from parity_tests.models import chapters
from parity_tests.models.pair import ProgramPair

CHAPTER = "conv_autoencoder"
TWIN = chapters.twin(CHAPTER)
DATA = chapters.setup(CHAPTER).load(None, 1)[0]
FIELDS = chapters.setup(CHAPTER).configure(None, 1)


@functools.cache
def records(fault=None):
    """The twin's, with a fault if one is named."""
    planted = fault and chapters.faults(CHAPTER)[fault]
    return ProgramPair(CHAPTER, FIELDS, planted).candidate(DATA, "function")


def of_stage(stage, fault=None):
    return [record[stage] for record in records(fault) if stage in record]


def prepared(fault):
    """All pictures to train on, as the twin resizes them, and as people write it."""
    config = TWIN.Config(**FIELDS)
    faulty = chapters.faults(CHAPTER)[fault].patch(TWIN)["preprocess"]
    return [np.asarray(side(DATA[0], config)) for side in (TWIN.preprocess, faulty)]


def moved(name, fault=None):
    """How far a variable went in the first step."""
    start, *_ = of_stage("initial values", fault)
    update, *_ = of_stage("updates", fault)
    return update[name] - start[name]


@pytest.mark.parametrize("fault", ["resized_at_centres", "resized_bilinearly"])
def test_nearest_neighbours_are_at_the_upper_left(fault):
    """The margin: TF2 takes others for four pixels of five, some of them black for white."""
    of_tf1, naive = prepared(fault)
    first = DATA[0][:, :: 28 // 4, :: 28 // 4] * np.float32(1 / 255)
    corners = of_tf1[:, ::4, ::4, 0]  # 28 / 16 is 7 / 4
    np.testing.assert_array_equal(corners, first, strict=True)
    assert np.mean(of_tf1 != naive) > 0.8
    assert np.abs(of_tf1 - naive).max() > 0.9


def test_nearest_neighbours_keep_their_type_and_bilinear_ones_do_not():
    pixels = tf.constant(DATA[0][:1, ..., np.newaxis])
    kinds = [
        tf.compat.v1.image.resize_images(pixels, [16, 16], method=method).dtype
        for method in ("nearest", "bilinear")
    ]
    assert kinds == [tf.uint8, tf.float32]


def test_pixels_were_multiplied_by_the_rounded_inverse():
    """Grappler did so; the margin: the last bit of more than a third of the pixels."""
    of_tf1, naive = prepared("pixels_divided")
    assert np.mean(of_tf1 != naive) > 1 / 3
    np.testing.assert_allclose(of_tf1, naive, rtol=2e-7)
    divide = tf.function(lambda pixels: tf.cast(pixels, tf.float32) / 255.0)
    pixels = tf.range(256)
    product = tf.cast(pixels, tf.float32) * np.float32(1 / 255)
    np.testing.assert_array_equal(divide(pixels), product, strict=True)


@pytest.mark.parametrize("name", ["decoder3/bias", "code/bias"])
def test_a_mean_over_pixels_hardly_trains(name):
    """The margin: each step is as many times smaller as a picture has pixels."""
    config = TWIN.Config(**FIELDS)
    ratio = moved(name) / moved(name, "mean_over_pixels")
    np.testing.assert_allclose(ratio, config.image_size**2, rtol=1e-3)
    true, naive = (
        losses[-1]["loss"] / losses[0]["loss"]
        for losses in (of_stage("loss"), of_stage("loss", "mean_over_pixels"))
    )
    assert true < 0.4 and naive > 0.95


def test_a_transposed_convolution_is_cut_off_at_both_ends():
    """Of 2 (n - 1) + 4 pixels one above and one below; the margin: a picture's pixel."""
    x = np.zeros([1, 3, 1, 1], np.float32)
    x[0, 0] = 1
    kernel = np.float32([1, 2, 3, 4]).reshape(4, 1, 1, 1)
    same, whole = (
        np.asarray(keras.ops.conv_transpose(x, kernel, (2, 1), padding)).ravel()
        for padding in ("same", "valid")
    )
    assert whole.tolist() == [1, 2, 3, 4, 0, 0, 0, 0]
    assert same.tolist() == [2, 3, 4, 0, 0, 0]


def test_a_picture_is_doubled_as_upsampling_does():
    """To a whole multiple; bilinear it is another."""
    x = tf.random.stateless_normal([2, 4, 4, 3], [1, 2])
    doubled = TWIN.tf1_semantics.layers.ResizeNearestNeighbor((8, 8))(x)
    upsampled = keras.layers.UpSampling2D(2)(x)
    np.testing.assert_array_equal(upsampled, doubled, strict=True)
    smooth = keras.layers.UpSampling2D(2, interpolation="bilinear")(x)
    assert np.abs(smooth - doubled).max() > 0.5


def test_a_rest_at_the_end_shows_in_the_first_loss():
    """The margin: a ten-thousandth, which training takes away: no loss tells it later."""
    true, naive = (
        losses[0]["loss"]
        for losses in (of_stage("loss"), of_stage("loss", "cropped_at_the_end"))
    )
    assert abs(true - naive) > 1e-4 * true
