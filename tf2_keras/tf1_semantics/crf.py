"""``tf.contrib.crf``: linear-chain conditional random fields, which Keras has not.

Shapes: B sequences of a batch, T steps, N tags. Inputs are unary scores [B, T, N] float32,
tags [B, T] and lengths [B] int32 or int64, transitions [N, N] float32 from the row's tag to
the column's: a weight that the caller makes,

    self.transitions = self.add_weight(shape=(N, N), initializer="glorot_uniform")

which is what TF1's ``crf_log_likelihood`` drew where it was given none. Steps past the end
of a sequence count for nothing. Called eagerly, each is a function that TensorFlow
compiles: loops sum their gradients in another order otherwise.
"""

import functools

import numpy as np
import tensorflow as tf

from tf2_keras.tf1_semantics.errors import require
from tf2_keras.tf1_semantics.xla import refuse_xla

__all__ = [
    "crf_binary_score",
    "crf_decode",
    "crf_log_likelihood",
    "crf_log_norm",
    "crf_multitag_sequence_score",
    "crf_sequence_score",
    "crf_unary_score",
    "viterbi_decode",
]


def _in_a_graph(function):
    """``function`` of tensors, compiled where it is called eagerly."""
    compiled = tf.function(function, autograph=False, reduce_retracing=True)

    @functools.wraps(function)
    def called(*arguments, **named):
        refuse_xla(function.__name__)
        arguments = map(tf.convert_to_tensor, arguments)
        named = {name: tf.convert_to_tensor(value) for name, value in named.items()}
        return (compiled if tf.executing_eagerly() else function)(*arguments, **named)

    return called


def _require_scores(name, scores):
    require(
        scores.dtype == tf.float32 and scores.shape.rank == 3,
        f"{name} must be float32 scores [batch, time, tags]",
        f"{scores.dtype.name} {scores.shape}",
        "Use keras.ops.cast and keras.ops.reshape",
    )


def _mask(tag_indices, sequence_lengths):
    """[B, T]: 1.0 within a sequence, 0.0 past its end."""
    longest = tf.shape(tag_indices)[1]
    return tf.sequence_mask(sequence_lengths, longest, tf.float32)


@_in_a_graph
def crf_unary_score(tag_indices, sequence_lengths, inputs):
    """``tf.contrib.crf.crf_unary_score``: the scores of the tags themselves, summed.

    Returns: [batch].
    Source: contrib/crf/python/ops/crf.py, 1.15.
    """
    _require_scores("inputs", inputs)
    batch, time, tags = tf.unstack(tf.shape(inputs))
    of_sequences = (tf.range(batch) * time * tags)[:, tf.newaxis]
    places = tf.cast(
        of_sequences + (tf.range(time) * tags)[tf.newaxis], tag_indices.dtype
    )
    # One gather from all scores in a row, whose gradient adds up in that order.
    places = tf.reshape(places + tag_indices, [-1])
    scores = tf.gather(tf.reshape(inputs, [-1]), places)
    scores = tf.reshape(scores, [batch, time])
    return tf.reduce_sum(scores * _mask(tag_indices, sequence_lengths), 1)


@_in_a_graph
def crf_binary_score(tag_indices, sequence_lengths, transition_params):
    """``tf.contrib.crf.crf_binary_score``: the scores of the steps from tag to tag.

    Returns: [batch].
    Source: contrib/crf/python/ops/crf.py, 1.15.
    """
    tags = tf.cast(tf.shape(transition_params)[0], tag_indices.dtype)
    steps = tag_indices[:, :-1] * tags + tag_indices[:, 1:]
    scores = tf.gather(tf.reshape(transition_params, [-1]), steps)
    mask = _mask(tag_indices, sequence_lengths)[:, 1:]
    return tf.reduce_sum(scores * mask, 1)


@_in_a_graph
def crf_sequence_score(inputs, tag_indices, sequence_lengths, transition_params):
    """``tf.contrib.crf.crf_sequence_score``: of given tags, not normalised.

    Returns: [batch].
    Source: contrib/crf/python/ops/crf.py, 1.15; Lafferty et al. 2001.
    """
    unary = crf_unary_score(tag_indices, sequence_lengths, inputs)
    return unary + crf_binary_score(tag_indices, sequence_lengths, transition_params)


@_in_a_graph
def crf_log_norm(inputs, sequence_lengths, transition_params):
    r"""``tf.contrib.crf.crf_log_norm``: the logarithm of the sum over all taggings.

        alpha_0 = inputs_0
        alpha_t = inputs_t + log sum_i exp(alpha_(t-1, i) + transition_i)
        log-norm = log sum_i exp(alpha_(length - 1, i))

    Returns: [batch]; zero for a sequence of no steps.
    Source: contrib/crf/python/ops/crf.py, 1.15.
    """
    _require_scores("inputs", inputs)
    transitions = transition_params[tf.newaxis]  # [1, N, N]

    def forward(alphas, of_step):
        alphas = of_step + tf.reduce_logsumexp(
            alphas[:, :, tf.newaxis] + transitions, [1]
        )
        return None, alphas

    _, alphas = _unrolled(forward, inputs, sequence_lengths)
    log_norm = tf.reduce_logsumexp(alphas, [1])
    return tf.raw_ops.Select(
        condition=sequence_lengths <= 0, x=tf.zeros_like(log_norm), y=log_norm
    )


