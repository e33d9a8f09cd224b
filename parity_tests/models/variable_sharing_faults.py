"""Faults planted in the twin with shared variables."""

import keras
import numpy as np
import tensorflow as tf

from parity_tests.models.pair import Fault


def _two_encoders(twin):
    """A layer made in each call, as keras.layers.Dense(...)(x) written twice is."""

    encoder_class = twin.Encoder

    class Twice(encoder_class):
        def build(self, input_shape):
            super().build(input_shape)
            self.second = encoder_class(self.config)
            self.second.build(None)

    def distances(left, right, encoder):
        second = getattr(encoder, "second", encoder)
        return tf.reduce_sum(tf.square(encoder(left) - second(right)), axis=1)

    names_of = twin.names_of

    def both_names(encoder):
        names = names_of(encoder)
        return np.concatenate([names, np.char.add(names, "_1")])

    class FirstOnly(twin.Averages):
        def __call__(self, words):
            *table, kernel, bias = self.averages[: len(self.averages) // 2]
            return twin.encode(words, table, kernel, bias)

    return {
        "Encoder": Twice,
        "Averages": FirstOnly,
        "distances": distances,
        "names_of": both_names,
    }


def _rows_in_a_row(twin):
    del twin

    def encode(words, table, kernel, bias):
        return tf.matmul(tf.nn.embedding_lookup(table, words), kernel) + bias

    return {"encode": encode}


def _one_table(twin):
    """One table, drawn at once and cut in parts: as one would have it."""

    class Whole(twin.Encoder):
        def build(self, input_shape):
            super().build(input_shape)
            whole = twin.tf1_semantics.initializers.RandomUniform(
                -1.0, 1.0, seed=(self.config.seed, 11)
            )((self.config.words, self.config.width))
            rows = twin.rows_of_parts(self.config)
            for part, values in zip(self.table, tf.split(whole, rows), strict=True):
                part.assign(values)

    return {"Encoder": Whole}


def _bias_unpenalised(twin):
    class Unpenalised(twin.Encoder):
        def build(self, input_shape):
            super().build(input_shape)
            self.bias.regularizer = None

    return {"Encoder": Unpenalised}


def _penalised_by_the_call(twin):
    class ByTheCall(twin.Encoder):
        def call(self, words):
            for part in self.table:
                self.add_loss(self.config.weight_decay * tf.nn.l2_loss(part.value))
            return super().call(words)

    return {"Encoder": ByTheCall}


def _keras_l2(twin):
    class L2(twin.Encoder):
        def build(self, input_shape):
            super().build(input_shape)
            for variable in self.weights:
                variable.regularizer = keras.regularizers.L2(self.config.weight_decay)

    return {"Encoder": L2}


def _averages_from_zero(twin):
    averaged_by = twin.averaged_by

    def from_zero(encoder):
        averages = averaged_by(encoder)
        for average in averages.averages:
            average.assign(tf.zeros_like(average))
        return averages

    return {"averaged_by": from_zero}


def _averaged_by_the_other_share(twin):
    def update_averages(averages, encoder, config):
        for average, variable in zip(averages.averages, encoder.weights, strict=True):
            average.assign_sub((average - variable.value) * config.average_decay)

    return {"update_averages": update_averages}


def _share_of_python(twin):
    def update_averages(averages, encoder, config):
        share = 1.0 - config.average_decay
        for average, variable in zip(averages.averages, encoder.weights, strict=True):
            average.assign_sub((average - variable.value) * share)

    return {"update_averages": update_averages}


def _penalties_added(twin):
    """What fit does with the losses of layers."""

    def distances(left, right, encoder):
        y_pred = true_distances(left, right, encoder)
        if isinstance(encoder, twin.Averages):
            return y_pred
        penalty = tf.add_n(encoder.losses)
        return y_pred + (penalty - tf.stop_gradient(penalty))

    true_distances = twin.distances
    return {"distances": distances}


FAULTS = {
    "penalties_added": Fault(
        "The penalties have a share in the gradient.", "outputs", _penalties_added
    ),
    "two_encoders": Fault(
        "Each word of a pair has an encoder of its own.",
        "initial values",
        _two_encoders,
    ),
    "rows_in_a_row": Fault(
        "tf.nn.embedding_lookup reads the parts one after another, not in turns.",
        "outputs",
        _rows_in_a_row,
    ),
    "one_table": Fault(
        "The table is drawn at once, and not each part from the stream's start.",
        "initial values",
        _one_table,
    ),
    "one_part": Fault(
        "The table is in one part.", "initial values", fields={"parts": 1}
    ),
    "bias_unpenalised": Fault(
        "The bias, which said nothing of a regularizer, has none.",
        "collections",
        _bias_unpenalised,
    ),
    "penalised_by_the_call": Fault(
        "A penalty is added by every call.", "loss", _penalised_by_the_call
    ),
    "keras_l2": Fault(
        "Keras's L2 of the same number is twice the penalty.", "loss", _keras_l2
    ),
    "averages_from_zero": Fault(
        "Averages start at zero.", "initial values", _averages_from_zero
    ),
    "averaged_by_the_other_share": Fault(
        "What stays and what moves of an average are exchanged.",
        "outputs",
        _averaged_by_the_other_share,
        both={"average_decay": 0.75},
    ),
    "share_of_python": Fault(
        "1 - decay is a number of Python, not of float32.",
        "outputs",
        _share_of_python,
        both={"average_decay": 0.99},
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "outputs", fields={"learning_rate": 0.1375}
    ),
}
