"""Translation with attention, as in tensorflow/nmt, of words into their mirror images.

An LSTM reads a source; another writes the target and looks back at all that the first
saw: Luong's attention or Bahdanau's, fed to the next step. Trained, the writer is fed the
true target; translating, what it wrote itself: the likeliest letter, or those of W beams.

Shapes: B pairs, S and T letters of the longest source and target, V letters known, E = H
units of embedding, cells and attention, W beams.
"""

import collections
import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import rnn_cell, seq2seq

SOS, EOS = 1, 2  # <s>, which starts a target, and </s>, which ends it; 0 is unknown


@dataclasses.dataclass(frozen=True)
class Config:
    vocab_size: int = 60  # V, of both languages
    num_units: int = 32  # H
    attention: str = "scaled_luong"  # or "bahdanau"
    init_weight: float = 0.1  # kernels start within this of zero
    forget_bias: float = 1.0
    batch_size: int = 128  # B
    learning_rate: float = 1.0
    max_gradient_norm: float = 5.0  # of all gradients together
    beam_width: int = 10  # W, of a translation; 1 is greedy
    num_train_steps: int = 12000
    seed: int = 1  # of the graph; all variables draw by one more


def padded(sequences):
    """[n, longest] int32 of lists of numbers, EOS behind them."""
    return tf.keras.preprocessing.sequence.pad_sequences(
        sequences, padding="post", value=EOS
    )


def next_batch(data, batch_size):
    """Endless batches of (sources, targets), lists of lists of letters, in order.

    Yields:
        source [B, S] and its lengths [B], target with SOS before it [B, T] and its
        lengths [B], target with EOS behind it [B, T], all int32.
    """
    while True:
        for start in range(0, len(data[0]), batch_size):
            sources, targets = (part[start : start + batch_size] for part in data)
            yield (
                padded(sources),
                np.array([len(source) for source in sources], np.int32),
                padded([[SOS] + list(target) for target in targets]),
                np.array([len(target) + 1 for target in targets], np.int32),
                padded([list(target) + [EOS] for target in targets]),
            )


def encoder(source, source_lengths, embeddings, config):
    """(outputs [B, S, H], zeros past a source's end, last state (c, h))."""
    with tf.variable_scope("encoder"):
        return tf.nn.dynamic_rnn(
            rnn_cell.LSTMCell(config.num_units, forget_bias=config.forget_bias),
            tf.nn.embedding_lookup(embeddings, source),
            sequence_length=source_lengths,
            dtype=tf.float32,
        )


def decoder(memory, memory_lengths, encoder_state, config):
    """(step, the state before the first).

    A step takes inputs [B, E] and a state, the cell's and its attention [B, H], and
    returns an output [B, H] and the next state.
    """
    units = config.num_units
    if config.attention == "scaled_luong":
        attention_mechanism = seq2seq.LuongAttention(
            units, memory, memory_lengths, scale=True
        )
    else:
        attention_mechanism = seq2seq.BahdanauAttention(units, memory, memory_lengths)
    cell = seq2seq.AttentionWrapper(
        rnn_cell.LSTMCell(units, forget_bias=config.forget_bias),
        attention_mechanism,
        attention_layer_size=units,
    )
    zeros = cell.zero_state(tf.shape(memory)[0], tf.float32)

    def step(inputs, state):
        cell_state, attention = state
        state = zeros._replace(cell_state=cell_state, attention=attention)
        output, state = cell(inputs, state)
        return output, (state.cell_state, state.attention)

    return step, (encoder_state, zeros.attention)


def teacher_forced(step, state, inputs):
    """Inputs [B, T, E] -> outputs [B, T, H]: dynamic_decode with a TrainingHelper."""
    steps = tf.shape(inputs)[1]
    by_time = tf.TensorArray(tf.float32, steps).unstack(tf.transpose(inputs, [1, 0, 2]))

    def body(time, outputs, state):
        output, state = step(by_time.read(time), state)
        return time + 1, outputs.write(time, output), state

    outputs = tf.TensorArray(tf.float32, steps)
    _, outputs, _ = tf.while_loop(
        lambda time, *_: time < steps, body, (0, outputs, state)
    )
    return tf.transpose(outputs.stack(), [1, 0, 2])


def beam_search(step, state, embeddings, projection, most_steps, config):
    """(tokens [B, W, at most so many] int32, the best first, their log-probabilities).

    dynamic_decode with a BeamSearchDecoder, of a state of B W rows; one beam is greedy.
    """
    width, words = config.beam_width, config.vocab_size
    batch = tf.shape(state[1])[0] // width
    # What has ended goes on with </s> alone, at no cost.
    ended = tf.one_hot(EOS, words, on_value=0.0, off_value=tf.float32.min)  # [V]

    def body(written, log_probs, state):
        inputs = tf.nn.embedding_lookup(embeddings, tf.reshape(written[..., -1], [-1]))
        output, state = step(inputs, state)
        step_log_probs = tf.nn.log_softmax(tf.matmul(output, projection))
        step_log_probs = tf.reshape(step_log_probs, [batch, width, words])
        finished = tf.equal(written[..., -1:], EOS)  # [B, W, 1]
        step_log_probs = tf.where_v2(finished, ended, step_log_probs)
        total = log_probs[..., tf.newaxis] + step_log_probs
        log_probs, chosen = tf.nn.top_k(tf.reshape(total, [batch, -1]), width)
        parents, tokens = chosen // words, chosen % words  # [B, W]
        rows = tf.reshape(parents + width * tf.range(batch)[:, tf.newaxis], [-1])
        state = tf.nest.map_structure(lambda part: tf.gather(part, rows), state)
        written = tf.gather(written, parents, batch_dims=1)
        return tf.concat([written, tokens[..., tf.newaxis]], 2), log_probs, state

    def unfinished(written, log_probs, state):
        return ~tf.reduce_all(tf.equal(written[..., -1], EOS))

    written = tf.fill([batch, width, 1], SOS)
    # All beams begin alike: only the first can be chosen from.
    log_probs = tf.one_hot(tf.zeros([batch], tf.int32), width, 0.0, -np.inf)
    start = written, log_probs, state
    shapes = tf.nest.map_structure(lambda part: part.shape, (log_probs, state))
    written, log_probs, _ = tf.while_loop(
        unfinished,
        body,
        start,
        shape_invariants=(tf.TensorShape([None, width, None]),) + shapes,
        maximum_iterations=most_steps,
    )
    return written[..., 1:], log_probs