def _unrolled(step, inputs, sequence_lengths):
    """Steps from inputs[:, 0] over the other inputs, as TF1's dynamic_rnn did.

    Args:
        step: (state [B, N], inputs of a step [B, N]) -> (output [B, N] int32 or None,
            state).

    Returns:
        (outputs [T, B, N], of which the first is zeros, or None; state at each sequence's
        own end).
    """
    first, by_time = inputs[:, 0], tf.transpose(inputs[:, 1:], [1, 0, 2])
    steps = tf.maximum(tf.cast(sequence_lengths, tf.int32) - 1, 0)
    number, shape = tf.shape(by_time)[0], first.shape
    read = tf.TensorArray(inputs.dtype, number, element_shape=shape).unstack(by_time)
    outputs = []
    if step(first, first)[0] is not None:
        # Were there none to stack, their shape would have to be known.
        outputs = tf.TensorArray(tf.int32, number + 1, element_shape=shape)
        outputs = [outputs.write(0, tf.zeros(tf.shape(first), tf.int32))]

    def body(time, state, *outputs):
        output, new_state = step(state, read.read(time))
        # TF1's Select takes a condition for each row.
        select = functools.partial(tf.raw_ops.Select, condition=time >= steps)
        outputs = [
            array.write(time + 1, select(x=tf.zeros_like(output), y=output))
            for array in outputs
        ]
        return time + 1, select(x=state, y=new_state), *outputs

    bound = tf.minimum(number, tf.maximum(1, tf.reduce_max(steps)))
    _, state, *outputs = tf.while_loop(
        lambda time, *_: time < bound,
        body,
        (0, first, *outputs),
        maximum_iterations=number,
    )
    return outputs[0].stack() if outputs else None, state


@_in_a_graph
def crf_log_likelihood(inputs, tag_indices, sequence_lengths, transition_params):
    """``tf.contrib.crf.crf_log_likelihood``: score of the tags minus the log-norm.

    To train by it, in a layer or a ``train_step``, with a weight for the transitions:

        log_likelihood, _ = crf.crf_log_likelihood(scores, tags, lengths, transitions)
        loss = -tf.reduce_mean(log_likelihood)

    Returns: ([batch], the transitions).
    Source: contrib/crf/python/ops/crf.py, 1.15; Lafferty et al. 2001.
    """
    score = crf_sequence_score(inputs, tag_indices, sequence_lengths, transition_params)
    log_norm = crf_log_norm(inputs, sequence_lengths, transition_params)
    return score - log_norm, transition_params


@_in_a_graph
def crf_multitag_sequence_score(
    inputs, tag_bitmap, sequence_lengths, transition_params
):
    """``tf.contrib.crf.crf_multitag_sequence_score``: of all taggings that are allowed.

    ``tag_bitmap`` [batch, time, tags] is True where a tag is.

    Returns: [batch].
    Source: contrib/crf/python/ops/crf.py, 1.15.
    """
    never = tf.fill(tf.shape(inputs), float("-inf"))
    allowed = tf.raw_ops.Select(condition=tag_bitmap, x=inputs, y=never)
    return crf_log_norm(allowed, sequence_lengths, transition_params)


@_in_a_graph
def crf_decode(potentials, transition_params, sequence_length):
    """``tf.contrib.crf.crf_decode``: the best tags, by Viterbi, and their scores.

    Returns: (int32 [batch, time], float32 [batch]). Past the end of a sequence tags are
    0.
    Source: contrib/crf/python/ops/crf.py, 1.15; Viterbi 1967.
    """
    _require_scores("potentials", potentials)
    transitions = transition_params[tf.newaxis]

    def forward(state, of_step):
        scores = state[:, :, tf.newaxis] + transitions  # [B, N from, N to]
        came_from = tf.cast(tf.argmax(scores, 1), tf.int32)
        return came_from, of_step + tf.reduce_max(scores, [1])

    pointers, last = _unrolled(forward, potentials, sequence_length)  # [T, B, N]
    number, ends = tf.shape(pointers)[0], tf.cast(sequence_length, tf.int32) - 1
    best = tf.cast(tf.argmax(last, 1), tf.int32)  # [B]
    tags = tf.TensorArray(tf.int32, number, element_shape=best.shape)

    def backward(time, tags, tag):
        """``tag`` is that at ``time``, or at the end of a sequence that is shorter."""
        tags = tags.write(time, tf.where(time <= ends, tag, 0))
        before = tf.gather(pointers[time], tag, batch_dims=1)
        return time - 1, tags, tf.where(time <= ends, before, tag)

    _, tags, tag = tf.while_loop(
        lambda time, *_: time > 0, backward, (number - 1, tags, best)
    )
    tags = tags.write(0, tag).stack()
    return tf.transpose(tags), tf.reduce_max(last, 1)


def viterbi_decode(score, transition_params):
    """``tf.contrib.crf.viterbi_decode``: the best tags of one sequence, in NumPy.

    Args:
        score: array [time, tags].
        transition_params: array [tags, tags].

    Returns: (list of time tags, their score).
    Source: contrib/crf/python/ops/crf.py, 1.15; Viterbi 1967.
    """
    score, transition_params = np.asarray(score), np.asarray(transition_params)
    require(
        score.ndim == 2 and len(score) > 0,
        "score must be an array [time, tags] of one step at least",
        str(score.shape),
        "Use crf_decode for a batch",
    )
    best, pointers = score[0], []
    for of_step in score[1:]:
        scores = best[:, np.newaxis] + transition_params
        # Rounded to the scores' dtype at every step, as TF1's array was.
        best = (of_step + scores.max(0)).astype(score.dtype)
        pointers.append(scores.argmax(0))
    tags = [best.argmax()]
    for came_from in reversed(pointers):
        tags.append(came_from[tags[-1]])
    return tags[::-1], best.max()
