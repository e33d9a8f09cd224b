"""Faults planted in the twin of the network of unrolled cells."""

import keras
import numpy as np
import tensorflow as tf

from parity_tests.models.pair import Fault
from tf2_keras import tf1_semantics


def _cell(keras_start=False, **options):
    """(twin module) -> patch: another cell, or one that starts otherwise."""

    def patch(twin):
        def cell(config):
            start = tf1_semantics.initializers.GlorotUniform(seed=(config.seed, 21))
            if keras_start:
                start = keras.initializers.GlorotUniform(21)
            return tf1_semantics.recurrent.BasicLSTMCell(
                config.num_hidden, kernel_initializer=start, **options
            )

        return {"cell": cell}

    return patch


def _with_recurrent(**replaced):
    """``tf1_semantics`` with some of its recurrent parts replaced."""
    recurrent = type("recurrent", (), {**vars(tf1_semantics.recurrent), **replaced})
    return {
        "tf1_semantics": type(
            "part", (), {**vars(tf1_semantics), "recurrent": recurrent}
        )
    }


class KerasGates(tf1_semantics.recurrent.BasicLSTMCell):
    """The gates in Keras's order, i, f, j, o, over a kernel in TF1's."""

    def next_states(self, inputs, c, h):
        i, f, j, o = tf.split(self.linear(inputs, h, self.kernel, self.bias), 4, axis=1)
        c = c * tf.sigmoid(f + self.forget_bias) + tf.sigmoid(i) * self.activation(j)
        return [c, self.activation(c) * tf.sigmoid(o)]


class ReadAfterAll(tf1_semantics.recurrent.StaticBidirectionalRNN):
    """Of the way back the output at the first row, as Keras's Bidirectional takes it."""

    def call(
        self, inputs, initial_state_fw=None, initial_state_bw=None, training=False
    ):
        outputs, *states = super().call(
            inputs, initial_state_fw, initial_state_bw, training
        )
        fw, bw = tf.split(outputs, 2, axis=2)
        return (tf.concat([fw, tf.reverse(bw, [1])], 2), *states)


class NotReversed(tf1_semantics.recurrent.StaticBidirectionalRNN):
    """Both cells read from the top down."""

    def call(
        self, inputs, initial_state_fw=None, initial_state_bw=None, training=False
    ):
        outputs_fw, _ = self.forward(inputs)
        outputs_bw, state = self.backward(inputs)
        return tf.concat([outputs_fw, outputs_bw], 2), state, state


def _columns(batch):
    """Images turned: a step is a column."""
    x = batch["x"]
    length = min(x.shape[1:])
    turned = x.copy()
    turned[:, :length, :length] = x[:, :length, :length].swapaxes(1, 2)
    return {**batch, "x": turned}


def _sum_instead_of_mean(twin):
    return {
        "loss": lambda y, y_pred: tf.reduce_sum(
            tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=y_pred)
        )
    }


FAULTS = {
    "keras_glorot_uniform": Fault(
        "Keras's GlorotUniform with the same seed.",
        "initial values",
        _cell(keras_start=True),
    ),
    "another_seed": Fault(
        "The graph's seed is one more.", "initial values", fields={"seed": 2}
    ),
    "no_forget_bias": Fault(
        "The forget bias is left out, which TF1 added at every step.",
        "loss",
        _cell(forget_bias=0.0),
    ),
    "gates_in_keras_order": Fault(
        "The gates are taken in the order that keras.layers.LSTM has them in.",
        "loss",
        lambda twin: _with_recurrent(BasicLSTMCell=KerasGates),
    ),
    "way_back_read_after_all": Fault(
        "Of the way back the output is taken where it has read all rows.",
        "loss",
        lambda twin: _with_recurrent(StaticBidirectionalRNN=ReadAfterAll),
        both={"bidirectional": True},
    ),
    "not_reversed": Fault(
        "The second cell reads from the top down as well.",
        "loss",
        lambda twin: _with_recurrent(StaticBidirectionalRNN=NotReversed),
        both={"bidirectional": True},
    ),
    "columns_for_rows": Fault("A step is a column.", "loss", batch=_columns),
    "labels_shifted_by_an_example": Fault(
        "Each image meets its neighbour's label.",
        "loss",
        batch=lambda batch: {**batch, "y_true": np.roll(batch["y_true"], 1, axis=0)},
    ),
    "batches_shifted": Fault("The first batch is skipped.", "loss", skipped=1),
    "sum_instead_of_mean": Fault(
        "The loss sums over the batch.", "loss", _sum_instead_of_mean
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "updates", fields={"learning_rate": 0.11}
    ),
}
