"""Claims about how a pair is run: what is observed, reset, fed and planted."""

import itertools

import numpy as np
import pytest

from parity_tests.models import chapters, timing
from parity_tests.models.pair import Fault, Pair
from tf1_graph import session as tf1_session
from tf2_keras import training

STEPS = 7


@pytest.fixture(scope="module")
def linear():
    with Pair("linear_regression", {"batch_size": 300}) as pair:
        yield pair


def mini_batches(pair):
    train, _ = pair.meeting_point.load(None, seed=3)
    return itertools.islice(pair.meeting_point.batches(train, pair.config), STEPS)


def last_values(run):
    return list(run)[-1]["updates"]


@pytest.mark.parametrize("level", training.LEVELS)
@pytest.mark.parametrize("steps_per_execution", [1, STEPS])
def test_observing_changes_no_number(linear, level, steps_per_execution):
    observed = []
    linear.training.run(mini_batches(linear), level, observed.append)
    twin = chapters.twin("linear_regression")
    model = twin.build(twin.Config(batch_size=300))
    unobserved = training.Training(
        model,
        twin.checkpoint_names(model),
        linear.meeting_point.example_batch(linear.config),
        steps_per_execution,
    )
    train, _ = linear.meeting_point.load(None, seed=3)
    # The twin's own input pipeline, in the place of the graph's.
    unobserved.train(linear.meeting_point.dataset(train, linear.config), level, STEPS)
    for name, expected in observed[-1]["updates"].items():
        np.testing.assert_array_equal(unobserved.variables[name].numpy(), expected)


def test_fetching_nothing_changes_no_number(linear):
    session = linear.session(fresh=True)
    expected = last_values(
        tf1_session.run(session, linear.program, mini_batches(linear))
    )
    tf1_session.initialise(session, linear.program)
    tf1_session.train(session, linear.program, mini_batches(linear))
    received = session.run(tf1_session.model_variables(linear.program))
    for name, value in expected.items():
        np.testing.assert_array_equal(received[name], value)


@pytest.mark.parametrize("level", training.LEVELS)
def test_a_second_run_starts_where_the_first_did(level):
    """Weights, slots and the dropout layer's position in its stream are reset."""
    config = {"image_size": 4, "channels": (1, 2), "hidden": 8}
    random = np.random.RandomState(0)
    batch = random.rand(3, 16).astype(np.float32), np.eye(10, dtype=np.float32)[:3]
    with Pair("mnist_cnn", config) as pair:
        runs = [[], []]
        for records in runs:
            pair.training.run([batch] * 3, level, records.append)
    assert runs[0][1]["loss"] != runs[0][2]["loss"]
    for first, second in zip(*runs):
        for stage, tensors in first.items():
            for name, value in tensors.items():
                np.testing.assert_array_equal(second[stage][name], value)


def test_values_have_to_be_named_after_variables(linear):
    values = {"inference/weight": [[0.0, 0.0, 0.0]]}
    with pytest.raises(ValueError, match="Received.*inference/weight.*Use some of"):
        linear.compare(lambda: mini_batches(linear), "function", values)
    with pytest.raises(ValueError, match="Received.*inference/weight.*Use some of"):
        linear.training.reset(values)


def test_an_unknown_level_is_refused(linear):
    with pytest.raises(ValueError, match="level must be one of.*Received: 'graph'"):
        linear.training.run([], "graph", print)


def test_a_name_that_leads_nowhere_is_refused():
    twin = chapters.twin("linear_regression")
    names = {"inference/weights": "inference/wieghts"}
    batch = chapters.meeting_point("linear_regression").example_batch(twin.Config())
    with pytest.raises(ValueError, match="inference/wieghts"):
        training.Training(twin.build(), names, batch)


def test_a_fault_is_taken_back():
    twin = chapters.twin("linear_regression")
    true_loss = twin.loss
    fault = Fault(
        "Nothing is lost.", "loss", lambda twin: {"loss": lambda y, p: 0.0 * p}
    )
    with Pair("linear_regression", fault=fault):
        assert twin.loss is not true_loss
    assert twin.loss is true_loss


def test_speeds_are_measured_for_every_side():
    train, _ = chapters.meeting_point("session_basics").load(None, seed=1)
    measured = timing.measure("session_basics", {}, train, seconds=0.01, rounds=2)
    assert list(measured) == ["session", "eager", "function", "fit"]
    for speed in measured.values():
        assert speed["steps_per_second"] > 0 and speed["start_seconds"] > 0
    assert measured["session"]["ratio"] == 1
