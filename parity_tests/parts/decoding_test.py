"""contrib.seq2seq's decoders as loops, against compat.v1 graphs.

With 1.15.5's own classes every variant is compared in every_part_test.py; with a cell that
attends to a memory, in float32 and in training, by the chapter seq2seq.
"""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests.parts.decoding import twin
from parity_tests.parts.pairs import Pairs
from tf1_graph.parts import decoding as tf1_decoding
from tf1_graph.parts.decoding import END, START
from tf2_keras.tf1_semantics import attention, decoding, recurrent

PAIRS = Pairs(tf1_decoding.program, twin)
VARIANTS = list(tf1_decoding.variants())


@pytest.mark.parametrize("part", tf1_decoding.VARIANTS)
@given(data=st.data())
def test_what_is_decoded_is_what_tf1_decoded(part, data):
    variants = [
        variant
        for variant in VARIANTS
        # Of other values a search without bounds might have no end.
        if variant[0] == part == "decoding.teacher_forced"
        or variant[0] == part
        and "maximum_iterations" in variant[1]
    ]
    _, arguments, problem = data.draw(st.sampled_from(variants))
    problem = {"dtype": data.draw(st.sampled_from([problem["dtype"], "float32"]))}
    pair = PAIRS(part, arguments, problem)
    seed = data.draw(st.integers(0, 2**31))
    moves, values = tf1_decoding.ordinary(pair.program, arguments, seed)
    levels = ["function", "eager"] if part == "decoding.beam_search" else ["function"]
    for level in levels:
        comparison = pair.compare(moves, level, values).require_agreement()
        assert comparison.records == len(moves) + 1


@pytest.mark.parametrize(
    "changed", [{"beam_width": 2, "maximum_iterations": 3}, {"maximum_iterations": 1}]
)
def test_a_planted_fault_is_found(changed):
    part, arguments, problem = VARIANTS[1]
    pair = PAIRS(part, arguments, problem, of_twin={**arguments, **changed})
    moves, values = tf1_decoding.ordinary(pair.program, arguments)
    comparison = pair.compare(moves, "function", values)
    assert comparison.first_divergence.stage == "outputs"


def likeliest_by_hand(projection, width, most):
    """([time, W], [W]) of lists, each scored from its beginning every time."""

    def log_probability(words):
        memory, total = np.zeros(len(projection)), 0.0
        for last, word in itertools.pairwise(words):
            if last == END:
                break
            memory = np.eye(len(projection))[last] - 0.5 * memory
            logits = memory @ projection
            total += logits[word] - np.log(np.exp(logits).sum())
        return total

    beams = [[START]]
    while len(beams[0]) <= most:
        if all(beam[-1] == END for beam in beams):
            break
        longer = [
            [*beam, word]
            for beam in beams
            for word in range(len(projection))
            if beam[-1] != END or word == END
        ]
        beams = sorted(longer, key=log_probability, reverse=True)[:width]
    return np.transpose([beam[1:] for beam in beams]), [
        log_probability(beam) for beam in beams
    ]


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), width=st.integers(1, 4), most=st.integers(1, 5))
def test_beams_are_the_likeliest_of_what_was_written(seed, width, most):
    """What is written next depends on all that a beam has written."""
    projection = np.random.RandomState(seed).normal(0, 1.5, (5, 5)).astype(np.float32)

    def cell(inputs, memory):
        memory = inputs - 0.5 * memory
        return memory, memory

    words, scores = decoding.beam_search(
        cell,
        lambda words: tf.one_hot(words, 5),
        [START, START],
        END,
        tf.zeros([2 * width, 5]),
        width,
        lambda outputs: outputs @ projection,
        most,
    )
    expected, of_each = likeliest_by_hand(projection.astype(np.float64), width, most)
    assert words.numpy().tolist() == [expected.tolist()] * 2
    np.testing.assert_allclose(scores, [of_each, of_each], rtol=1e-5, atol=1e-5)


def test_what_does_not_fit_is_refused():
    with pytest.raises(
        ValueError, match=r"^inputs must be \[batch, .* Received: .* Us"
    ):
        decoding.teacher_forced(None, tf.ones([2, 3]), tf.ones([2, 4]))
    with pytest.raises(ValueError, match="^beam_width must be .* Received: 0. Use"):
        decoding.beam_search(None, None, [START], END, tf.ones([1, 4]), 0)
    wrapper = attention.AttentionWrapper(
        recurrent.GRUCell(4), attention.LuongAttention(4), alignment_history=True
    )
    wrapper.build(3, (None, None, 5))
    state = wrapper.get_initial_state(wrapper.prepare(tf.ones([2, 6, 5])))
    with pytest.raises(ValueError, match="^initial_state must be .* alignment_history"):
        decoding.teacher_forced(None, tf.ones([2, 3, 3]), state)
