"""What is known of each step of fit, as of each run of a Session."""

import tempfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests.parts.callbacks import (
    fit,
    losses_of_tf1,
    saved_by_fit,
    saved_by_tf1,
)
from tf1_graph.models.linear_regression import make_data
from tf2_keras.tf1_semantics import callbacks


@settings(max_examples=max(2, settings().max_examples // 10))  # each traces fit
@given(
    seed=st.integers(0, 2**16),
    examples=st.integers(1, 40),
    learning_rate=st.sampled_from([0.0, 0.01, 0.1]),
    epochs=st.integers(1, 3),
    steps=st.integers(1, 5),
)
def test_losses_are_those_of_each_step(seed, examples, learning_rate, epochs, steps):
    x, y_true = make_data(seed, examples)
    history = callbacks.StepHistory()
    fit(x, y_true, epochs, steps, history, learning_rate=learning_rate)
    expected = losses_of_tf1(x, y_true, epochs * steps, learning_rate=learning_rate)
    losses = np.array(history.history["loss"], np.float32)
    np.testing.assert_array_equal(losses, np.array(expected), strict=True)


class Counting(keras.Model):
    """Logs numbers of its own making."""

    def __init__(self):
        super().__init__()
        self.count = self.add_weight(shape=(), initializer="zeros", name="count")

    def train_step(self, _data):
        self.count.assign_add(1.0)
        return {"count": self.count + 0.0, "half": self.count / 2}


def fitted(history, **arguments):
    model = Counting()
    model.compile(jit_compile=False, **arguments)
    model.fit(np.zeros([6, 1]), batch_size=2, epochs=2, verbose=0, callbacks=[history])
    return history.history


def test_a_history_has_all_that_is_logged_and_starts_over_with_each_fit():
    history = callbacks.StepHistory()
    for _ in range(2):
        assert fitted(history) == {
            "count": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            "half": [0.5, 1.0, 1.5, 2.0, 2.5, 3.0],
        }


def test_several_steps_at_once_are_refused():
    rule = r"^steps_per_execution must .*\. Received: 2\. Use .*=1"
    with pytest.raises(ValueError, match=rule):
        fitted(callbacks.StepHistory(), steps_per_execution=2)


@settings(max_examples=max(2, settings().max_examples // 5))  # each traces fit
@given(
    starts=st.lists(st.integers(1, 6), min_size=1, max_size=2),
    save_steps=st.integers(1, 4),
    max_to_keep=st.integers(1, 5),
)
def test_steps_are_saved_and_kept_as_by_tf1(starts, save_steps, max_to_keep):
    """At the start, when due, at the end: of a training, and of one that goes on from it."""
    with tempfile.TemporaryDirectory() as folder:
        options = starts, save_steps, max_to_keep
        expected = saved_by_tf1(f"{folder}/tf1", *options)
        assert saved_by_fit(f"{folder}/twin", *options) == expected
    assert expected[0][0] == 0


def test_a_checkpoint_that_lacks_something_is_no_restored_one(tmp_path):
    """Where ``tf.train.Checkpoint.restore`` says nothing, and leaves it as it was."""
    model = Counting()
    model.compile("sgd", jit_compile=False)
    tf.train.Checkpoint(optimizer=model.optimizer).save(str(tmp_path / "half"))
    with pytest.raises(AssertionError):
        callbacks.CheckpointSaver.restore(model, str(tmp_path))
    assert not callbacks.CheckpointSaver.restore(model, str(tmp_path / "none"))
