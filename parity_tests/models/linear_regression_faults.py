"""Faults planted in the linear regression twin."""

import itertools

import keras
import tensorflow as tf

from parity_tests.models.pair import Fault


def _sum_instead_of_mean(twin):
    return {"loss": lambda y, y_pred: tf.reduce_sum(tf.square(y - y_pred))}


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


def _momentum(twin):
    return {
        "train": lambda config: keras.optimizers.SGD(
            config.learning_rate, momentum=0.9, name="sgd"
        )
    }


def _column_of_targets(twin):
    # y_true [batch, 1] against y_pred [1, batch]: the difference is [batch, batch].
    return {
        "loss": lambda y, y_pred: tf.reduce_mean(tf.square(tf.transpose(y) - y_pred))
    }


def _one_step_late(twin):
    class Late(keras.optimizers.SGD):
        """Applies each gradient one step after it was computed."""

        def build(self, variables):
            super().build(variables)
            self.waiting = [tf.Variable(tf.zeros_like(v)) for v in variables]

        def apply(self, gradients, trainable_variables=None):
            due = [tf.identity(waiting) for waiting in self.waiting]
            for waiting, gradient in zip(self.waiting, gradients, strict=True):
                waiting.assign(gradient)
            super().apply(due, trainable_variables)

    return {"train": lambda config: Late(config.learning_rate, name="sgd")}


FAULTS = {
    "sum_instead_of_mean": Fault(
        "The loss sums over the batch.", "loss", _sum_instead_of_mean
    ),
    "bias_not_trained": Fault(
        "The bias is left where it started.", "gradients", _bias_not_trained
    ),
    "bias_starts_at_one": Fault(
        "The bias starts at one.", "initial values", _bias_starts_at_one
    ),
    "momentum": Fault("The optimizer remembers.", "updates", _momentum),
    "column_of_targets": Fault(
        "Targets broadcast against predictions.", "loss", _column_of_targets
    ),
    "one_step_late": Fault(
        "Each gradient is applied a step late.", "updates", _one_step_late
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "updates", fields={"learning_rate": 0.55}
    ),
    "targets_shifted": Fault(
        "Each input meets its neighbour's target.",
        "loss",
        batches=lambda batches: ((x, y[:, ::-1].copy()) for x, y in batches),
    ),
    "batches_shifted": Fault(
        "The first batch is skipped.",
        "loss",
        both={"batch_size": 100},
        batches=lambda batches: itertools.islice(batches, 1, None),
    ),
}
