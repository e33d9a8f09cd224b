"""The claims of the session basics chapter."""

import functools
import itertools

import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1
from hypothesis import example, given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.models import session_basics as meeting_point
from parity_tests.models.chapters import graph, twin
from parity_tests.models.pair import Pair
from parity_tests.models.session_basics_faults import FAULTS
from tf1_graph import session as tf1_session
from tf2_keras import training

CHAPTER = "session_basics"
POINTS = meeting_point.load(None, seed=0)[0]


@functools.cache
def pair():
    """One pair for all; points, starting values and rates are fed."""
    return Pair(CHAPTER)


@st.composite
def runs(draw):
    """(batches, initial values, learning rate) of a short training."""
    sizes = draw(st.lists(st.integers(1, 64), min_size=1, max_size=4))
    array = functools.partial(
        strategies.arrays, magnitude=draw(st.sampled_from([1.0, 1e4]))
    )
    batches = [(draw(array(size)), draw(array(size))) for size in sizes]
    values = {
        "inference/weight": draw(array(())),
        "inference/bias": draw(array(())),
        "global_step": np.int64(draw(st.integers(0, 2**40))),
    }
    return batches, values, draw(st.sampled_from([0.1, 0.01, 1e-3]))


def initial_values(config):
    """{TF1 name: array} of each side."""
    built = graph(CHAPTER).build(graph(CHAPTER).Config(**config))
    with tf1_session.open_session(built) as session:
        of_graph = next(tf1_session.run(session, built, []))["initial values"]
    model = twin(CHAPTER).build(twin(CHAPTER).Config(**config))
    model.optimizer.build(model.trainable_variables)
    by_path = {v.path: v for v in [*model.variables, *model.optimizer.variables]}
    of_twin = {
        name: by_path[path].numpy()
        for name, path in twin(CHAPTER).checkpoint_names(model).items()
    }
    return of_graph, of_twin


def test_both_sides_have_the_same_configuration():
    assert repr(graph(CHAPTER).Config()) == repr(twin(CHAPTER).Config())


@given(
    config=st.fixed_dictionaries(
        {"seed": strategies.seeds(), "stddev": st.floats(1e-3, 1e3)}
    )
)
@example(config={"seed": 1, "stddev": 1.0})
def test_initial_values_are_bit_equal_for_any_seed(config):
    of_graph, of_twin = initial_values(config)
    assert list(of_graph) == list(of_twin)
    for name, value in of_graph.items():
        assert value.dtype == of_twin[name].dtype
        assert value.tobytes() == of_twin[name].tobytes(), name


@given(
    config=st.fixed_dictionaries(
        {
            "seed": st.integers(0, 100),
            "steps": st.integers(1, 6),
            "learning_rate": st.sampled_from([0.1, 0.03, 1e-3]),
        }
    )
)
@example(config={})
def test_both_programs_report_the_same_history(config):
    of_graph, of_twin = (
        side.run(*POINTS, side.Config(**config))
        for side in (graph(CHAPTER), twin(CHAPTER))
    )
    assert len(of_graph) == len(of_twin) == config.get("steps", 5)
    for expected, received in zip(of_graph, of_twin, strict=True):
        assert [value.tobytes() for value in expected] == [
            value.tobytes() for value in received
        ]


@pytest.mark.parametrize("level", training.LEVELS)
@given(run=runs())
def test_whole_trajectories_are_bit_equal(level, run):
    batches, values, learning_rate = run
    comparison = pair().compare(
        lambda: batches, level, values, learning_rate, granted=False
    )
    comparison.require_agreement()
    assert comparison.records == 1 + len(batches)


@pytest.mark.parametrize("level", training.LEVELS)
@pytest.mark.parametrize("name", FAULTS)
def test_planted_fault_is_caught(name, level):
    with Pair(CHAPTER, fault=FAULTS[name]) as faulty:
        comparison = faulty.compare(lambda: itertools.repeat(POINTS, 3), level)
    assert comparison.first_divergence is not None, FAULTS[name].says
    assert comparison.first_divergence.stage == FAULTS[name].stage


# What each line of the notes' fix does, and what becomes of it.


def test_tensorflow_2_has_no_session():
    with pytest.raises(AttributeError, match="has no attribute 'Session'"):
        tf.Session()


