"""What only the chapter of shared variables claims."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.models import chapters
from parity_tests.models.pair import ProgramPair

CHAPTER = "variable_sharing"
GRAPH, TWIN = chapters.graph(CHAPTER), chapters.twin(CHAPTER)
DATA = chapters.setup(CHAPTER).load(None, 1)[0]


def records(fault=None):
    planted = fault and chapters.faults(CHAPTER)[fault]
    return ProgramPair(CHAPTER, None, planted).candidate(DATA, "function")


def test_two_calls_make_one_set_of_variables():
    """Four of them, each with one penalty; the naive twin has twice as many."""
    begun = records()[0]["collections"]
    assert begun["penalties"] == len(begun["trainable"]) == 4
    assert records("two_encoders")[0]["collections"]["penalties"] == 8


def test_without_reuse_a_second_call_is_an_error_and_with_it_a_first_one():
    def make(name, reuse):
        with tf1.variable_scope("scope", reuse=reuse):
            return tf1.get_variable(name, [])

    with tf.Graph().as_default():
        made = make("v", reuse=None)
        with pytest.raises(ValueError, match="already exists"):
            make("v", reuse=None)
        with pytest.raises(ValueError, match="does not exist"):
            make("w", reuse=True)
        assert make("v", reuse=True) is make("v", reuse=tf1.AUTO_REUSE) is made


def test_the_parts_of_a_table_that_is_drawn_with_a_seed_start_equal():
    values = records()[0]["initial values"]
    parts = [values[f"encoder/table/part_{part}"] for part in range(2)]
    np.testing.assert_array_equal(*parts, strict=True)
    whole = records("one_table")[0]["initial values"]
    assert (whole["encoder/table/part_1"] != parts[1]).all()


def test_a_lookup_in_parts_takes_turns_in_tf1_and_not_in_tf2():
    """The margin: of six words four are another row."""
    parts = np.arange(6).reshape(2, 3, 1)
    in_turns = tf1.nn.embedding_lookup([*parts], np.arange(6))
    in_a_row = tf.nn.embedding_lookup([*parts], np.arange(6))
    assert in_turns.numpy().ravel().tolist() == [0, 3, 1, 4, 2, 5]
    assert in_a_row.numpy().ravel().tolist() == [0, 1, 2, 3, 4, 5]


def test_a_scope_hands_its_regularizer_down_unless_it_is_refused():
    with tf.Graph().as_default() as graph:
        with tf1.variable_scope("scope", regularizer=tf.nn.l2_loss):
            tf1.get_variable("bias", [2])
            tf1.get_variable("free", [2], regularizer=tf1.no_regularizer)
        losses = graph.get_collection(tf1.GraphKeys.REGULARIZATION_LOSSES)
    assert [loss.op.name.split("/")[1] for loss in losses] == ["bias"]


def test_keras_l2_is_twice_the_penalty():
    ours, theirs = (
        records(fault)[1]["loss"]["penalties"] for fault in (None, "keras_l2")
    )
    np.testing.assert_array_equal(theirs, 2 * ours, strict=True)
