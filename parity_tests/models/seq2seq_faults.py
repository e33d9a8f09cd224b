"""Faults planted in the translator's twin."""

import keras
import tensorflow as tf

from parity_tests.models.pair import Fault
from tf2_keras import tf1_semantics


def _decoder(**methods):
    """(twin module) -> patch: a decoder with other methods.

    Args:
        **methods: {name: (the true method, the decoder, arguments) -> result}.
    """

    def patch(twin):
        def bound(name, method):
            true = getattr(twin.Decoder, name)

            def call(self, *arguments):
                return method(lambda *given: true(self, *given), self, *arguments)

            return call

        changed = {name: bound(name, method) for name, method in methods.items()}
        return {"Decoder": type("Decoder", (twin.Decoder,), changed)}

    return patch


def _no_input_feeding(step, decoder, inputs, memory, initial, cell_state, attention):
    return step(inputs, memory, initial, cell_state, tf.zeros_like(attention))


def _padding_attended(start, decoder, memory, memory_lengths, encoder_state):
    return start(memory, None, encoder_state)


def _state_not_handed_over(start, decoder, memory, memory_lengths, encoder_state):
    zeros = tf.nest.map_structure(tf.zeros_like, encoder_state)
    return start(memory, memory_lengths, zeros)


def _outputs_projected(step, decoder, inputs, memory, initial, cell_state, attention):
    _, (c, h), attention = step(inputs, memory, initial, cell_state, attention)
    return h, (c, h), attention


def _written_to_the_end(greedy, decoder, embeddings, memory, lengths, state, most):
    """Tokens of as many steps as there may be, nothing once all are finished."""
    tokens = greedy(embeddings, memory, lengths, state, most)
    return tf.pad(tokens, [[0, 0], [0, most - tf.shape(tokens)[1]]], constant_values=2)


def _loss(change):
    """(twin module) -> patch: the true loss times a factor of (targets, lengths)."""

    def patch(twin):
        true = twin.loss
        return {
            "loss": lambda targets, logits, lengths: (
                true(targets, logits, lengths) * change(targets, lengths)
            )
        }

    return patch


def _by_letter(targets, lengths):
    return 1 / tf.reduce_mean(tf.cast(lengths, tf.float32))


def _by_time(targets, lengths):
    return 1 / tf.cast(tf.shape(targets)[1], tf.float32)


def _padding_scored(twin):
    true = twin.loss
    return {
        "loss": lambda targets, logits, lengths: true(
            targets, logits, tf.fill(tf.shape(lengths), tf.shape(targets)[1])
        )
    }


def _clip(*made):
    """(twin module) -> patch: gradients clipped otherwise."""

    def patch(twin):
        def optimizer(config):
            clip = [part(config.max_gradient_norm) for part in made]
            return tf1_semantics.optimizers.GradientDescent(
                config.learning_rate, clip=clip, name="sgd"
            )

        return {"optimizer": optimizer}

    return patch


CLIPPED = {"max_gradient_norm": 0.05}  # so little that every step is clipped

FAULTS = {
    "keras_random_uniform": Fault(
        "Keras's RandomUniform with the same seeds.",
        "initial values",
        lambda twin: {
            "initializer": lambda config: keras.initializers.RandomUniform(
                -config.init_weight, config.init_weight, config.seed + 1
            )
        },
    ),
    "forget_bias_zero": Fault(
        "The forget gates have no bias of their own.",
        "loss",
        fields={"forget_bias": 0.0},
    ),
    "no_input_feeding": Fault(
        "A step does not see the attention of the step before.",
        "loss",
        _decoder(step=_no_input_feeding),
    ),
    "padding_attended": Fault(
        "What is past a source's end is attended to.",
        "loss",
        _decoder(start=_padding_attended),
    ),
    "state_not_handed_over": Fault(
        "The decoder starts from zeros.", "loss", _decoder(start=_state_not_handed_over)
    ),
    "outputs_projected": Fault(
        "Logits are made of the cell's output, not of the attention.",
        "loss",
        _decoder(step=_outputs_projected),
    ),
    "targets_not_shifted": Fault(
        "The decoder is fed the letter that it is to write.",
        "loss",
        batch=lambda batch: {**batch, "target_input": batch["y_true"]},
    ),
    "mean_over_letters": Fault(
        "The loss is divided by all letters, as of a Keras mask.",
        "loss",
        _loss(_by_letter),
    ),
    "mean_over_time": Fault(
        "The loss is divided by the longest target's length as well.",
        "loss",
        _loss(_by_time),
    ),
    "padding_scored": Fault(
        "What is past a target's end counts.", "loss", _padding_scored
    ),
    "clip_by_variable": Fault(
        "Each gradient is clipped by its own norm, Keras's clipnorm.",
        "gradients",
        _clip(tf1_semantics.clipping.ByNorm),
        both=CLIPPED,
    ),
    "not_clipped": Fault(
        "The gradients are applied as they are.", "gradients", _clip(), both=CLIPPED
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "updates", fields={"learning_rate": 0.55}
    ),
    "written_to_the_end": Fault(
        "A translation goes on when all of its batch have ended.",
        "outputs",
        _decoder(greedy=_written_to_the_end),
    ),
}
