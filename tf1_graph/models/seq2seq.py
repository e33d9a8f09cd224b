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


INPUTS = ("x", "source_lengths", "target_input", "target_lengths", "y_true")


def padded(sequences):
    """[n, longest] int32 of lists of numbers, EOS behind them."""
    return tf.keras.preprocessing.sequence.pad_sequences(
        sequences, padding="post", value=EOS
    )


def next_batch(data, batch_size):
    """Endless batches of (sources, targets), lists of lists of letters, in order.

    Yields:
        int32 in the order of INPUTS: source [B, S] and its lengths [B], target with SOS
        before it [B, T] and its lengths [B], target with EOS behind it [B, T].
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


def decoder_cell(memory, memory_lengths, encoder_state, config):
    """(a cell [B, E] -> [B, H], its state before the first step)."""
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
    state = cell.zero_state(tf.shape(memory)[0], tf.float32)
    return cell, state.clone(cell_state=encoder_state)


def inference(source, source_lengths, target_input, target_lengths, config):
    """(logits [B, T, V], tokens [B, 2 S at most, W], log-probabilities [B, W])."""
    embeddings = tf.get_variable(
        "embeddings/embedding_share", [config.vocab_size, config.num_units]
    )
    output_layer = seq2seq.dense(config.vocab_size, "output_projection")
    with tf.variable_scope("encoder"):
        # Outputs [B, S, H], zeros past a source's end, and the last state (c, h).
        memory, state = tf.nn.dynamic_rnn(
            rnn_cell.LSTMCell(config.num_units, forget_bias=config.forget_bias),
            tf.nn.embedding_lookup(embeddings, source),
            sequence_length=source_lengths,
            dtype=tf.float32,
        )
    with tf.variable_scope("decoder") as scope:
        cell, start = decoder_cell(memory, source_lengths, state, config)
        inputs = tf.nn.embedding_lookup(embeddings, target_input)
        helper = seq2seq.TrainingHelper(inputs, target_lengths)
        decoder = seq2seq.BasicDecoder(cell, helper, start)
        outputs, _, _ = seq2seq.dynamic_decode(decoder, scope=scope)
        logits = output_layer(outputs.rnn_output)
    # Each source stands once for each of its beams, beside itself.
    tiled = seq2seq.tile_batch((memory, source_lengths, state), config.beam_width)
    with tf.variable_scope("decoder", reuse=True) as scope:
        cell, start = decoder_cell(*tiled, config=config)
        decoder = seq2seq.BeamSearchDecoder(
            cell,
            embeddings,
            tf.fill([tf.shape(source)[0]], SOS),
            EOS,
            start,
            config.beam_width,
            output_layer,
        )
        most_steps = 2 * tf.reduce_max(source_lengths)
        outputs, last, _ = seq2seq.dynamic_decode(
            decoder, maximum_iterations=most_steps, scope=scope
        )
    return logits, outputs.predicted_ids, last.log_probs


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


# The graph, what its Session feeds (a dictionary by name), fetches and runs.
Model = collections.namedtuple(
    "Model",
    ["graph", "inputs", "y_pred", "tokens", "log_probs", "loss", "gradients", "train"],
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    initializer = tf.random_uniform_initializer(
        -config.init_weight, config.init_weight, seed=config.seed + 1
    )
    # TensorFlow 2 would make other while loops, with sums in another order.
    with tf.Graph().as_default() as graph, rnn_cell.while_loops():
        tf.set_random_seed(config.seed)
        inputs = collections.OrderedDict(
            (name, tf.placeholder(tf.int32, [None] * (1 if "lengths" in name else 2)))
            for name in INPUTS
        )
        *x, target_output = inputs.values()
        with tf.variable_scope("nmt", initializer=initializer):
            logits, tokens, log_probs = inference(*x, config=config)
        cost = loss(target_output, logits, inputs["target_lengths"])
        variables = tf.trainable_variables()
        clipped, _ = tf.clip_by_global_norm(
            tf.gradients(cost, variables), config.max_gradient_norm
        )
        gradients = list(zip(clipped, variables))
        train = optimizer(config).apply_gradients(gradients)
    return Model(graph, inputs, logits, tokens, log_probs, cost, gradients, train)


def run(data, sources, config=Config()):
    """Trains on pairs; returns ([loss of each step], translations, lists of letters).

    Args:
        data: (sources, targets) as ``next_batch`` takes them.
        sources: what is translated.
    """
    built = build(config)
    batches = next_batch(data, config.batch_size)
    losses = []
    with built.graph.as_default():
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)
            for _ in range(config.num_train_steps):
                feed_dict = dict(zip(built.inputs.values(), next(batches)))
                step_loss, _ = session.run(
                    [built.loss, built.train], feed_dict=feed_dict
                )
                losses.append(step_loss)
            x, lengths, *_ = built.inputs.values()
            feed_dict = {x: padded(sources), lengths: [len(s) for s in sources]}
            tokens = session.run(built.tokens, feed_dict=feed_dict)[:, :, 0].tolist()
    # What follows the end was written to wait for longer translations.
    return losses, [row[: (row + [EOS]).index(EOS)] for row in tokens]
