"""Faults planted in the twin of the recogniser of speech."""

import keras
import tensorflow as tf

from parity_tests.models.pair import Fault
from tf2_keras import tf1_semantics


def _losses(losses):
    """(twin module) -> patch: the mean of other losses [B]."""
    return lambda twin: {"loss": lambda *arguments: tf.reduce_mean(losses(*arguments))}


def _ctc(targets, logits, seq_len, blank_index=-1):
    return tf.nn.ctc_loss(targets, logits, None, seq_len, blank_index=blank_index)


def _blank_first(targets, logits, seq_len):
    """Letters from one on, as for the default of blank_index; the old weights stay."""
    return _ctc(targets.with_values(targets.values + 1), logits, seq_len, 0)


def _lengths_of_targets(targets):
    rows = targets.indices[:, 0]
    return tf.math.unsorted_segment_sum(
        tf.ones_like(rows, tf.float32), rows, targets.dense_shape[0]
    )


def _whole_length(_seq_len, logits):
    return tf.fill(tf.shape(logits)[1:2], tf.shape(logits)[0])


def _inference(forget_bias=1.0, initializer=None):
    """(twin module) -> patch: another LSTM."""

    def patch(twin):
        def inference(x, seq_len, config):
            start = initializer or tf1_semantics.initializers.GlorotUniform(
                seed=(config.seed, 21)
            )
            cell = tf1_semantics.recurrent.LSTMCell(
                config.num_units, initializer=start, forget_bias=forget_bias
            )
            outputs, _ = tf1_semantics.recurrent.DynamicRNN(cell, name="rnn")(
                x, seq_len
            )
            return twin.Logits(config.num_classes, config.seed, name="logits")(outputs)

        return {"inference": inference}

    return patch


def _optimizer(**options):
    return lambda twin: {
        "optimizer": lambda config: keras.optimizers.SGD(
            config.learning_rate, config.momentum, name="momentum", **options
        )
    }


FAULTS = {
    "keras_glorot_uniform": Fault(
        "Keras's GlorotUniform with the same seed.",
        "initial values",
        _inference(initializer=keras.initializers.GlorotUniform(21)),
    ),
    "another_seed": Fault(
        "The graph's seed is one more.", "initial values", fields={"seed": 2}
    ),
    "blank_first": Fault(
        "The first class is the blank.", "loss", _losses(_blank_first)
    ),
    "lengths_ignored": Fault(
        "The loss listens behind the end, too.",
        "loss",
        _losses(lambda y, logits, n: _ctc(y, logits, _whole_length(n, logits))),
    ),
    "loss_by_letter": Fault(
        "Each word's loss is divided by its letters.",
        "loss",
        _losses(lambda y, *rest: _ctc(y, *rest) / _lengths_of_targets(y)),
    ),
    "probabilities": Fault(
        "The loss gets probabilities instead of logits.",
        "loss",
        _losses(lambda y, logits, n: _ctc(y, tf.nn.softmax(logits), n)),
    ),
    "sum_instead_of_mean": Fault(
        "The losses sum over the batch.",
        "loss",
        lambda twin: {"loss": lambda *arguments: tf.reduce_sum(_ctc(*arguments))},
    ),
    "no_forget_bias": Fault(
        "The LSTM forgets half at first.", "loss", _inference(forget_bias=0.0)
    ),
    "batches_shifted": Fault("The first batch is skipped.", "loss", skipped=1),
    "keras_momentum": Fault(
        "Keras's SGD, which remembers steps.", "slots", _optimizer()
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "updates", fields={"learning_rate": 0.11}
    ),
}
