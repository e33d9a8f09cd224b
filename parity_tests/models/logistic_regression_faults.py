"""Faults planted in the logistic regression twin."""

import numpy as np
import tensorflow as tf

from parity_tests.models.pair import Fault


def _cross_entropy(y, logits):
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=logits)


def _sigmoid_twice(twin):
    return {
        "loss": lambda y, y_pred: tf.reduce_mean(_cross_entropy(y, tf.sigmoid(y_pred)))
    }


def _mean_squared_error(twin):
    return {"loss": lambda y, y_pred: tf.reduce_mean(tf.square(y - y_pred))}


def _sum_instead_of_mean(twin):
    return {"loss": lambda y, y_pred: tf.reduce_sum(_cross_entropy(y, y_pred))}


def _label_smoothing(twin):
    return {
        "loss": lambda y, y_pred: tf.reduce_mean(
            _cross_entropy(y * (1.0 - 0.1) + 0.5 * 0.1, y_pred)
        )
    }


def _overflowing_formula(twin):
    # log(1 + exp(x)) is infinite from x = 89 on, and TF1's formula is not.
    return {
        "loss": lambda y, y_pred: tf.reduce_mean(
            tf.math.log(1.0 + tf.exp(y_pred)) - y_pred * y
        )
    }


def _bias_not_trained(twin):
    class Linear(twin.Linear):
        def build(self, input_shape):
            super().build(input_shape)
            self.b.trainable = False

    return {"Linear": Linear}


def _bias_starts_at_one(twin):
    class Linear(twin.Linear):
        def build(self, input_shape):
            super().build(input_shape)
            self.b.assign(1.0)

    return {"Linear": Linear}


FAULTS = {
    "sigmoid_twice": Fault(
        "The loss is given probabilities where it takes logits.", "loss", _sigmoid_twice
    ),
    "labels_flipped": Fault(
        "Zero and one are exchanged.",
        "loss",
        batch=lambda batch: {**batch, "y_true": 1 - batch["y_true"]},
    ),
    "labels_shifted": Fault(
        "Each input meets its neighbour's label.",
        "loss",
        batch=lambda batch: {**batch, "y_true": np.roll(batch["y_true"], 1, axis=1)},
    ),
    "mean_squared_error": Fault(
        "The squared error of the logits.", "loss", _mean_squared_error
    ),
    "sum_instead_of_mean": Fault(
        "The loss sums over the batch.", "loss", _sum_instead_of_mean
    ),
    "label_smoothing": Fault(
        "The labels are drawn a tenth towards one half.", "loss", _label_smoothing
    ),
    "overflowing_formula": Fault(
        "The cross-entropy is written as in a textbook.", "loss", _overflowing_formula
    ),
    "bias_not_trained": Fault(
        "The bias is left where it started.", "gradients", _bias_not_trained
    ),
    "bias_starts_at_one": Fault(
        "The bias starts at one.", "initial values", _bias_starts_at_one
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "updates", fields={"learning_rate": 0.55}
    ),
    "batches_shifted": Fault(
        "The first batch is skipped.",
        "loss",
        both={"batch_size": 100},
        skipped=1,
    ),
}
