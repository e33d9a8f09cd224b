"""What only the control flow chapter claims."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.models import chapters
from parity_tests.models.pair import ProgramPair

CHAPTER = "control_flow"
GRAPH, TWIN = chapters.graph(CHAPTER), chapters.twin(CHAPTER)
DATA = chapters.setup(CHAPTER).load(None, 1)[0]


def last(fault=None, stage="ran"):
    """What the twin's last record says at a stage."""
    planted = fault and chapters.faults(CHAPTER)[fault]
    return ProgramPair(CHAPTER, None, planted).candidate(DATA, "function")[-1][stage]


@pytest.mark.slow
def test_a_count_outside_of_the_branch_runs_each_step_inside_only_with_it():
    """The margin: of six steps two train."""
    assert last() == {"asked": 6, "trained": 2}
    assert last("count_in_the_branch") == {"asked": 2, "trained": 2}
    assert last("update_outside_the_branch") == {"asked": 6, "trained": 6}


def test_python_runs_each_step_as_py_func_and_once_as_itself():
    assert last(stage="outputs")["observed"] == 6.0
    assert last("seen_while_traced", "outputs")["observed"] == 1.0


def test_an_update_that_stands_above_its_branch_trains_in_both():
    """`tf.cond(p, lambda: update, tf.no_op)`: the op was made before the branch."""
    graph = tf.Graph()
    with graph.as_default():
        variable = tf1.get_variable("v", initializer=0.0, use_resource=True)
        update = variable.assign_add(1.0)
        chosen = tf1.cond(tf.constant(False), lambda: update, lambda: tf.constant(-1.0))
        initialise = tf1.global_variables_initializer()
    with tf1.Session(graph=graph) as session:
        session.run(initialise)
        assert session.run(chosen) == -1.0
        assert session.run(variable) == 1.0


def test_what_depends_on_an_update_has_to_be_made_after_it():
    """Control dependencies bind what is made inside of them, not what is returned there."""
    graph = tf.Graph()
    with graph.as_default():
        variable = tf1.get_variable("v", initializer=1.0, use_resource=True)
        before = 2.0 * variable
        with tf1.control_dependencies([variable.assign_add(1.0)]):
            again, after = tf.identity(before), 2.0 * variable
        with tf1.control_dependencies([before]):
            update = variable.assign_add(1.0)
        initialise = tf1.global_variables_initializer()
    with tf1.Session(graph=graph) as session:
        session.run(initialise)
        assert session.run(after) == 4.0
        session.run(initialise)
        session.run([before, update])
        # The same tensor under another name: it was made before.
        assert again.op.inputs[0] is before


def test_a_gradient_is_registered_once_in_a_process():
    def gradient(op, dy):
        return dy

    with tf.Graph().as_default():
        GRAPH.guided_relu(tf1.placeholder(tf.float32, []))
        GRAPH.guided_relu(tf1.placeholder(tf.float32, []))
    with pytest.raises(KeyError, match="GuidedRelu"):
        tf1.RegisterGradient("GuidedRelu")(gradient)


def test_a_guided_gradient_lets_back_what_is_positive():
    x, dy = np.float32([-1, 1, 2, -2]), np.float32([1, -1, 3, -3])
    expected = np.float32([0, 0, 3, 0])
    graph = tf.Graph()
    with graph.as_default():
        fed = tf1.placeholder(tf.float32, [4])
        (of_graph,) = tf1.gradients(GRAPH.guided_relu(fed), fed, dy)
    with tf1.Session(graph=graph) as session:
        np.testing.assert_array_equal(
            session.run(of_graph, {fed: x}), expected, strict=True
        )
    with tf.GradientTape() as tape:
        watched = tf.Variable(x)
        y = TWIN.guided_relu(watched)
    of_twin = tape.gradient(y, watched, output_gradients=tf.constant(dy))
    np.testing.assert_array_equal(of_twin, expected, strict=True)


def test_write_returns_the_array_that_holds_what_was_written():
    """In a function the old array stays as it was; eagerly both are the same."""

    @tf.function
    def dropped():
        array = tf.TensorArray(tf.float32, 1)
        array = array.write(0, 1.0)
        array.write(0, 2.0)
        return array.stack()

    assert dropped().numpy() == [1.0]
