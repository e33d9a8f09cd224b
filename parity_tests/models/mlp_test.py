"""What only the perceptron chapter claims."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1
from hypothesis import given

from parity_tests.engine import strategies
from parity_tests.models import chapters
from parity_tests.models.mlp_plays import SMALL, moves, small_digits
from parity_tests.models.pair import ChapterPair
from tf2_keras import training

CHAPTER = "mlp"
GRAPH, TWIN = chapters.graph(CHAPTER), chapters.twin(CHAPTER)


@pytest.mark.parametrize("level", training.LEVELS)
def test_the_tutorials_own_size_is_bit_equal(level):
    train, _ = chapters.setup(CHAPTER).load(None, seed=1)
    with ChapterPair(CHAPTER) as pair:
        play = list(itertools.islice(pair.setup.moves(train, pair.config), 5))
        comparison = pair.compare(play, level, granted=False).require_agreement()
    assert comparison.records == 6


def test_both_programs_report_the_same_losses_and_accuracy():
    fields = {**SMALL, "hidden1": 32, "learning_rate": 0.5, "steps": 60}
    images, labels = small_digits()
    train, test = (images[:305], labels[:305]), (images[305:], labels[305:])
    results = [
        side.run(train, test, side.Config(**fields, report_every=7))
        for side in (GRAPH, TWIN)
    ]
    (of_graph, graph_accuracy), (of_twin, twin_accuracy) = results
    assert [step for step, _ in of_graph] == list(range(0, 60, 7))
    assert [step for step, _ in of_twin] == list(range(0, 60, 7))
    # Keras takes the mean over one batch: its loss times the size, and divided by it.
    np.testing.assert_allclose(
        [loss for _, loss in of_graph], [loss for _, loss in of_twin], rtol=3e-7
    )
    assert graph_accuracy == twin_accuracy > 0.2


@given(
    logits=strategies.arrays((12, 5), magnitude=10.0), labels=strategies.labels(12, 5)
)
def test_ties_are_counted_alike(logits, labels):
    """Of several largest logits each is right, where argmax takes the first."""
    logits = np.round(logits)
    with tf1.Graph().as_default(), tf1.Session() as session:
        expected = session.run(GRAPH.evaluation(labels, logits))
    assert TWIN.evaluation(labels, logits).numpy() == expected
    assert expected == sum(
        row[k] == row.max() for row, k in zip(logits, labels, strict=True)
    )


# Traps, with their margins.


def test_a_loss_averaged_twice_leaves_the_net_nearly_where_it_was():
    """Nothing fails and the loss falls, a tenth as fast at batches of ten.

    Measured: 0.90 of the way is missing after 20 steps; at batches of 100 it is 0.99.
    """
    images, labels = small_digits()
    batches = [
        {"x": images[start : start + 10], "y_true": labels[start : start + 10]}
        for start in range(0, 200, 10)
    ]
    play = [("train", batch) for batch in batches]
    fault = chapters.faults(CHAPTER)["loss_averaged_twice"]
    with ChapterPair(CHAPTER, {**SMALL, "learning_rate": 0.1}, fault) as pair:
        assert 0.85 < pair.share_off(play) < 0.95


def test_class_numbers_in_a_column_give_an_accuracy_of_chance():
    """Both worlds broadcast [B] against [B, 1] to [B, B], and say nothing.

    What is right more than half of the time seems to be right one time in ten.
    """
    images, labels = small_digits()
    config = TWIN.Config(**{**SMALL, "hidden1": 32, "learning_rate": 0.5})
    model = TWIN.build(config)
    model.fit(images, labels, batch_size=10, epochs=4, shuffle=False, verbose=0)
    classes = tf.argmax(model(images), 1)  # [B]
    true = np.mean(tf.equal(classes, labels))
    column = labels[:, np.newaxis]  # [B, 1], as a table's last column is read
    assert np.mean(tf.equal(classes, tf.cast(column, tf.int64))) < 0.15 < 0.55 < true
    with tf1.Graph().as_default(), tf1.Session() as session:
        equal = tf1.equal(tf1.constant(classes.numpy()), column.astype(np.int64))
        assert session.run(equal).shape == (500, 500)


def test_the_loss_that_fit_logs_is_a_mean_over_the_steps_so_far():
    """Measured: 2.26 at the last of 40 steps, of which fit logs 2.20."""
    images, labels = small_digits()
    model = TWIN.build(TWIN.Config(**{**SMALL, "hidden1": 32, "learning_rate": 0.5}))
    logged, steps = [], []

    class Losses(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            logged.append(logs["loss"])

    kept = model.compute_loss

    def compute_loss(*arguments, **options):
        loss = kept(*arguments, **options)
        tf.py_function(lambda value: steps.append(value.numpy()), [loss], [])
        return loss

    model.compute_loss = compute_loss
    model.fit(
        images[:400], labels[:400], batch_size=10, shuffle=False, verbose=0,
        callbacks=[Losses()],
    )  # fmt: skip
    np.testing.assert_allclose(logged[-1], np.mean(steps), rtol=1e-5)
    assert abs(steps[-1] - logged[-1]) > 0.05


def test_a_play_of_the_small_net_trains_on_a_short_batch_too():
    sizes = [
        len(batch["x"])
        for move, batch in moves(TWIN.Config(**SMALL))
        if move == "train"
    ]
    assert sizes == [10, 10, 10, 7]
