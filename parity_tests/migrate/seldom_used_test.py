"""What 1.15.5 did with symbols that few programs use, beside what replaces them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from parity_tests.witness import chapters_test
from parity_tests.witness.programs import seldom_used
from parity_tests.witness.programs.seldom_used import L2, LABELS, LAST_STEP, MESSAGES, X
from tf2_keras import tf1_semantics


@pytest.fixture(scope="module")
def said(genuine_python, tmp_path_factory):
    folder = tmp_path_factory.mktemp("seldom_used")
    return chapters_test.said(genuine_python, "seldom_used", folder)


def test_messages_of_event_files_have_the_bytes_of_1_15_5(said):
    assert set(said["messages"]) == set(MESSAGES)
    assert seldom_used.messages() == said["messages"]


def test_a_worker_stopped_when_the_chief_s_checkpoint_said_so(said):
    """A chief's hook is StopAtStepHook; Keras has no program in a worker to be stopped."""
    chief, (there, not_there) = said["stopped"]["chief"], said["stopped"]["worker"]
    assert chief == LAST_STEP
    assert there < LAST_STEP  # of its own steps: those of the checkpoint count
    assert not_there == 10  # it was never stopped: the checkpoint is one step short


def test_an_export_for_training_takes_features_and_labels(said, tmp_path):
    """As an endpoint whose signature is what the receiver was fed."""
    archive = keras.export.ExportArchive()
    model = keras.Sequential([keras.Input([2]), keras.layers.Dense(2)])
    archive.track(model)
    specs = {
        name: tf.TensorSpec(shape, dtype, name)
        for name, (dtype, shape) in said["received"]["receiver_tensors"].items()
    }
    assert {*said["received"]["features"]} | {*said["received"]["labels"]} == {*specs}

    def loss(x, y):
        losses = keras.losses.sparse_categorical_crossentropy(
            y, model(x), from_logits=True
        )
        return {"loss": tf.reduce_mean(losses)}

    archive.add_endpoint("loss", loss, [specs["x"], specs["y"]])
    archive.write_out(str(tmp_path), verbose=False)
    loaded = tf.saved_model.load(str(tmp_path))
    expected = loss(tf.constant(X), tf.constant(LABELS))["loss"]
    served = loaded.loss(X, LABELS)["loss"]
    assert float(served) == pytest.approx(float(expected), rel=1e-6)


def descended(**regularization):
    """[weights and bias] where Ftrl ends, of the summed loss of all examples."""
    features = np.c_[X, np.ones(len(X), np.float32)]  # the bias is regularized, too
    weights = keras.Variable(np.zeros([3, 1], np.float32))
    optimizer = tf1_semantics.optimizers.Ftrl(0.5, **regularization)
    optimizer.build([weights])

    @tf.function
    def steps():
        for _ in tf.range(3000):
            with tf.GradientTape() as tape:
                losses = tf.nn.sigmoid_cross_entropy_with_logits(
                    labels=tf.constant(LABELS[:, np.newaxis], tf.float32),
                    logits=tf.matmul(features, weights.value),
                )
                total = tf.reduce_sum(losses)
            optimizer.apply(tape.gradient(total, [weights.value]), [weights])

    steps()
    return weights.numpy().ravel()


def test_dual_ascent_ends_where_ftrl_does_with_half_as_shrinkage(said):
    """Another way to one place; with its number as Ftrl's own l2 it is another place."""
    ascended = [*said["ascended"]["weights"], *said["ascended"]["bias_weights"]]
    shrunk = descended(l2_shrinkage_regularization_strength=L2 / 2)
    np.testing.assert_allclose(shrunk, ascended, atol=1e-4)
    for wrong in (
        {"l2_regularization_strength": L2},
        {"l2_shrinkage_regularization_strength": L2},
    ):
        assert np.abs(descended(**wrong) - ascended).max() > 0.2
