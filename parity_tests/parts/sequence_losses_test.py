"""contrib's losses of sequences, against compat.v1 graphs."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.parts.pairs import Pairs
from parity_tests.parts.sequence_losses import twin
from tf1_graph.parts import sequence_losses as tf1_sequences
from tf2_keras.tf1_semantics import losses

PAIRS = Pairs(tf1_sequences.program, twin)
VARIANTS = list(tf1_sequences.variants())


@pytest.mark.parametrize("part", tf1_sequences.VARIANTS)
@given(data=st.data())
def test_losses_and_gradients_are_those_of_tf1(part, data):
    variants = [variant for variant in VARIANTS if variant[0] == part]
    _, arguments, problem = data.draw(st.sampled_from(variants))
    random = np.random.RandomState(data.draw(st.integers(0, 2**31)))
    sizes = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=3))
    moves = [("loss", tf1_sequences.batch_of(problem, random, size)) for size in sizes]
    moves[0][1]["weights"] *= data.draw(st.sampled_from([0.0, 1.0, 1e-30]))
    pair = PAIRS(part, arguments, problem)
    for level in ("function", "eager"):
        comparison = pair.compare(moves, level).require_agreement()
        assert comparison.records == len(moves) + 1


def test_a_planted_fault_is_found():
    part, problem = "losses.sequence_loss", {"dtype": "float32"}
    batch = tf1_sequences.batch_of(problem, np.random.RandomState(0), 5)
    counted = {
        f"{way}_{axis}": way == "sum_over"
        for way in ("average_across", "sum_over")
        for axis in ("timesteps", "batch")
    }
    pair = PAIRS(part, {}, problem, of_twin=counted)
    assert pair.compare([("loss", batch)], "function").cells["loss"].ok is False


def test_in_fit_the_mean_over_the_weights_is_a_loss_of_keras():
    """As sequence_loss's docstring says."""
    problem = {"dtype": "float32"}
    batch = tf1_sequences.batch_of(problem, np.random.RandomState(0), 5)
    mean = losses.SparseSoftmaxCrossEntropy(reduction=losses.Reduction.MEAN)
    of_keras = mean(batch["targets"], batch["logits"], batch["weights"])
    np.testing.assert_array_equal(losses.sequence_loss(**batch), of_keras, strict=True)


def test_what_does_not_fit_is_refused():
    logits, targets = tf.ones([2, 4, 3]), tf.ones([2, 4], tf.int64)
    weights = tf.ones([2, 4])
    for wrong in ((logits[0], targets, weights), (logits, targets, weights[0])):
        with pytest.raises(ValueError, match="^logits must be .* Received: .* Use "):
            losses.sequence_loss(*wrong)
    for axis in ("timesteps", "batch"):
        with pytest.raises(ValueError, match=f"^sum_over_{axis} must be False where"):
            losses.sequence_loss(logits, targets, weights, **{f"sum_over_{axis}": True})
    for function in (losses.legacy_sequence_loss, losses.sequence_loss_by_example):
        with pytest.raises(ValueError, match="^logits must be a list of steps, and"):
            function(tf.unstack(logits, axis=1), [targets[:, 0]], [weights[:, 0]])
        with pytest.raises(ValueError, match="^logits must be a list of steps, and"):
            function([], [], [])
