"""Faults planted in the tagger's twin."""

import keras
import tensorflow as tf

from parity_tests.models.pair import Fault


def _loss(change):
    """(twin module) -> patch: the loss of other arguments, or another multiple of it.

    Args:
        change: (labels, logits, lengths, transitions, true loss) -> loss.
    """

    def patch(twin):
        true = twin.loss
        return {"loss": lambda *arguments: change(*arguments, true)}

    return patch


def _full(lengths, tags):
    """[B]: every sentence as long as the longest."""
    return tf.fill(tf.shape(lengths), tf.shape(tags)[1])


def _padding_scored(labels, logits, lengths, transitions, loss):
    return loss(labels, logits, _full(lengths, labels), transitions)


def _transitions_fixed(labels, logits, lengths, transitions, loss):
    return loss(labels, logits, lengths, tf.stop_gradient(transitions))


def _mean_over_words(labels, logits, lengths, transitions, loss):
    by_sentence = loss(labels, logits, lengths, transitions)
    return by_sentence / tf.reduce_mean(tf.cast(lengths, tf.float32))


def _word_by_word(labels, logits, lengths, transitions, loss):
    """The masked mean of the words' cross-entropy, what the source has without a CRF."""
    losses = keras.losses.sparse_categorical_crossentropy(
        labels, logits, from_logits=True
    )
    within = tf.sequence_mask(lengths, tf.shape(labels)[1])
    # The transitions are read, for optimizers refuse a variable without a gradient.
    return tf.reduce_mean(losses[within]) + 0 * tf.reduce_sum(transitions)


def _letters(read):
    """(twin module) -> patch: words spelt otherwise.

    Args:
        read: (rnn, letters [B T, C, D_c], lengths [B T]) -> [B T, 2 H_c].
    """

    def patch(twin):
        true = twin.Spelling

        class Spelling(true):
            def call(self, char_embeddings, word_lengths):
                s = tf.shape(char_embeddings)
                letters = tf.reshape(
                    char_embeddings, [-1, s[2], char_embeddings.shape[3]]
                )
                rnn = super(true, self).call
                output = read(rnn, letters, tf.reshape(word_lengths, [-1]))
                return tf.reshape(output, [s[0], s[1], output.shape[-1]])

        return {"Spelling": Spelling}

    return patch


def _padding_read(rnn, letters, lengths):
    _, ((_, output_fw), (_, output_bw)) = rnn(letters)
    return tf.concat([output_fw, output_bw], axis=-1)


def _memories(rnn, letters, lengths):
    _, ((memory_fw, _), (memory_bw, _)) = rnn(letters, lengths)
    return tf.concat([memory_fw, memory_bw], axis=-1)


FAULTS = {
    "keras_glorot_uniform": Fault(
        "Keras's GlorotUniform with the same seeds.",
        "initial values",
        lambda twin: {
            "glorot_uniform": lambda seed: keras.initializers.GlorotUniform(seed[1])
        },
    ),
    "padding_scored": Fault(
        "The CRF scores every sentence to the end of the batch.",
        "loss",
        _loss(_padding_scored),
    ),
    "mean_over_words": Fault(
        "The loss is a mean over words, as of softmax cross-entropy.",
        "loss",
        _loss(_mean_over_words),
    ),
    "word_by_word": Fault(
        "Each word's tag has a softmax of its own, and no CRF.",
        "loss",
        _loss(_word_by_word),
    ),
    "padded_letters_read": Fault(
        "Words are read to the end of the longest.", "loss", _letters(_padding_read)
    ),
    "memories_for_states": Fault(
        "The states are taken for (h, c), as Keras orders them.",
        "loss",
        _letters(_memories),
    ),
    "transitions_not_trained": Fault(
        "The transitions get no gradient.", "gradients", _loss(_transitions_fixed)
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "updates", fields={"learning_rate": 0.022}
    ),
}
