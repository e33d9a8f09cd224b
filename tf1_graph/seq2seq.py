"""``tf.contrib.seq2seq``: 1.15.5 has it; today's compat.v1 lost contrib whole.

There, the same is made of ops that both have.
"""

import tensorflow.compat.v1 as tf

from tf1_graph.parts import attention, decoding, sequence_losses
from tf1_graph.parts.cases import genuine
from tf1_graph.parts.decoding import dense, dynamic_decode  # noqa: F401


def LuongAttention(num_units, memory, memory_sequence_length, scale=False):
    """``tf.contrib.seq2seq.LuongAttention``."""
    arguments = {"num_units": num_units, "scale": scale}
    return attention.mechanism(
        "attention.LuongAttention", arguments, memory, memory_sequence_length
    )


def BahdanauAttention(num_units, memory, memory_sequence_length):
    """``tf.contrib.seq2seq.BahdanauAttention``."""
    return attention.mechanism(
        "attention.BahdanauAttention",
        {"num_units": num_units},
        memory,
        memory_sequence_length,
    )


class Wrapper(attention.Wrapper):
    """What stands for contrib's, with a state that is cloned as contrib's is."""

    class State(attention.Wrapper.State):
        def clone(self, **changed):
            return self._replace(**changed)


def AttentionWrapper(cell, attention_mechanism, attention_layer_size):
    """``tf.contrib.seq2seq.AttentionWrapper``."""
    wrapper = genuine("tf.contrib.seq2seq.AttentionWrapper", lost=Wrapper)
    return wrapper(cell, attention_mechanism, attention_layer_size)


def TrainingHelper(inputs, sequence_length):
    """``tf.contrib.seq2seq.TrainingHelper``."""
    helper = genuine("tf.contrib.seq2seq.TrainingHelper", lost=decoding.TrainingHelper)
    return helper(inputs, sequence_length)


def BasicDecoder(cell, helper, initial_state):
    """``tf.contrib.seq2seq.BasicDecoder``."""
    decoder = genuine("tf.contrib.seq2seq.BasicDecoder", lost=decoding.BasicDecoder)
    return decoder(cell, helper, initial_state)


def BeamSearchDecoder(*arguments, **options):
    """``tf.contrib.seq2seq.BeamSearchDecoder``."""
    decoder = genuine(
        "tf.contrib.seq2seq.BeamSearchDecoder", lost=decoding.BeamSearchDecoder
    )
    return decoder(*arguments, **options)


def tile_batch(t, multiplier):
    """``tf.contrib.seq2seq.tile_batch``: each example of nested tensors, several times."""

    def in_ops(t, multiplier):
        return tf.nest.map_structure(lambda x: tf.repeat(x, multiplier, axis=0), t)

    return genuine("tf.contrib.seq2seq.tile_batch", lost=in_ops)(t, multiplier)


def sequence_loss(logits, targets, weights):
    """``tf.contrib.seq2seq.sequence_loss``: over all steps, by the sum of the weights."""
    loss = genuine("tf.contrib.seq2seq.sequence_loss", lost=sequence_losses.whole)
    return loss(logits, targets, weights)
