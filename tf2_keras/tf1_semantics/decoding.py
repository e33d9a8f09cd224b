"""contrib.seq2seq's decoders, as the loops that its ``dynamic_decode`` ran.

Shapes: B batch, T steps, E depth of the inputs, U of the outputs, V words, W beams. A cell
is a function (inputs [B, E], state) -> (outputs [B, U], next state): a cell of
``tf1_semantics.recurrent``, or one that attends to a memory,

    functools.partial(attention_wrapper, memory=memory)

Called eagerly the loops run op by op, and sum gradients in another order than in TF1:
train them in a ``tf.function``, as ``fit`` does.
"""

import numpy as np
import tensorflow as tf

from tf2_keras.tf1_semantics.errors import require, require_int
from tf2_keras.tf1_semantics.recurrent.loops import carried, swapped

__all__ = ["beam_search", "teacher_forced"]


def _require_tensors(initial_state):
    parts = tf.nest.flatten(initial_state)
    require(
        all(tf.is_tensor(part) for part in parts),
        "initial_state must be of tensors alone",
        ", ".join(type(part).__name__ for part in parts),
        "Use alignment_history=False",
    )


def teacher_forced(cell, inputs, initial_state):
    """``tf.contrib.seq2seq.BasicDecoder`` with a TrainingHelper: fed the truth.

    All steps run for all examples, as with ``dynamic_decode(impute_finished=False)``: what
    is past an example's end is for the loss to leave out. An output layer comes behind,
    on all outputs at once.

    Args:
        cell: see this module.
        inputs: floats [B, T, E], one step before what they teach.
        initial_state: tensors in the cell's structure.

    Returns: outputs [B, T, U], and the last state.
    Raises:
        ValueError: for inputs of another rank, or a state that is not of tensors.
    Source: contrib/seq2seq/python/ops: basic_decoder.py, helper.py, decoder.py, 1.15.
    """
    inputs = tf.convert_to_tensor(inputs)
    require(
        inputs.shape.rank == 3,
        "inputs must be [batch, time, depth]",
        f"{inputs.shape}",
        "Use the embeddings of the shifted targets",
    )
    _require_tensors(initial_state)
    steps = tf.shape(inputs)[1]
    by_time = tf.TensorArray(inputs.dtype, steps).unstack(swapped(inputs))

    def body(time, outputs, state):
        step_inputs = tf.ensure_shape(
            by_time.read(time), [inputs.shape[0], inputs.shape[2]]
        )
        output, state = cell(step_inputs, state)
        # What a loop hands on needs TF1's barrier: Grappler adds gradients by name.
        return time + 1, outputs.write(time, output), carried(state)

    outputs = tf.TensorArray(inputs.dtype, steps)
    _, outputs, state = tf.while_loop(
        lambda time, *_: time < steps, body, (0, outputs, initial_state)
    )
    return swapped(outputs.stack()), state


def beam_search(
    cell,
    embedding,
    start_tokens,
    end_token,
    initial_state,
    beam_width,
    output_layer=None,
    maximum_iterations=None,
):
    """``tf.contrib.seq2seq.BeamSearchDecoder``: the likeliest sequences.

    There is no length penalty, whose weight is 0 in TF1 unless it is given. One beam is
    ``BasicDecoder`` with a ``GreedyEmbeddingHelper``. Where TF1 wrote down which beam each
    word came from and went back along ``gather_tree`` at the end, the beams themselves are
    picked here at each step, to the same words.

    Args:
        cell: see this module.
        embedding: a function of words [B W] to inputs [B W, E], such as a layer.
        start_tokens: int32 [B].
        end_token: the word that ends a sequence.
        initial_state: tensors in the cell's structure, of B W rows: each example W times
            in a row, ``tf.repeat(part, beam_width, axis=0)``, TF1's ``tile_batch``.
        beam_width: W.
        output_layer: makes logits [B W, V] of the outputs; None if they are the logits.
        maximum_iterations: the most words of a sequence; None for no bound.

    Returns: words [B, T, W] int32, the likeliest first, what follows an end filled with
        ``end_token``; and their log-probabilities [B, W].
    Raises:
        ValueError: for arguments other than these.
    Source: contrib/seq2seq/python/ops/beam_search_decoder.py, 1.15.
    """
    require_int("beam_width", beam_width, "a number of beams such as 10", at_least=1)
    _require_tensors(initial_state)
    start_tokens = tf.convert_to_tensor(start_tokens)
    batch = tf.shape(start_tokens)[0]

    def step(written, log_probs, state):
        words = tf.reshape(written[:, -1], [-1])
        output, state = cell(embedding(words), state)
        logits = output if output_layer is None else output_layer(output)
        number = logits.shape[-1]
        step_log_probs = tf.nn.log_softmax(logits)
        step_log_probs = tf.reshape(step_log_probs, [batch, beam_width, number])
        # What has ended goes on with the end alone, at no cost.
        ended = tf.one_hot(end_token, number, 0.0, logits.dtype.min, dtype=logits.dtype)
        finished = tf.equal(written[:, -1, :, tf.newaxis], end_token)  # [B, W, 1]
        step_log_probs = tf.where(finished, ended, step_log_probs)
        total = log_probs[:, :, tf.newaxis] + step_log_probs
        log_probs, chosen = tf.math.top_k(tf.reshape(total, [batch, -1]), beam_width)
        parents, words = chosen // number, chosen % number  # [B, W]
        rows = tf.reshape(parents + beam_width * tf.range(batch)[:, tf.newaxis], [-1])
        state = tf.nest.map_structure(
            lambda part: tf.gather(part, rows) if part.shape.rank else part, state
        )
        written = tf.gather(written, parents, axis=2, batch_dims=1)
        return tf.concat([written, words[:, tf.newaxis]], 1), log_probs, state

    def unfinished(written, _log_probs, _state):
        return ~tf.reduce_all(tf.equal(written[:, -1], end_token))

    written = tf.tile(start_tokens[:, tf.newaxis, tf.newaxis], [1, 1, beam_width])
    dtype = next(x.dtype for x in tf.nest.flatten(initial_state) if x.dtype.is_floating)
    # All beams begin alike: only the first can be chosen from.
    first = tf.zeros([batch], tf.int32)
    log_probs = tf.one_hot(first, beam_width, 0.0, -np.inf, dtype=dtype)
    shapes = tf.nest.map_structure(lambda part: part.shape, (log_probs, initial_state))
    written, log_probs, _ = tf.while_loop(
        unfinished,
        step,
        (written, log_probs, initial_state),
        shape_invariants=(tf.TensorShape([None, None, beam_width]), *shapes),
        maximum_iterations=maximum_iterations,
    )
    return written[:, 1:], log_probs
