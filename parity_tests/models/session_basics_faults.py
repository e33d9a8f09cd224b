"""Faults planted in the session basics twin."""

import keras
import tensorflow as tf

from parity_tests.models.pair import Fault
from tf2_keras import tf1_semantics


def _line(twin, **initializers):
    """The twin's layer, with variables that start from other initialisers."""

    class Line(twin.Line):
        def build(self, input_shape):
            super().build(input_shape)
            for name, initializer in initializers.items():
                getattr(self, name).assign(initializer(self)(()))

    return {"Line": Line}


def _keras_initializer(twin):
    return _line(
        twin,
        weight=lambda line: keras.initializers.RandomNormal(
            stddev=line.stddev, seed=11
        ),
    )


def _op_seed_alone(twin):
    return _line(
        twin,
        weight=lambda line: tf1_semantics.initializers.RandomNormal(
            stddev=line.stddev, seed=11
        ),
    )


def _bias_starts_at_one(twin):
    return _line(twin, bias=lambda line: keras.initializers.Ones())


def _bias_multiplied_too(twin):
    class Line(twin.Line):
        def call(self, x):
            return self.weight * (x + self.bias)

    return {"Line": Line}


def _sum_instead_of_mean(twin):
    return {"loss": lambda y, y_pred: tf.reduce_sum(tf.square(y - y_pred))}


def _step_not_counted(twin):
    class Uncounted(keras.optimizers.SGD):
        def apply(self, gradients, trainable_variables=None):
            super().apply(gradients, trainable_variables)
            self.iterations.assign_sub(1)

    return {"optimizer": lambda config: Uncounted(config.learning_rate, name="sgd")}


FAULTS = {
    "keras_initializer": Fault(
        "Keras's RandomNormal with the same seed.", "initial values", _keras_initializer
    ),
    "op_seed_alone": Fault(
        "The graph's seed is left out.", "initial values", _op_seed_alone
    ),
    "another_seed": Fault(
        "The graph's seed is one more.", "initial values", fields={"seed": 2}
    ),
    "wrong_stddev": Fault(
        "The weight is drawn a tenth wider.", "initial values", fields={"stddev": 1.1}
    ),
    "bias_starts_at_one": Fault(
        "The bias starts at one.", "initial values", _bias_starts_at_one
    ),
    "bias_multiplied_too": Fault(
        "weight * (x + bias).", "gradients", _bias_multiplied_too
    ),
    "sum_instead_of_mean": Fault(
        "The loss sums over the batch.", "loss", _sum_instead_of_mean
    ),
    "step_not_counted": Fault(
        "The optimizer does not count.", "updates", _step_not_counted
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "updates", fields={"learning_rate": 0.11}
    ),
    "targets_shifted": Fault(
        "Each input meets its neighbour's target.",
        "loss",
        batch=lambda batch: {**batch, "y_true": batch["y_true"][::-1].copy()},
    ),
}
