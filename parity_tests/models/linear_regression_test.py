"""The claims of the linear regression chapter."""

import functools
import itertools

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.models import linear_regression as meeting_point
from parity_tests.models.chapters import graph, twin
from parity_tests.models.linear_regression_faults import FAULTS
from parity_tests.models.pair import Pair
from tf1_graph import session as tf1_session

CHAPTER = "linear_regression"
EXACT_LEVELS = ("function", "fit")


@functools.cache
def pair(features=3):
    """One pair for each number of features; data and rates are fed."""
    return Pair(CHAPTER, {"features": features})


@st.composite
def runs(draw, awkward=True):
    """(features, batches, initial values, learning rate) of a short training."""
    features = draw(st.sampled_from([1, 2, 3, 5]))
    sizes = draw(st.lists(st.integers(1, 64), min_size=1, max_size=4))
    magnitude = draw(st.sampled_from([1.0, 100.0]))
    array = functools.partial(
        strategies.arrays, dtype=np.float32, awkward=awkward, magnitude=magnitude
    )
    batches = [
        (draw(array((size, features))), draw(array((1, size)))) for size in sizes
    ]
    values = {
        "inference/weights": draw(array((1, features))),
        "inference/bias": draw(array(())),
    }
    return features, batches, values, draw(st.sampled_from([0.5, 0.01, 1e-3]))


def test_both_sides_have_the_same_configuration():
    assert repr(graph(CHAPTER).Config()) == repr(twin(CHAPTER).Config())


def test_data_and_reported_parameters_are_those_of_the_notes():
    x, y = graph(CHAPTER).make_data()
    assert x.shape == (2000, 3) and y.shape == (1, 2000)
    reports = graph(CHAPTER).run(x, y)
    assert [report[0] for report in reports] == [0, 5, 10]
    weights, bias = reports[-1][1:]
    np.testing.assert_allclose(weights, [[0.3, 0.5, 0.1]], atol=0.01)
    np.testing.assert_allclose(bias, -0.2, atol=0.01)


@pytest.mark.parametrize("batch_size", [2000, 300])
def test_both_programs_report_the_same_parameters(batch_size):
    x, y = graph(CHAPTER).make_data()
    reports = [
        side.run(x, y, side.Config(batch_size=batch_size))
        for side in (graph(CHAPTER), twin(CHAPTER))
    ]
    assert len(reports[0]) == 3
    for of_graph, of_twin in zip(*reports):
        assert of_graph[0] == of_twin[0]
        for expected, received in zip(of_graph[1:], of_twin[1:]):
            np.testing.assert_array_equal(expected, received)


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
    for expected, received in zip(of_graph, of_twin.as_numpy_iterator()):
        np.testing.assert_array_equal(expected[0], received[0])
        np.testing.assert_array_equal(expected[1], received[1])
        compared += 1
    assert compared == steps


@pytest.mark.parametrize("level", EXACT_LEVELS)
@given(run=runs())
def test_whole_trajectories_are_bit_equal(level, run):
    features, batches, values, learning_rate = run
    comparison = pair(features).compare(
        lambda: batches, level, values, learning_rate, granted=False
    )
    comparison.require_agreement()
    assert comparison.records == 1 + len(batches)


@given(run=runs(awkward=False))
def test_eager_stays_within_its_budget(run):
    features, batches, values, learning_rate = run
    pair(features).compare(
        lambda: batches, "eager", values, learning_rate
    ).require_agreement()


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


@pytest.mark.parametrize("level", ["eager", *EXACT_LEVELS])
@pytest.mark.parametrize("name", FAULTS)
def test_planted_fault_is_caught(name, level):
    train, _ = meeting_point.load(None, seed=0)
    # At weights of zero the loss cannot see which prediction meets which target.
    values = {"inference/weights": [[0.1, 0.2, -0.3]], "inference/bias": 0.1}
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


def test_targets_in_a_column_broadcast_without_a_word():
    """The trap of ``y_true`` with shape None: a loss over [batch, batch] differences."""
    chapter = pair()
    train, _ = meeting_point.load(None, seed=0)
    x, y = train[0][:50], train[1][:, :50]
    values = {"inference/weights": [[0.3, 0.5, 0.1]], "inference/bias": -0.2}

    def loss_of(y_true):
        session = chapter.session(fresh=True)
        tf1_session.initialise(session, chapter.program, values)
        feed = {chapter.program.x: x, chapter.program.y_true: y_true}
        return session.run(chapter.program.loss, feed)

    right, broadcast = loss_of(y), loss_of(y.T)
    assert broadcast > 10 * right
    y_pred = chapter.session(fresh=False).run(
        chapter.program.y_pred, {chapter.program.x: x}
    )
    assert twin(CHAPTER).loss(y.T, y_pred).numpy() == broadcast
