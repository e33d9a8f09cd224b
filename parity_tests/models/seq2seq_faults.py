"""Faults planted in the translator's twin."""

import functools

import keras
import tensorflow as tf

from parity_tests.models.pair import Fault, other_parts
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


def _stepping(step):
    """(twin module) -> patch: other steps, functions of (true cell, inputs, state)."""

    def start(true, decoder, *given):
        cell, state = true(*given)
        return functools.partial(step, cell), state

    return _decoder(start=start)


def _no_input_feeding(cell, inputs, state):
    return cell(inputs, state._replace(attention=tf.zeros_like(state.attention)))


def _outputs_projected(cell, inputs, state):
    _, state = cell(inputs, state)
    _, h = state.cell_state
    return h, state


def _padding_attended(start, decoder, memory, memory_lengths, encoder_state):
    return start(memory, None, encoder_state)


def _state_not_handed_over(start, decoder, memory, memory_lengths, encoder_state):
    zeros = tf.nest.map_structure(tf.zeros_like, encoder_state)
    return start(memory, memory_lengths, zeros)


def _searching(change):
    """(twin module) -> patch: beams that are searched with another cell or start.

    Args:
        change: (cell, state before the first step, beam width) -> (cell, state).
    """
    true = tf1_semantics.decoding

    def beam_search(cell, embedding, tokens, end, start, width, *rest, **named):
        cell, start = change(cell, start, width)
        return true.beam_search(
            cell, embedding, tokens, end, start, width, *rest, **named
        )

    return other_parts("decoding", beam_search=beam_search)


def _of_rows(change, state, width):
    """The state with each part of B W rows changed."""
    return tf.nest.map_structure(
        lambda part: change(part, width) if part.shape.rank else part, state
    )


def _states_of_other_beams(cell, state, width):
    """Each beam goes on from the state of the first one of its source."""

    def from_the_first(inputs, state):
        first = _of_rows(
            lambda part, width: tf.repeat(part[::width], width, axis=0), state, width
        )
        return cell(inputs, first)

    return from_the_first, state


def _tiled_by_batches(cell, state, width):
    """Beams that stand behind all sources, as of tf.tile."""

    def transposed(part, width):
        rows = tf.transpose(tf.reshape(tf.range(tf.shape(part)[0]), [-1, width]))
        return tf.gather(part, tf.reshape(rows, [-1]))

    return cell, _of_rows(transposed, state, width)


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
        _stepping(_no_input_feeding),
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
        _stepping(_outputs_projected),
    ),
    "other_attention": Fault(
        "The other mechanism, which has other variables.",
        "initial values",
        fields={"attention": "bahdanau"},
    ),
    "bahdanau_padding_attended": Fault(
        "What is past a source's end is attended to, by Bahdanau's attention.",
        "loss",
        _decoder(start=_padding_attended),
        both={"attention": "bahdanau"},
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
    "ended_beams_write_on": Fault(
        "No beam ends; what follows </s> costs as much as what comes before.",
        "outputs",
        lambda twin: {"EOS": -1},
    ),
    "states_of_the_first_beam": Fault(
        "A beam writes on from the state of the first one.",
        "outputs",
        _searching(_states_of_other_beams),
    ),
    "tiled_by_batches": Fault(
        "Sources are repeated one after all, and not each beside itself.",
        "outputs",
        _searching(_tiled_by_batches),
    ),
    "one_beam": Fault(
        "A translation takes the likeliest letter at each step.",
        "outputs",
        fields={"beam_width": 1},
    ),
}
