"""Faults planted in the translator's twin."""

import functools

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


def _stepping(step):
    """(twin module) -> patch: other steps, functions of (true step, inputs, state)."""

    def start(true, decoder, *given):
        stepped, state = true(*given)
        return functools.partial(step, stepped), state

    return _decoder(start=start)


def _no_input_feeding(step, inputs, state):
    cell_state, attention = state
    return step(inputs, (cell_state, tf.zeros_like(attention)))


def _outputs_projected(step, inputs, state):
    _, state = step(inputs, state)
    (_, h), _ = state
    return h, state


def _padding_attended(start, decoder, memory, memory_lengths, encoder_state):
    return start(memory, None, encoder_state)


def _state_not_handed_over(start, decoder, memory, memory_lengths, encoder_state):
    zeros = tf.nest.map_structure(tf.zeros_like, encoder_state)
    return start(memory, memory_lengths, zeros)


def _beams(change):
    """(twin module) -> patch: translations of other arguments, or changed.

    Args:
        change: (true beam search, its arguments) -> what that returns.
    """
    return lambda twin: {"beam_search": functools.partial(change, twin.beam_search)}


def _states_of_other_beams(search, step, state, embeddings, projection, most, config):
    """Each beam goes on from the state of the first one of its source."""

    def from_the_first(inputs, state):
        width = config.beam_width
        first = tf.nest.map_structure(
            lambda part: tf.repeat(part[::width], width, axis=0), state
        )
        return step(inputs, first)

    return search(from_the_first, state, embeddings, projection, most, config)


def _tiled_by_batches(search, step, state, embeddings, projection, most, config):
    """Beams that stand behind all sources, as of tf.tile."""

    def transposed(part):
        by_source = tf.reshape(part, [-1, config.beam_width, part.shape[-1]])
        return tf.reshape(tf.transpose(by_source, [1, 0, 2]), [-1, part.shape[-1]])

    state = tf.nest.map_structure(transposed, state)
    return search(step, state, embeddings, projection, most, config)


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
        _beams(_states_of_other_beams),
    ),
    "tiled_by_batches": Fault(
        "Sources are repeated one after all, and not each beside itself.",
        "outputs",
        _beams(_tiled_by_batches),
    ),
    "one_beam": Fault(
        "A translation takes the likeliest letter at each step.",
        "outputs",
        fields={"beam_width": 1},
    ),
}
