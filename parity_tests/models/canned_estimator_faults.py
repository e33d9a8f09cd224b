"""Faults planted in the Keras models that stand in for canned Estimators."""

import keras

from parity_tests.models.estimator_faults import (
    batches_end_with_the_epoch,
    evaluated_by_examples,
)
from parity_tests.models.pair import Fault, other_parts
from tf2_keras import tf1_semantics


def _mean(reduction=None):
    del reduction  # a sum, and nobody asks
    return tf1_semantics.losses.SparseSoftmaxCrossEntropy()


def _at_the_rate_of_keras(name):
    """(twin module) -> patch: the rate that Keras's optimizer has where none is said."""

    def part(_learning_rate):
        rate = float(getattr(keras.optimizers, name)().learning_rate)
        return getattr(tf1_semantics.optimizers, name)(rate)

    return other_parts("optimizers", **{name: part})


def _glorot_without_its_op_seed(twin):
    """The first op seed of the graph, and not the one that its place gave it."""
    dense = twin.dense

    def faulty(x, units, name, seed, **options):
        graph_seed, op_seed = seed
        op_seed = 1 if op_seed > 40 else op_seed
        return dense(x, units, name, (graph_seed, op_seed), **options)

    return {"dense": faulty}


FAULTS = {
    "mean_for_sum": Fault(
        "The canned loss is a mean, as Keras's is.",
        "loss",
        other_parts("losses", SparseSoftmaxCrossEntropy=_mean),
    ),
    "adagrad_of_keras": Fault(
        "The canned net has the rate that Keras's Adagrad has.",
        "loss",
        _at_the_rate_of_keras("Adagrad"),
    ),
    "ftrl_of_keras": Fault(
        "The canned linear model has the rate that Keras's Ftrl has.",
        "loss",
        _at_the_rate_of_keras("Ftrl"),
    ),
    "other_op_seed": Fault(
        "An op without a seed has another one than its graph gave it.",
        "initial values",
        _glorot_without_its_op_seed,
    ),
    "other_graph_seed": Fault(
        "RunConfig's seed is another one.", "initial values", fields={"seed": 2}
    ),
    "evaluated_by_examples": Fault(
        "The loss of an evaluation is a mean over the examples.",
        "evaluation",
        evaluated_by_examples,
    ),
    "batches_end_with_the_epoch": Fault(
        "The last batch of an epoch is short.", "loss", batches_end_with_the_epoch
    ),
    "one_unit_fewer": Fault(
        "The hidden layer has a unit fewer.",
        "initial values",
        fields={"hidden_units": 7},
    ),
}
