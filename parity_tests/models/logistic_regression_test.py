"""The claims of the logistic regression chapter."""

import functools
import itertools

import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1
from hypothesis import example, given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.models import logistic_regression as meeting_point
from parity_tests.models.chapters import graph, twin
from parity_tests.models.logistic_regression_faults import FAULTS
from parity_tests.models.pair import Pair

CHAPTER = "logistic_regression"
EXACT_LEVELS = ("function", "fit")
THRESHOLDS = (0.5, 0.1, 0.73, 1.0, 0.0)


@functools.cache
def pair(features=3):
    """One pair for each number of features; data and rates are fed."""
    return Pair(CHAPTER, {"features": features})


@st.composite
def runs(draw, magnitudes=(1.0, 100.0, 1e4), awkward=True):
    """(features, batches, initial values, learning rate) of a short training.

    Weights and inputs of 1e4 give logits of 1e8.
    """
    features = draw(st.sampled_from([1, 2, 3, 5]))
    sizes = draw(st.lists(st.integers(1, 64), min_size=1, max_size=4))
    array = functools.partial(
        strategies.arrays, awkward=awkward, magnitude=draw(st.sampled_from(magnitudes))
    )
    labels = draw(st.sampled_from([strategies.labels, strategies.one_class_labels]))
    batches = [
        (draw(array((size, features))), draw(labels(size, 2, np.float32))[np.newaxis])
        for size in sizes
    ]
    values = {
        "inference/weights": draw(array((1, features))),
        "inference/bias": draw(array(())),
    }
    return features, batches, values, draw(st.sampled_from([0.5, 0.01, 1e-3]))


def saturated(label):
    """A run whose logits are thousands, all examples of one class."""
    x = np.full((7, 2), 1e4, np.float32) * np.float32([[1], [-1]] * 3 + [[0]])
    values = {"inference/weights": np.float32([[0.2, 0.3]]), "inference/bias": 0.0}
    return 2, [(x, np.full((1, 7), label, np.float32))] * 3, values, 0.5


def test_both_sides_have_the_same_configuration():
    assert repr(graph(CHAPTER).Config()) == repr(twin(CHAPTER).Config())


def test_learned_parameters_are_those_the_data_were_made_from():
    x, y = graph(CHAPTER).make_data()
    assert x.shape == (2000, 3) and y.shape == (1, 2000)
    assert set(np.unique(y)) == {0.0, 1.0}
    reports, accuracy = graph(CHAPTER).run(x, y)
    assert [report[0] for report in reports] == [0, 5, 10]
    weights, bias = reports[-1][1:]
    np.testing.assert_allclose(weights, [[0.3, 0.5, 0.1]], atol=0.15)
    np.testing.assert_allclose(bias, -0.2, atol=0.15)
    assert accuracy > 0.6


@pytest.mark.parametrize("threshold", [0.5, 0.4])
@pytest.mark.parametrize("batch_size", [2000, 300])
def test_both_programs_report_the_same_parameters_and_accuracy(batch_size, threshold):
    x, y = graph(CHAPTER).make_data()
    results = [
        side.run(x, y, side.Config(batch_size=batch_size, threshold=threshold))
        for side in (graph(CHAPTER), twin(CHAPTER))
    ]
    (of_graph, graph_accuracy), (of_twin, twin_accuracy) = results
    assert graph_accuracy == twin_accuracy
    assert len(of_graph) == len(of_twin) == 3
    for expected, received in zip(of_graph, of_twin, strict=True):
        assert expected[0] == received[0]
        for value, other in zip(expected[1:], received[1:], strict=True):
            assert value.tobytes() == other.tobytes()