def test_a_variable_has_a_value_only_once_its_initialiser_has_run():
    built = graph(CHAPTER).build()
    with tf1_session.open_session(built) as session:
        with pytest.raises(tf.errors.FailedPreconditionError):
            session.run(tf1_session.model_variables(built))
    # The twin's have theirs from the moment they are built.
    for variable in twin(CHAPTER).build().variables:
        assert np.isfinite(variable.numpy())


def test_running_the_initialiser_again_draws_other_values():
    built = graph(CHAPTER).build()
    seen = []
    for _ in range(2):  # each Session reads its streams from the start
        with tf1_session.open_session(built) as session:
            for _ in range(2):
                record = next(tf1_session.run(session, built, []))
                seen.append(record["initial values"]["inference/weight"])
    assert seen[0] == seen[2] and seen[1] == seen[3]
    assert seen[0] != seen[1]
    # The twin's initialiser has no state: building again restarts it.
    model = twin(CHAPTER).build()
    assert model.get_layer("inference").weight.numpy() == seen[0]


def test_what_is_not_fed_is_an_error_on_both_sides():
    built = graph(CHAPTER).build()
    with tf1_session.open_session(built) as session:
        tf1_session.initialise(session, built)
        with pytest.raises(tf.errors.InvalidArgumentError, match="must feed a value"):
            session.run(built.loss, {built.x: POINTS[0]})
    with pytest.raises(TypeError, match="y_pred"):
        twin(CHAPTER).loss(POINTS[1])


def test_a_fetch_runs_only_what_it_needs():
    """Fetching the loss trains nothing; in TF2 every line that is reached runs."""
    built = graph(CHAPTER).build()
    feed = {built.x: POINTS[0], built.y_true: POINTS[1]}
    with tf1_session.open_session(built) as session:
        tf1_session.initialise(session, built)
        losses = [session.run(built.loss, feed) for _ in range(2)]
        session.run(built.train, feed)
        losses.append(session.run(built.loss, feed))
    assert losses[0] == losses[1] > losses[2]
    model = twin(CHAPTER).build()
    fetched = [training.train_step(model, *POINTS)[0].numpy() for _ in range(2)]
    assert fetched == [losses[0], losses[2]]


def test_a_placeholder_casts_what_it_is_fed_and_a_tensor_does_not():
    points = POINTS[0].astype(np.float64)
    built = graph(CHAPTER).build()
    with tf1_session.open_session(built) as session:
        tf1_session.initialise(session, built)
        assert session.run(built.y_pred, {built.x: points}).dtype == np.float32
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.constant(1.0) * tf.constant(points)
    # A Keras model casts its inputs; plain TF2 code has to.
    assert twin(CHAPTER).build()(points).dtype == tf.float32


PLACES_SOFTLY = """
import tensorflow as tf
{first}
with tf.device("/device:GPU:7"):
    assert tf.constant(1.0) + 1.0 == 2.0
"""
LOOPS_IN_A_GRAPH = """
with tf.Graph().as_default():
    tf.while_loop(lambda x: x < 1.0, lambda x: x + 1.0, [0.0])
"""


def test_soft_placement_is_asked_for_in_tf1_and_the_default_in_tf2(run_python):
    with tf1.Graph().as_default() as absent, tf1.device("/device:GPU:7"):
        two = tf1.constant(1.0) + 1.0
    strict = tf1.ConfigProto(allow_soft_placement=False)
    with tf1.Session(graph=absent, config=strict) as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match="Cannot assign"):
            session.run(two)
    # The line of the notes.
    config = tf1.ConfigProto(allow_soft_placement=True)
    with tf1.Session(graph=absent, config=config) as session:
        assert session.run(two) == 2.0
    fresh = run_python("-c", PLACES_SOFTLY.format(first=""))
    assert fresh.returncode == 0, fresh.stderr
    # Not where the process's first function or loop stood in a graph: what TensorFlow
    # starts there for eager code places strictly ever after.
    looped = run_python("-c", PLACES_SOFTLY.format(first=LOOPS_IN_A_GRAPH))
    assert looped.returncode == 1
    assert "Could not satisfy device specification" in looped.stderr


def test_name_scopes_became_layer_names():
    names = twin(CHAPTER).checkpoint_names(twin(CHAPTER).build())
    scoped = {name: path for name, path in names.items() if "/" in name}
    assert scoped == {name: name for name in ("inference/weight", "inference/bias")}
