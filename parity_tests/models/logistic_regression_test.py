"""What only the logistic regression chapter claims."""

import functools

import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1
from hypothesis import example, given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.models import chapters
from parity_tests.models.logistic_regression_plays import saturated
from parity_tests.models.pair import ChapterPair

CHAPTER = "logistic_regression"
GRAPH, TWIN = chapters.graph(CHAPTER), chapters.twin(CHAPTER)
THRESHOLDS = (0.5, 0.1, 0.73, 1.0, 0.0)


def test_learned_parameters_are_those_the_data_were_made_from():
    x, y = GRAPH.make_data()
    assert x.shape == (2000, 3) and y.shape == (1, 2000)
    assert set(np.unique(y)) == {0.0, 1.0}
    reports, accuracy = GRAPH.run(x, y)
    assert [report[0] for report in reports] == [0, 5, 10]
    weights, bias = reports[-1][1:]
    np.testing.assert_allclose(weights, [[0.3, 0.5, 0.1]], atol=0.15)
    np.testing.assert_allclose(bias, -0.2, atol=0.15)
    assert accuracy > 0.6


@pytest.mark.parametrize("threshold", [0.5, 0.4])
@pytest.mark.parametrize("batch_size", [2000, 300])
def test_both_programs_report_the_same_parameters_and_accuracy(batch_size, threshold):
    x, y = GRAPH.make_data()
    results = [
        side.run(x, y, side.Config(batch_size=batch_size, threshold=threshold))
        for side in (GRAPH, TWIN)
    ]
    (of_graph, graph_accuracy), (of_twin, twin_accuracy) = results
    assert graph_accuracy == twin_accuracy
    assert len(of_graph) == len(of_twin) == 3
    for expected, received in zip(of_graph, of_twin, strict=True):
        assert expected[0] == received[0]
        for value, other in zip(expected[1:], received[1:], strict=True):
            assert value.tobytes() == other.tobytes()


@pytest.mark.parametrize("label", [0, 1])
def test_saturated_logits_lose_what_they_are_wrong_by(label):
    """No overflow: the loss of a wrong logit is its size, of a right one zero."""
    drawn = saturated(label)
    (_, batch), *_ = drawn.moves
    logits = batch["x"] @ drawn.values["inference/weights"].T
    assert np.abs(logits[:-1]).min() == 5000
    with ChapterPair(CHAPTER, dict(drawn.fields)) as pair:
        _, record = pair.candidate(drawn.moves[:1], "function", drawn.values)
    expected = (3 * 5000 + np.log(2)) / 7
    np.testing.assert_allclose(record["loss"]["loss"], expected, rtol=1e-6)


@pytest.mark.parametrize("level", ["function", "fit"])
def test_full_size_data_are_bit_equal_over_all_steps(level):
    (x, y_true), _ = chapters.setup(CHAPTER).load(None, seed=0)
    moves = [("train", {"x": x, "y_true": y_true})] * 11
    with ChapterPair(CHAPTER) as pair:
        pair.compare(moves, level, granted=False).require_agreement()


@functools.cache
def classifiers(threshold):
    """{side: logits -> classes}; a Session's graph has a placeholder of its own."""
    config = {"threshold": threshold}
    with tf1.Graph().as_default() as built:
        logits = tf1.placeholder(tf1.float32, [1, None])
        classes = GRAPH.classify(logits, GRAPH.Config(**config))
    session = tf1.Session(graph=built)

    def eagerly(values):
        return TWIN.classify(values, TWIN.Config(**config))

    signature = [tf.TensorSpec([1, None], tf.float32)]
    function = tf.function(eagerly, input_signature=signature)
    return {
        "session": lambda values: session.run(classes, {logits: values}),
        "eager": lambda values: eagerly(tf.constant(values)).numpy(),
        "function": lambda values: function(values).numpy(),
    }


def around(threshold):
    """The 64 float32 nearest to the logit of a threshold."""
    with np.errstate(divide="ignore"):
        logit = np.float32(np.log(threshold) - np.log1p(-threshold))
    below = above = logit
    logits = [logit]
    for _ in range(32):
        below, above = np.nextafter(below, -np.inf), np.nextafter(above, np.inf)
        logits += [below, above]
    return np.float32(logits)


@given(
    threshold=st.sampled_from(THRESHOLDS),
    logits=strategies.arrays(33, magnitude=1e4),
)
@example(threshold=0.5, logits=np.zeros(33, np.float32))
@example(threshold=0.73, logits=np.zeros(33, np.float32))
def test_the_threshold_classifies_alike_on_both_sides(threshold, logits):
    logits = np.concatenate([logits, around(threshold), [0.0, -0.0]])
    logits = logits.astype(np.float32)[np.newaxis]
    sides = classifiers(threshold)
    of_session = sides["session"](logits)
    for side in ("eager", "function"):
        assert sides[side](logits).tobytes() == of_session.tobytes()
    # Away from the threshold the class is what mathematics says.
    with np.errstate(over="ignore"):
        probability = 1 / (1 + np.exp(-logits.astype(np.float64)))
    clear = np.abs(probability - threshold) > 1e-6
    above = (probability > threshold).astype(np.float32)
    np.testing.assert_array_equal(of_session[clear], above[clear], strict=True)


@pytest.mark.parametrize("side", ["session", "eager", "function"])
def test_a_logit_at_the_threshold_is_of_class_zero(side):
    at_and_above = np.float32([[0.0, -0.0, 1e-6]])
    classes = classifiers(0.5)[side](at_and_above)
    np.testing.assert_array_equal(classes, np.float32([[0, 0, 1]]), strict=True)
    # A probability of exactly one is not above a threshold of one.
    classes = classifiers(1.0)[side](np.float32([[1e4]]))
    np.testing.assert_array_equal(classes, np.float32([[0]]), strict=True)