@given(
    examples=st.integers(1, 200), batch_size=st.integers(1, 250), seed=st.integers(0)
)
@example(examples=100, batch_size=30, seed=1)  # a short last batch
@example(examples=100, batch_size=100, seed=1)  # all at once
def test_mini_batches_are_the_same(examples, batch_size, seed):
    seed %= 2**32
    x = np.arange(examples * 3, dtype=np.float64).reshape(-1, 3)
    y = np.arange(examples, dtype=np.float64).reshape(1, -1)
    steps = 2 * -(-examples // batch_size) + 1
    of_graph = graph(CHAPTER).mini_batches(x, y, batch_size, seed)
    of_twin = twin(CHAPTER).mini_batches(x, y, batch_size, seed).take(steps)
    compared = 0
    for received in of_twin.as_numpy_iterator():
        expected = next(of_graph)
        np.testing.assert_array_equal(expected[0], received[0])
        np.testing.assert_array_equal(expected[1], received[1])
        compared += 1
    assert compared == steps


@pytest.mark.parametrize("level", EXACT_LEVELS)
@given(run=runs())
@example(run=saturated(0))
@example(run=saturated(1))
def test_whole_trajectories_are_bit_equal(level, run):
    features, batches, values, learning_rate = run
    comparison = pair(features).compare(
        lambda: batches, level, values, learning_rate, granted=False
    )
    comparison.require_agreement()
    assert comparison.records == 1 + len(batches)


@given(run=runs(magnitudes=(1.0, 100.0), awkward=False))
def test_eager_stays_within_its_budget(run):
    features, batches, values, learning_rate = run
    pair(features).compare(
        lambda: batches, "eager", values, learning_rate
    ).require_agreement()


def test_saturated_logits_lose_what_they_are_wrong_by():
    """No overflow: the loss of a wrong logit is its size, of a right one zero."""
    for label in (0, 1):
        features, batches, values, _ = saturated(label)
        logits = batches[0][0] @ values["inference/weights"].T
        assert np.abs(logits[:-1]).min() == 5000
        records = []
        pair(features).training.run(batches[:1], "function", records.append, values)
        expected = (3 * 5000 + np.log(2)) / 7
        np.testing.assert_allclose(records[1]["loss"]["loss"], expected, rtol=1e-6)


def test_full_size_data_are_bit_equal_over_all_steps():
    train, _ = meeting_point.load(None, seed=0)
    for level in EXACT_LEVELS:
        pair().compare(
            lambda: itertools.repeat(train, 11), level, granted=False
        ).require_agreement()


def test_the_eager_budget_is_needed():
    train, _ = meeting_point.load(None, seed=0)
    comparison = pair().compare(
        lambda: itertools.repeat(train, 3), "eager", granted=False
    )
    assert comparison.first_divergence.stage == "gradients"


@functools.cache
def classifiers(threshold):
    """{side: logits -> classes}; a Session's graph has a placeholder of its own."""
    config = {"threshold": threshold}
    with tf1.Graph().as_default() as built:
        logits = tf1.placeholder(tf1.float32, [1, None])
        classes = graph(CHAPTER).classify(logits, graph(CHAPTER).Config(**config))
    session = tf1.Session(graph=built)

    def eagerly(values):
        return twin(CHAPTER).classify(values, twin(CHAPTER).Config(**config))

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
    found = [logit]
    for _ in range(32):
        below, above = np.nextafter(below, -np.inf), np.nextafter(above, np.inf)
        found += [below, above]
    return np.float32(found)


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
    np.testing.assert_array_equal(of_session[clear], (probability > threshold)[clear])


@pytest.mark.parametrize("side", ["session", "eager", "function"])
def test_a_logit_at_the_threshold_is_of_class_zero(side):
    at_and_above = np.float32([[0.0, -0.0, 1e-6]])
    classes = classifiers(0.5)[side](at_and_above)
    np.testing.assert_array_equal(classes, [[0, 0, 1]])
    # A probability of exactly one is not above a threshold of one.
    np.testing.assert_array_equal(classifiers(1.0)[side](np.float32([[1e4]])), [[0]])


@pytest.mark.parametrize("level", ["eager", *EXACT_LEVELS])
@pytest.mark.parametrize("name", FAULTS)
def test_planted_fault_is_caught(name, level):
    train, _ = meeting_point.load(None, seed=0)
    # At weights of zero the loss cannot see which prediction meets which label.
    values = {"inference/weights": [[30.0, -50.0, 20.0]], "inference/bias": 0.1}
    if FAULTS[name].stage == "initial values":
        values = None
    with Pair(CHAPTER, fault=FAULTS[name]) as faulty:
        comparison = faulty.compare(
            lambda: itertools.islice(meeting_point.batches(train, faulty.config), 4),
            level,
            values,
        )
    assert comparison.first_divergence is not None, FAULTS[name].says
    assert comparison.first_divergence.stage == FAULTS[name].stage
