"""``tf.contrib.crf``: 1.15.5 has it; today's compat.v1 lost contrib whole.

There, the same is made of ops that both have.
"""

from tf1_graph.parts import crf as parts
from tf1_graph.parts.cases import genuine


def crf_log_likelihood(inputs, tag_indices, sequence_lengths, transition_params):
    """``tf.contrib.crf.crf_log_likelihood``: ([batch], the transitions)."""

    def in_ops(inputs, tags, lengths, transitions):
        score = parts.sequence_score(inputs, tags, lengths, transitions)
        return score - parts.log_norm(inputs, lengths, transitions), transitions

    function = genuine("tf.contrib.crf.crf_log_likelihood", lost=in_ops)
    return function(inputs, tag_indices, sequence_lengths, transition_params)


def crf_decode(potentials, transition_params, sequence_length):
    """``tf.contrib.crf.crf_decode``: (tags [batch, time] int32, their scores [batch])."""
    function = genuine("tf.contrib.crf.crf_decode", lost=parts.decode)
    return function(potentials, transition_params, sequence_length)
