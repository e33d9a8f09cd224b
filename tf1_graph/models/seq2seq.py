"""Translation with attention, as in tensorflow/nmt, of words into their mirror images.

An LSTM reads a source; another writes the target and looks back at all that the first
saw: Luong's attention with input feeding. Trained, it is fed the true target; translating,
what it wrote itself.

Shapes: B pairs, S and T letters of the longest source and target, V letters known, E = H
units of embedding, cells and attention.
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
    init_weight: float = 0.1  # kernels start within this of zero
    forget_bias: float = 1.0
    batch_size: int = 128  # B
    learning_rate: float = 1.0
    max_gradient_norm: float = 5.0  # of all gradients together
    num_train_steps: int = 12000
    seed: int = 1  # of the graph; all variables draw by one more


def padded(sequences):
    """[n, longest] int32 of lists of numbers, EOS behind them."""
    shape = [len(sequences), max(map(len, sequences))]
    array = np.full(shape, EOS, np.int32)
    for row, sequence in zip(array, sequences):
        row[: len(sequence)] = sequence
    return array


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
        cell = rnn_cell.LSTMCell(config.num_units, forget_bias=config.forget_bias)
        return tf.nn.dynamic_rnn(
            cell,
            tf.nn.embedding_lookup(embeddings, source),
            sequence_length=source_lengths,
            dtype=tf.float32,
        )


class Decoder:
    """A cell with attention, what it starts from, and what makes logits of its outputs."""

    def __init__(self, memory, memory_lengths, encoder_state, embeddings, config):
        self.embeddings, self.config = embeddings, config
        attention_mechanism = seq2seq.LuongAttention(
            config.num_units, memory, memory_sequence_length=memory_lengths, scale=True
        )
        self.cell = seq2seq.AttentionWrapper(
            rnn_cell.LSTMCell(config.num_units, forget_bias=config.forget_bias),
            attention_mechanism,
            attention_layer_size=config.num_units,
        )
        zeros = self.cell.zero_state(tf.shape(memory)[0], tf.float32)
        self.initial_state = zeros._replace(cell_state=encoder_state)
        self.projection = tf.get_variable(
            "output_projection/kernel", [config.num_units, config.vocab_size]
        )

    def step(self, inputs, cell_state, attention):
        """Inputs [B, E] -> (output [B, H], the cell's state, attention [B, H])."""
        state = self.initial_state._replace(cell_state=cell_state, attention=attention)
        output, state = self.cell(inputs, state)
        return output, state.cell_state, state.attention

    def teacher_forced(self, target):
        """[B, T] -> logits [B, T, V]: what TrainingHelper's dynamic_decode ran."""
        inputs = tf.nn.embedding_lookup(self.embeddings, target)  # [B, T, E]
        steps = tf.shape(target)[1]
        by_time = tf.TensorArray(tf.float32, steps)
        by_time = by_time.unstack(tf.transpose(inputs, [1, 0, 2]))

        def body(time, outputs, cell_state, attention):
            output, cell_state, attention = self.step(
                by_time.read(time), cell_state, attention
            )
            return time + 1, outputs.write(time, output), cell_state, attention

        start = self.initial_state.cell_state, self.initial_state.attention
        outputs = tf.TensorArray(tf.float32, steps)
        _, outputs, _, _ = tf.while_loop(
            lambda time, *_: time < steps, body, (0, outputs) + start
        )
        outputs = tf.reshape(outputs.stack(), [-1, self.config.num_units])  # [T B, H]
        logits = tf.matmul(outputs, self.projection)
        shape = [steps, -1, self.config.vocab_size]
        return tf.transpose(tf.reshape(logits, shape), [1, 0, 2])

    def greedy(self, most_steps):
        """[B, at most so many] int32: what GreedyEmbeddingHelper's dynamic_decode ran."""
        batch = tf.shape(self.initial_state.attention)[0]

        def body(time, written, tokens, finished, cell_state, attention):
            output, cell_state, attention = self.step(
                tf.nn.embedding_lookup(self.embeddings, tokens), cell_state, attention
            )
            logits = tf.matmul(output, self.projection)
            tokens = tf.argmax(logits, -1, output_type=tf.int32)
            finished = tf.logical_or(finished, tf.equal(tokens, EOS))
            written = written.write(time, tokens)
            return time + 1, written, tokens, finished, cell_state, attention

        def unfinished(time, written, tokens, finished, *_):
            return tf.logical_and(time < most_steps, ~tf.reduce_all(finished))

        written = tf.TensorArray(tf.int32, most_steps, dynamic_size=True)
        start = tf.fill([batch], SOS), tf.fill([batch], False)
        start += self.initial_state.cell_state, self.initial_state.attention
        time, written, *_ = tf.while_loop(unfinished, body, (0, written) + start)
        return tf.transpose(written.gather(tf.range(time)))


def inference(source, source_lengths, target_input, config):
    """(logits [B, T, V], tokens [B, twice as many as the source has at most])."""
    embeddings = tf.get_variable(
        "embeddings/embedding_share", [config.vocab_size, config.num_units]
    )
    memory, encoder_state = encoder(source, source_lengths, embeddings, config)
    with tf.variable_scope("decoder"):
        decoder = Decoder(memory, source_lengths, encoder_state, embeddings, config)
        logits = decoder.teacher_forced(target_input)
        tokens = decoder.greedy(2 * tf.reduce_max(source_lengths))
    return logits, tokens


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
    + ["y_pred", "tokens", "loss", "gradients", "train"],
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
            logits, tokens = inference(source, source_lengths, target_input, config)
        cost = loss(target_output, logits, target_lengths)
        variables = tf.trainable_variables()
        clipped, _ = tf.clip_by_global_norm(
            tf.gradients(cost, variables), config.max_gradient_norm
        )
        gradients = list(zip(clipped, variables))
        train = optimizer(config).apply_gradients(gradients)
    return Model(
        graph, source, source_lengths, target_input, target_lengths, target_output,
        logits, tokens, cost, gradients, train,
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
            tokens = session.run(built.tokens, feed_dict=feed_dict).tolist()
    # What follows the end was written to wait for longer translations.
    return losses, [row[: (row + [EOS]).index(EOS)] for row in tokens]
