"""Faults planted in the wide and deep net's twin."""

import types
from unittest import mock

import keras
import tensorflow as tf

from parity_tests.models.pair import Fault
from tf2_keras import tf1_semantics
from tf2_keras.models import feature_columns


def _optimizers(linear, dnn):
    """(twin module) -> patch: other optimizers, each of its rate."""
    return lambda twin: {
        "optimizer": lambda config: {
            "linear": linear(config.linear_learning_rate, name="Ftrl"),
            "dnn": dnn(config.dnn_learning_rate, name="Adagrad"),
        }
    }


def _columns(**faulty):
    """(twin module) -> patch: these attributes of its feature columns are other ones."""

    def build_model_columns(features, config):
        with mock.patch.multiple(feature_columns, **faulty):
            return feature_columns.build_model_columns(features, config)

    columns = {**vars(feature_columns), "build_model_columns": build_model_columns}
    return lambda _twin: {"feature_columns": types.SimpleNamespace(**columns)}


def _side_by_side_as_listed(twin):
    """Columns in the order in which they were listed, for which their names stand in."""

    def dnn(deep_columns, config, dnn=twin.dnn):
        listed = enumerate(deep_columns.values())
        return dnn({f"{place:02}": column for place, column in listed}, config)

    return {"dnn": dnn}


@keras.saving.register_keras_serializable("wide_deep_faults")
class Digits(tf1_semantics.lookup.CrossedColumn):
    """A cross that takes the digits of a number for a word."""

    def call(self, columns):
        return super().call(
            [
                column if column.dtype == tf.string else tf.strings.as_string(column)
                for column in columns
            ]
        )


def _salted(words, buckets):
    return keras.layers.Hashing(buckets + 1, mask_value="", salt=1)(words) - 1


def _clipped(words, vocabulary, category=feature_columns.category):
    return keras.ops.maximum(category(words, vocabulary), 0)


def _a_mean(twin):
    def loss(labels, logits):
        labels = tf.expand_dims(tf.cast(labels, tf.float32), 1)
        return tf1_semantics.losses.SigmoidCrossEntropy()(labels, logits)

    return {"loss": loss}


FAULTS = {
    "another_seed": Fault(
        "The graph's seed is one more.", "initial values", fields={"seed": 2}
    ),
    "unknown_is_first": Fault(
        "A word that is not in its list counts as the first one.",
        "loss",
        _columns(category=_clipped),
    ),
    "empty_is_a_word": Fault(
        "An empty word is hashed like any other, as keras.layers.Hashing does.",
        "loss",
        _columns(hashed=lambda words, buckets: keras.layers.Hashing(buckets)(words)),
    ),
    "salted_hash": Fault(
        "Hashing with a salt takes another hash function.",
        "loss",
        _columns(hashed=_salted),
    ),
    "side_by_side_as_listed": Fault(
        "Columns are put side by side in the order of the list.",
        "loss",
        _side_by_side_as_listed,
    ),
    "mean_instead_of_sum": Fault(
        "The loss is the batch's mean, as Keras's is.", "loss", _a_mean
    ),
    "batches_shifted": Fault("The first batch is skipped.", "loss", skipped=1),
    "ages_as_digits": Fault(
        "A cross takes the numbers of age ranges for words.",
        "gradients",
        _columns(crossed=lambda columns, buckets: Digits(buckets)(columns)),
    ),
    "ranges_end_with_their_boundary": Fault(
        "Who is as old as a boundary says belongs below it.",
        "gradients",
        _columns(AGES=tuple(age + 0.5 for age in feature_columns.AGES)),
    ),
    "keras_ftrl": Fault(
        "Keras's Ftrl as it comes.",
        "updates",
        _optimizers(keras.optimizers.Ftrl, tf1_semantics.optimizers.Adagrad),
    ),
    "keras_adagrad": Fault(
        "Keras's Adagrad as it comes.",
        "updates",
        _optimizers(tf1_semantics.optimizers.Ftrl, keras.optimizers.Adagrad),
    ),
    "wrong_rate": Fault(
        "The net's rate is a tenth too high.",
        "updates",
        fields={"dnn_learning_rate": 0.11},
    ),
}
