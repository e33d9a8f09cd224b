"""What only the session basics chapter claims."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1
from hypothesis import example, given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.engine.comparison import compare_plays
from parity_tests.models import chapters
from tf1_graph import session as tf1_session
from tf2_keras import training

CHAPTER = "session_basics"
GRAPH, TWIN = chapters.graph(CHAPTER), chapters.twin(CHAPTER)
X, Y_TRUE = chapters.setup(CHAPTER).load(None, seed=0)[0]


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


def error_of(program):
    """What a program says last in a process of its own; nothing if it ends well."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=300
    )
    return done.stderr.splitlines()[-1] if done.returncode else ""


def program_of(**fields):
    return chapters.program(CHAPTER, GRAPH.Config(**fields))


@given(seed=strategies.seeds(), stddev=st.floats(1e-3, 1e3))
@example(seed=1, stddev=1.0)
def test_initial_values_are_bit_equal_for_any_seed(seed, stddev):
    model = TWIN.build(TWIN.Config(seed=seed, stddev=stddev))
    twin = training.compiled(model, TWIN.checkpoint_names(model))
    compare_plays(
        tf1_session.play(program_of(seed=seed, stddev=stddev), []),
        training.play(twin, []),
    ).require_agreement()


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
        side.run(X, Y_TRUE, side.Config(**config)) for side in (GRAPH, TWIN)
    )
    assert len(of_graph) == len(of_twin) == config.get("steps", 5)
    for expected, received in zip(of_graph, of_twin, strict=True):
        assert [value.tobytes() for value in expected] == [
            value.tobytes() for value in received
        ]


# What each line of the notes' fix does, and what becomes of it.


def test_tensorflow_2_has_no_session():
    with pytest.raises(AttributeError, match="has no attribute 'Session'"):
        tf.Session()


def test_a_variable_has_a_value_only_once_its_initialiser_has_run():
    program = program_of()
    refused = pytest.raises(tf.errors.FailedPreconditionError)
    with tf1_session.open_session(program.graph) as session, refused:
        session.run(program.variables)
    # The twin's have theirs from the moment they are built.
    for variable in TWIN.build().variables:
        assert np.isfinite(variable.numpy())


def test_running_the_initialiser_again_draws_other_values():
    program = program_of()
    seen = []
    for _ in range(2):  # each Session reads its streams from the start
        with tf1_session.open_session(program.graph) as session:
            for _ in range(2):
                tf1_session.initialise(session, program)
                seen.append(session.run(program.variables["inference/weight"]))
    assert seen[0] == seen[2] and seen[1] == seen[3]
    assert seen[0] != seen[1]
    # The twin's initialiser has no state: building again restarts it.
    model = TWIN.build()
    assert model.get_layer("inference").weight.numpy() == seen[0]


def test_what_is_not_fed_is_an_error_on_both_sides():
    moves = [("train", {"x": X})]
    with pytest.raises(tf.errors.InvalidArgumentError, match="must feed a value"):
        list(tf1_session.play(program_of(), moves))
    with pytest.raises(TypeError, match="y_pred"):
        TWIN.loss(Y_TRUE)


def test_a_fetch_runs_only_what_it_needs():
    """Fetching the loss trains nothing; in TF2 every line that is reached runs."""
    built = GRAPH.build()
    program = chapters.setup(CHAPTER).program(built, GRAPH.Config())
    feed = {built.x: X, built.y_true: Y_TRUE}
    with tf1_session.open_session(built.graph) as session:
        tf1_session.initialise(session, program)
        losses = [session.run(built.loss, feed) for _ in range(2)]
        session.run(built.train, feed)
        losses.append(session.run(built.loss, feed))
    assert losses[0] == losses[1] > losses[2]
    model = TWIN.build()
    fetched = [training.train_step(model, X, Y_TRUE)["loss"].numpy() for _ in range(2)]
    assert fetched == [losses[0], losses[2]]


def test_a_placeholder_casts_what_it_is_fed_and_a_tensor_does_not():
    points = X.astype(np.float64)
    _, record = tf1_session.play(program_of(), [("predict", {"x": points})])
    assert record["outputs"]["y_pred"].dtype == np.float32
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.constant(1.0) * tf.constant(points)
    # A Keras model casts its inputs; plain TF2 code has to.
    assert TWIN.build()(points).dtype == tf.float32


@pytest.mark.slow
def test_soft_placement_is_asked_for_in_tf1_and_the_default_in_tf2():
    with tf1.Graph().as_default() as absent, tf1.device("/device:GPU:7"):
        two = tf1.constant(1.0) + 1.0
    strict = tf1.ConfigProto(allow_soft_placement=False)
    refused = pytest.raises(tf.errors.InvalidArgumentError, match="Cannot assign")
    with tf1.Session(graph=absent, config=strict) as session, refused:
        session.run(two)
    # The line of the notes.
    config = tf1.ConfigProto(allow_soft_placement=True)
    with tf1.Session(graph=absent, config=config) as session:
        assert session.run(two) == 2.0
    assert error_of(PLACES_SOFTLY.format(first="")) == ""
    # Not where the process's first function or loop stood in a graph: what TensorFlow
    # starts there for eager code places strictly ever after.
    said = error_of(PLACES_SOFTLY.format(first=LOOPS_IN_A_GRAPH))
    assert "Could not satisfy device specification" in said


def test_name_scopes_became_layer_names():
    names = TWIN.checkpoint_names(TWIN.build())
    scoped = {name: path for name, path in names.items() if "/" in name}
    assert scoped == {name: name for name in ("inference/weight", "inference/bias")}
