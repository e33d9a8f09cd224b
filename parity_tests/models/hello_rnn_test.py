"""What only the chapter on the next letter claims."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from parity_tests.models import chapters
from parity_tests.models.pair import ProgramPair
from tf2_keras import tf1_semantics

CHAPTER = "hello_rnn"
TWIN = chapters.twin(CHAPTER)
DATA = chapters.setup(CHAPTER).load(None, 1)[0]


@functools.cache
def records(fault=None):
    """The twin's, with a fault if one is named."""
    planted = fault and chapters.faults(CHAPTER)[fault]
    return ProgramPair(CHAPTER, None, planted).candidate(DATA, "function")


def first_loss(fault=None):
    return next(record["loss"]["loss"] for record in records(fault) if "loss" in record)


def moved(fault=None):
    """How far the output's bias went in the first step."""
    updates = (record["updates"] for record in records(fault) if "updates" in record)
    return next(updates)["net/b"]  # from zero


def test_words_are_encoded_letter_by_letter():
    x, y, weights, letters = TWIN.encode(["abc", "ba"])
    assert letters == ["a", "b", "c"]
    assert x.argmax(2).tolist() == [[0, 1], [1, 0]] and x.sum() == weights.sum() == 3
    assert y.tolist() == [[1, 2], [0, 0]] and weights.tolist() == [[1, 1], [1, 0]]


def test_the_weights_are_the_denominator():
    """The margin: over all steps the loss, and each step, is off by more than a third."""
    *_, weights, _ = TWIN.encode(*DATA)
    share = weights.mean()
    assert share < 2 / 3
    ratio = first_loss("weights_in_the_sum_alone") / first_loss()
    np.testing.assert_allclose(ratio, share, rtol=1e-5)
    np.testing.assert_allclose(
        moved("weights_in_the_sum_alone"), moved() * share, atol=1e-6
    )


@pytest.mark.parametrize("fault", ["loss_over_padding", "mean_of_words"])
def test_what_else_is_averaged_trains_otherwise(fault):
    """The margin: a tenth of the first step."""
    off = np.abs(moved(fault) - moved()).max() / np.abs(moved()).max()
    assert off > 0.1


def test_each_step_of_a_word_has_a_mask_of_its_own():
    """Of ones in, of all units: the masks of two steps are not the same; one mask is."""
    cell = tf1_semantics.recurrent.BasicRNNCell(64)
    wrapper = tf1_semantics.recurrent.DropoutWrapper(
        cell, output_keep_prob=0.5, seed=(1, 31)
    )
    layer = tf1_semantics.recurrent.DynamicRNN(wrapper)
    outputs, _ = layer(tf.ones([1, 6, 3]), training=True)
    masks = np.asarray(outputs)[0] != 0
    assert len({mask.tobytes() for mask in masks}) == 6
    assert 0.3 < masks.mean() < 0.7
    assert abs(first_loss("one_mask") - first_loss()) > 1e-3 * first_loss()


def test_dropout_in_a_prediction_changes_what_is_said():
    """The margin: letters, of a network that was trained to say others."""
    true, naive = (
        next(r["evaluation"]["guessed"] for r in records(fault) if "evaluation" in r)
        for fault in (None, "predicted_in_training_mode")
    )
    assert true.tolist() != naive.tolist()


def test_both_layers_read_the_same_stream():
    """The initializer of their scope: what both kernels begin with are the same draws."""
    start = records()[0]["initial values"]
    first, second = (
        start[f"net/rnn/rnn/multi_rnn_cell/cell_{n}/basic_rnn_cell/kernel"].ravel()
        for n in (0, 1)
    )
    count = min(first.size, second.size)
    ratios = first[:count] / second[:count]
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-4)
