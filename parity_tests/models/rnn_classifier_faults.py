"""Faults planted in the twin of the classifier of sequences."""

import keras
import numpy as np
import tensorflow as tf

from parity_tests.models.pair import Fault
from tf2_keras import tf1_semantics


def _layers(bidirectional=None, last=None):
    """(twin module) -> patch: other layers around the cells, or after them."""

    def patch(twin):
        replaced = {}
        if bidirectional is not None:
            replaced["tf1_semantics"] = _with_recurrent(
                BidirectionalDynamicRNN=bidirectional
            )
        if last is not None:
            replaced["LastRelevant"] = last
        return replaced

    return patch


def _with_recurrent(**replaced):
    """``tf1_semantics`` with some of its recurrent parts replaced."""
    recurrent = type("recurrent", (), {**vars(tf1_semantics.recurrent), **replaced})
    return type("tf1_semantics", (), {**vars(tf1_semantics), "recurrent": recurrent})


class PaddingEnters(tf1_semantics.recurrent.BidirectionalDynamicRNN):
    """Reads every sequence to the end of the batch, lengths unseen."""

    def call(self, inputs, sequence_length=None, training=False):
        return super().call(inputs, training=training)


class PaddingFirst(tf1_semantics.recurrent.BidirectionalDynamicRNN):
    """Reads backwards from the end of the batch: go_backwards=True without a mask."""

    def _reversed(self, x, sequence_length):
        return tf.reverse(x, [1])


class StateOfBoth(tf1_semantics.recurrent.BidirectionalDynamicRNN):
    """The backward net reads forwards as well."""

    def _reversed(self, x, sequence_length):
        return x


class LastOfTheBatch(keras.layers.Layer):
    """The last of all time steps, outputs[:, -1]."""

    def call(self, outputs, lengths):
        return outputs[:, -1]

    def compute_output_shape(self, outputs_shape, lengths_shape=None):
        return outputs_shape[0], outputs_shape[2]


def _backward_at_its_length(twin):
    """The backward net is read where the forward net is, at the sequence's end."""

    class BothEnds(tf1_semantics.recurrent.BidirectionalDynamicRNN):
        def call(self, inputs, sequence_length=None, training=False):
            (fw, bw), states = super().call(inputs, sequence_length, training=training)
            rows = tf.range(tf.shape(bw)[0])
            at_end = tf.gather_nd(bw, tf.stack([rows, sequence_length - 1], axis=1))
            return (fw, tf.repeat(at_end[:, tf.newaxis], tf.shape(bw)[1], 1)), states

    return {"tf1_semantics": _with_recurrent(BidirectionalDynamicRNN=BothEnds)}


class ResetAfter(tf1_semantics.recurrent.GRUCell):
    """keras.layers.GRU's default formula: the reset gate after the product."""

    def next_states(self, inputs, h):
        gates = tf.sigmoid(self.linear(inputs, h, self.gate_kernel, self.gate_bias))
        r, u = tf.split(gates, 2, axis=1)
        of_inputs, of_state = tf.split(
            self.candidate_kernel, [inputs.shape[1], self.num_units]
        )
        c = self.activation(
            tf.matmul(inputs, of_inputs)
            + r * tf.matmul(h, of_state)
            + self.candidate_bias
        )
        return [u * h + (1 - u) * c]


def _cell(gru=tf1_semantics.recurrent.GRUCell, keras_start=False, **options):
    def patch(twin):
        def cell(seed, config):
            start = tf1_semantics.initializers.GlorotUniform(seed=(config.seed, seed))
            if keras_start:
                start = keras.initializers.GlorotUniform(seed)
            return gru(config.n_hidden, kernel_initializer=start, **options)

        return {"cell": cell}

    return patch


def _sum_instead_of_mean(twin):
    return {
        "loss": lambda y, y_pred: tf.reduce_sum(
            tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=y_pred)
        )
    }


FAULTS = {
    "keras_glorot_uniform": Fault(
        "Keras's GlorotUniform with the same seeds.",
        "initial values",
        _cell(keras_start=True),
    ),
    "gates_start_at_zero": Fault(
        "The gates' bias starts at zero, as in keras.layers.GRU.",
        "initial values",
        _cell(bias_initializer="zeros"),
    ),
    "another_seed": Fault(
        "The graph's seed is one more.", "initial values", fields={"seed": 2}
    ),
    "padding_enters_the_state": Fault(
        "Lengths are not passed to the loop: the padding is read backwards first.",
        # A GRU at rest that reads zeros stays at rest until its biases have moved.
        "gradients",
        _layers(PaddingEnters),
    ),
    "padding_first": Fault(
        "The whole batch is turned around, padding first, and read within lengths.",
        "loss",
        _layers(PaddingFirst),
    ),
    "not_reversed": Fault(
        "The backward net reads forwards.", "loss", _layers(StateOfBoth)
    ),
    "last_of_the_batch": Fault(
        "The last time step is taken, zeros of most sequences.",
        "loss",
        _layers(last=LastOfTheBatch),
    ),
    "backward_at_its_length": Fault(
        "The backward net is read where it began.", "loss", _backward_at_its_length
    ),
    "reset_after": Fault(
        "The GRU resets its state after the product, Keras's default.",
        "loss",
        _cell(ResetAfter),
    ),
    "lengths_one_short": Fault(
        "Lengths are the index of the last element.",
        "loss",
        batch=lambda batch: {**batch, "lengths": np.maximum(batch["lengths"] - 1, 1)},
    ),
    "labels_flipped": Fault(
        "The two classes are exchanged.",
        "loss",
        batch=lambda batch: {**batch, "y_true": batch["y_true"][:, ::-1].copy()},
    ),
    "batches_shifted": Fault("The first batch is skipped.", "loss", skipped=1),
    "sum_instead_of_mean": Fault(
        "The loss sums over the batch.", "loss", _sum_instead_of_mean
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "updates", fields={"learning_rate": 0.11}
    ),
}
