"""TF1's conditional random fields: scores, gradients, training and tags."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.parts.crf import PARTS, twin
from parity_tests.parts.pairs import Pairs
from tf1_graph.parts import crf as tf1_crf
from tf2_keras.tf1_semantics import crf

PAIRS = Pairs(tf1_crf.program, twin)


EVERY_PART = pytest.mark.parametrize("part", [part.name for part in PARTS])


def require_parity(part, seed, level):
    problem = {"tags": 3, "integers": "int64"}
    pair = PAIRS(part, {}, problem)
    (move,) = pair.program.moves
    moves = [(move, batch) for batch in tf1_crf.batches(problem, seed)]
    values = tf1_crf.transitions_of(problem, seed)
    comparison = pair.compare(moves, level, values).require_agreement()
    assert comparison.records == len(moves) + 1


@EVERY_PART
@given(seed=st.integers(0, 2**16))
def test_scores_gradients_and_tags_are_those_of_tf1(part, seed):
    """And the transitions, over five steps of descent; on ragged batches."""
    require_parity(part, seed, "function")


@EVERY_PART
def test_they_are_so_eagerly_too(part):
    require_parity(part, 0, "eager")


def test_the_log_norm_and_the_best_tags_are_those_of_all_taggings():
    """By enumeration: 3 tags, 4 steps, lengths from 0 to 4."""
    random = np.random.RandomState(0)
    x = random.standard_normal((5, 4, 3)).astype(np.float32)
    transitions = random.standard_normal((3, 3)).astype(np.float32)
    lengths = np.array([4, 3, 2, 1, 0])
    log_norm = crf.crf_log_norm(x, lengths, transitions).numpy()
    tags, scores = (array.numpy() for array in crf.crf_decode(x, transitions, lengths))
    assert log_norm[4] == 0
    for number, length in enumerate(lengths[:4]):
        of_tagging = {
            tagging: sum(x[number, step, tag] for step, tag in enumerate(tagging))
            + sum(transitions[step] for step in itertools.pairwise(tagging))
            for tagging in itertools.product(range(3), repeat=length)
        }
        expected = np.log(np.sum(np.exp(list(of_tagging.values()))))
        np.testing.assert_allclose(log_norm[number], expected, rtol=1e-5)
        best = max(of_tagging, key=of_tagging.get)
        assert tuple(tags[number, :length]) == best
        assert not tags[number, length:].any()
        np.testing.assert_allclose(scores[number], of_tagging[best], rtol=1e-5)
        one, score = crf.viterbi_decode(x[number, :length], transitions)
        assert tuple(one) == best
        np.testing.assert_allclose(score, scores[number], rtol=1e-6)


class Tagger(keras.Model):
    """Scores of tags, and transitions that are trained beside them."""

    def __init__(self, number):
        super().__init__()
        self.scores = keras.layers.Dense(number)
        self.transitions = self.add_weight(shape=(number, number), name="transitions")

    def call(self, inputs):
        return self.scores(inputs["x"])

    def compute_loss(self, x, y, y_pred, *_, **__):
        log_likelihood, _ = crf.crf_log_likelihood(
            y_pred, y, x["lengths"], self.transitions
        )
        return -tf.reduce_mean(log_likelihood)


def test_a_keras_model_learns_transitions_in_fit():
    """Tags alternate, and nothing but the transitions can tell."""
    model = Tagger(2)
    model.compile(keras.optimizers.Adam(0.1), jit_compile=False)
    x = np.zeros((64, 6, 1), np.float32)
    tags = (np.arange(6) + np.arange(64)[:, np.newaxis]) % 2
    lengths = np.full(64, 6)
    model.fit({"x": x, "lengths": lengths}, tags, epochs=12, batch_size=16, verbose=0)
    transitions = model.transitions.numpy()
    assert (transitions[[0, 1], [1, 0]] > transitions[[0, 1], [0, 1]] + 0.5).all()
    decoded, _ = crf.crf_decode(model({"x": x[:4]}), transitions, lengths[:4])
    assert (np.diff(decoded.numpy(), axis=1) != 0).all()


def test_what_is_no_score_is_refused():
    for scores in (np.zeros((2, 3), np.float32), np.zeros((2, 3, 4))):
        with pytest.raises(ValueError, match=r"^inputs must .*\. Received: .*\. Use "):
            crf.crf_log_norm(scores, [1, 1], np.zeros((4, 4), np.float32))
    with pytest.raises(ValueError, match=r"^score must .*\. Received: .*\. Use "):
        crf.viterbi_decode(np.zeros((1, 3, 4)), np.zeros((4, 4)))


def test_xla_which_computes_otherwise_is_refused():
    scores, transitions = tf.zeros([2, 3, 4]), tf.zeros([4, 4])
    compiled = tf.function(
        lambda: crf.crf_log_norm(scores, [1, 1], transitions), jit_compile=True
    )
    with pytest.raises(NotImplementedError, match="Use jit_compile=False"):
        compiled()
