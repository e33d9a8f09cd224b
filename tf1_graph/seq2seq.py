"""``tf.contrib.seq2seq``'s attention: 1.15.5 has it; today's compat.v1 lost contrib whole.

There, the same is made of ops that both have.
"""

import tensorflow.compat.v1 as tf

from tf1_graph.parts import attention as parts
from tf1_graph.parts.cases import genuine


def LuongAttention(num_units, memory, memory_sequence_length, scale=False):
    """``tf.contrib.seq2seq.LuongAttention``."""
    arguments = {"num_units": num_units, "scale": scale}
    return parts.mechanism(
        "attention.LuongAttention", arguments, memory, memory_sequence_length
    )


def BahdanauAttention(num_units, memory, memory_sequence_length):
    """``tf.contrib.seq2seq.BahdanauAttention``."""
    return parts.mechanism(
        "attention.BahdanauAttention",
        {"num_units": num_units},
        memory,
        memory_sequence_length,
    )


def AttentionWrapper(cell, attention_mechanism, attention_layer_size):
    """``tf.contrib.seq2seq.AttentionWrapper``."""
    wrapper = genuine("tf.contrib.seq2seq.AttentionWrapper", lost=parts.Wrapper)
    return wrapper(cell, attention_mechanism, attention_layer_size)


def tile_batch(t, multiplier):
    """``tf.contrib.seq2seq.tile_batch``: each example of nested tensors, several times."""

    def in_ops(t, multiplier):
        return tf.nest.map_structure(lambda x: tf.repeat(x, multiplier, axis=0), t)

    return genuine("tf.contrib.seq2seq.tile_batch", lost=in_ops)(t, multiplier)