def inference(source, source_lengths, target_input, config):
    """(logits [B, T, V], tokens [B, W, 2 S at most], log-probabilities [B, W])."""
    embeddings = tf.get_variable(
        "embeddings/embedding_share", [config.vocab_size, config.num_units]
    )
    memory, state = encoder(source, source_lengths, embeddings, config)
    with tf.variable_scope("decoder"):
        step, start = decoder(memory, source_lengths, state, config)
        projection = tf.get_variable(
            "output_projection/kernel", [config.num_units, config.vocab_size]
        )
        inputs = tf.nn.embedding_lookup(embeddings, target_input)
        logits = tf.tensordot(teacher_forced(step, start, inputs), projection, 1)
    with tf.variable_scope("decoder", reuse=True):
        tiled = seq2seq.tile_batch((memory, source_lengths, state), config.beam_width)
        most_steps = 2 * tf.reduce_max(source_lengths)
        arguments = decoder(*tiled, config) + (embeddings, projection, most_steps)
        tokens, log_probs = beam_search(*arguments, config)
    return logits, tokens, log_probs


def loss(target_output, logits, target_lengths):
    """Cross-entropy summed over a target's letters, and its mean over the batch."""
    crossent = tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=target_output, logits=logits
    )  # [B, T]
    target_weights = tf.sequence_mask(
        target_lengths, tf.shape(target_output)[1], tf.float32
    )
    batch_size = tf.cast(tf.shape(target_output)[0], tf.float32)
    return tf.reduce_sum(crossent * target_weights) / batch_size


def optimizer(config):
    """Plain gradient descent."""
    return tf.train.GradientDescentOptimizer(config.learning_rate)


# The graph, what its Session feeds, fetches and runs.
Model = collections.namedtuple(
    "Model",
    ["graph", "x", "source_lengths", "target_input", "target_lengths", "y_true"]
    + ["y_pred", "tokens", "log_probs", "loss", "gradients", "train"],
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    initializer = tf.random_uniform_initializer(
        -config.init_weight, config.init_weight, seed=config.seed + 1
    )
    # TensorFlow 2 would make other while loops, with sums in another order.
    with tf.Graph().as_default() as graph, rnn_cell.while_loops():
        tf.set_random_seed(config.seed)
        source = tf.placeholder(tf.int32, [None, None], name="source")
        source_lengths = tf.placeholder(tf.int32, [None], name="source_lengths")
        target_input = tf.placeholder(tf.int32, [None, None], name="target_input")
        target_output = tf.placeholder(tf.int32, [None, None], name="target_output")
        target_lengths = tf.placeholder(tf.int32, [None], name="target_lengths")
        with tf.variable_scope("nmt", initializer=initializer):
            logits, tokens, log_probs = inference(
                source, source_lengths, target_input, config
            )
        cost = loss(target_output, logits, target_lengths)
        variables = tf.trainable_variables()
        clipped, _ = tf.clip_by_global_norm(
            tf.gradients(cost, variables), config.max_gradient_norm
        )
        gradients = list(zip(clipped, variables))
        train = optimizer(config).apply_gradients(gradients)
    return Model(
        graph, source, source_lengths, target_input, target_lengths, target_output,
        logits, tokens, log_probs, cost, gradients, train,
    )  # fmt: skip


def run(data, sources, config=Config()):
    """Trains on pairs; returns ([loss of each step], translations, lists of letters).

    Args:
        data: (sources, targets) as ``next_batch`` takes them.
        sources: what is translated.
    """
    built = build(config)
    inputs = [built.x, built.source_lengths, built.target_input]
    inputs += [built.target_lengths, built.y_true]
    batches = next_batch(data, config.batch_size)
    losses = []
    with built.graph.as_default():
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)
            for _ in range(config.num_train_steps):
                feed_dict = dict(zip(inputs, next(batches)))
                step_loss, _ = session.run(
                    [built.loss, built.train], feed_dict=feed_dict
                )
                losses.append(step_loss)
            lengths = [len(source) for source in sources]
            feed_dict = {built.x: padded(sources), built.source_lengths: lengths}
            tokens = session.run(built.tokens, feed_dict=feed_dict)[:, 0].tolist()
    # What follows the end was written to wait for longer translations.
    return losses, [row[: (row + [EOS]).index(EOS)] for row in tokens]
