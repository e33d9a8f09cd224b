"""``tf.contrib.seq2seq``'s attention: 1.15.5 has it; today's compat.v1 lost contrib whole.

There, the same is made of ops that both have.
"""

from tf1_graph.parts import attention as parts
from tf1_graph.parts.cases import genuine


def LuongAttention(num_units, memory, memory_sequence_length, scale=False):
    """``tf.contrib.seq2seq.LuongAttention``."""
    arguments = {"num_units": num_units, "scale": scale}
    return parts.mechanism(
        "attention.LuongAttention", arguments, memory, memory_sequence_length
    )


def AttentionWrapper(cell, attention_mechanism, attention_layer_size):
    """``tf.contrib.seq2seq.AttentionWrapper``."""
    wrapper = genuine("tf.contrib.seq2seq.AttentionWrapper", lost=parts.Wrapper)
    return wrapper(cell, attention_mechanism, attention_layer_size)
