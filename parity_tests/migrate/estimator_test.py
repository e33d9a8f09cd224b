"""What a tf.estimator.Estimator of 1.15.5 did, and the Keras model in its place."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from parity_tests.witness import stored
from tf2_keras import tf1_semantics

# programs/own_estimator.py needs tf.estimator; what the test takes from it is said again.
BATCH_SIZE, LEARNING_RATE, KEEP_PROB = 4, 0.125, 0.75
TRAINS, SEEDS = (5, 4), (7, 11)
X = (np.arange(10, dtype=np.float32) / 4 - 1).reshape(10, 1)
Y_TRUE = (X * 2 + np.float32(0.5)) ** 2


@pytest.fixture(scope="module")
def recorded():
    return stored.computed("own_estimator")


def make_model():
    dropout = tf1_semantics.layers.Dropout(KEEP_PROB, SEEDS, name="dropout")
    dense = keras.layers.Dense(1, kernel_initializer="ones", name="dense")
    model = keras.Sequential([keras.Input([1]), dropout, dense])
    model.compile(
        keras.optimizers.SGD(LEARNING_RATE),
        tf1_semantics.losses.MeanSquaredError(),
        metrics=[keras.metrics.MeanAbsoluteError("error")],
        jit_compile=False,
    )
    return model


def train(model, steps):
    """Estimator.train: the loss of each step; every call began a graph and its streams.

    Its input without an end is one long row of examples: a batch may span two epochs.
    """
    model.get_layer("dropout").drawn.assign(0)
    examples = tf.data.Dataset.from_tensor_slices((X, Y_TRUE)).repeat()
    return [
        # One step an epoch, since fit tells the mean of the losses so far.
        model.fit(*batch, BATCH_SIZE, shuffle=False, verbose=0).history["loss"][0]
        for batch in examples.batch(BATCH_SIZE).take(steps).as_numpy_iterator()
    ]


def test_the_arrays_are_those_that_1_15_5_computed():
    stored.require_provenance("own_estimator")


def test_train_and_predict_are_fit_and_predict(recorded):
    model = make_model()
    for call, steps in enumerate(TRAINS):
        losses = train(model, steps)
        expected = recorded[f"train/{call}/losses"]
        np.testing.assert_array_equal(np.float32(losses), expected, strict=True)
        for weight in model.get_layer("dense").weights:
            np.testing.assert_array_equal(
                weight, recorded[f"train/{call}/dense/{weight.name}"], strict=True
            )
        assert model.optimizer.iterations == recorded[f"train/{call}/global_step"]
    predictions = model.predict(X, BATCH_SIZE, verbose=0)
    np.testing.assert_array_equal(predictions, recorded["predict"], strict=True)


def test_a_second_train_that_goes_on_drawing_is_another_one(recorded):
    model = make_model()
    train(model, TRAINS[0])
    assert model.get_layer("dropout").drawn > 0
    first = X[:BATCH_SIZE], Y_TRUE[:BATCH_SIZE]
    naive = model.fit(*first, BATCH_SIZE, shuffle=False, verbose=0).history["loss"][0]
    expected = recorded["train/1/losses"][0]
    assert abs(naive - expected) > 0.1 * expected


def test_evaluate_means_over_batches_and_keras_over_examples(recorded):
    """The loss: a short last batch weighs as much as a full one. Metrics: examples."""
    model = make_model()
    for steps in TRAINS:
        train(model, steps)
    today = model.evaluate(X, Y_TRUE, BATCH_SIZE, return_dict=True, verbose=0)
    assert np.float32(today["error"]) == recorded["evaluate/error"]
    losses = [
        model.evaluate(X[start:][:BATCH_SIZE], Y_TRUE[start:][:BATCH_SIZE], verbose=0)
        for start in range(0, len(X), BATCH_SIZE)
    ]
    by_batches = np.mean([loss for loss, _ in losses], dtype=np.float32)
    assert by_batches == recorded["evaluate/loss"]
    assert abs(today["loss"] - by_batches) > 0.01 * by_batches
