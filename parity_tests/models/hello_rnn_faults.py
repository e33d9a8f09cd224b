"""Faults planted in the twin that guesses the next letter."""

import keras
import tensorflow as tf

from parity_tests.models.pair import Fault, other_parts
from tf2_keras import tf1_semantics


def _cross_entropies(y_true, y_pred):
    """[B, T], whatever the weights are."""
    return keras.losses.sparse_categorical_crossentropy(
        y_true, y_pred, from_logits=True
    )


def _loss_over_padding(_twin):
    return {
        "loss": lambda y_true, weights, y_pred: keras.ops.mean(
            _cross_entropies(y_true, y_pred)
        )
    }


def _weights_in_the_sum_alone(_twin):
    """As keras.losses with a sample_weight: B * T in the denominator."""
    return {
        "loss": lambda y_true, weights, y_pred: keras.ops.mean(
            weights * _cross_entropies(y_true, y_pred)
        )
    }


def _mean_of_words(_twin):
    def loss(y_true, weights, y_pred):
        losses = tf.reduce_sum(weights * _cross_entropies(y_true, y_pred), 1)
        return tf.reduce_mean(losses / tf.reduce_sum(weights, 1))

    return {"loss": loss}


def _wrapper(**shares):
    """(twin module) -> patch: a wrapper with other shares than those it is given."""

    def wrapper(cell, output_keep_prob, seed):
        given = shares or {"output_keep_prob": output_keep_prob}
        return tf1_semantics.recurrent.DropoutWrapper(cell, seed=seed, **given)

    return other_parts("recurrent", DropoutWrapper=wrapper)


def _one_mask(twin):
    """A mask that is drawn once for all of a word, as SimpleRNN(dropout=) has it."""

    @keras.saving.register_keras_serializable("hello_rnn_faults")
    class Wrapper(tf1_semantics.recurrent.DropoutWrapper):
        def step(self, inputs, states, training):
            output, states = self.cell.step(inputs, states, training)
            if training:
                draws = tf.random.stateless_uniform(tf.shape(output), [1, 31])
                output = tf.where(draws < self.output_keep_prob, output, 0.0)
                output = output / self.output_keep_prob
            return output, states

    return other_parts("recurrent", DropoutWrapper=Wrapper)(twin)


def _predicted_in_training_mode(twin):
    build = twin.build

    def faulty(*shape, config):
        model = build(*shape, config=config)
        model.predict_on_batch = lambda x: model(x, training=True).numpy()
        return model

    return {"build": faulty}


def _keras_kernels(_twin):
    class Initializers:
        @staticmethod
        def GlorotUniform(seed):
            return keras.initializers.GlorotUniform(seed[1])

    parts = {**vars(tf1_semantics), "initializers": Initializers}
    return {"tf1_semantics": type("Semantics", (), parts)}


def _targets_not_shifted(twin):
    encode = twin.encode

    def faulty(words):
        x, _, weights, letters = encode(words)
        return x, x.argmax(2).astype("int32"), weights, letters

    return {"encode": faulty}


FAULTS = {
    "keras_kernels": Fault(
        "Keras's GlorotUniform with the same seeds.", "initial values", _keras_kernels
    ),
    "loss_over_padding": Fault(
        "The loss is a mean over all steps, padding included.",
        "loss",
        _loss_over_padding,
    ),
    "weights_in_the_sum_alone": Fault(
        "The weighted losses are divided by the number of all steps.",
        "loss",
        _weights_in_the_sum_alone,
    ),
    "mean_of_words": Fault(
        "Each word counts as much, whatever its length.", "loss", _mean_of_words
    ),
    "not_dropped": Fault("Nothing is dropped.", "loss", _wrapper(output_keep_prob=1.0)),
    "inputs_dropped": Fault(
        "What is dropped are letters.", "loss", _wrapper(input_keep_prob=0.5)
    ),
    "one_mask": Fault("All steps of a word have one mask.", "loss", _one_mask),
    "targets_not_shifted": Fault(
        "The target is the letter that was read.", "loss", _targets_not_shifted
    ),
    "wrong_rate": Fault(
        "The rate is a hundredth too high.", "updates", fields={"learning_rate": 0.505}
    ),
    "predicted_in_training_mode": Fault(
        "Letters are guessed with dropout, as the sources did.",
        "outputs",
        _predicted_in_training_mode,
    ),
}
