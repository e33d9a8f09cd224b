"""Names in sentences: a bidirectional LSTM under a CRF, as in sequence_tagging.

A word is what its number says and how it is spelt, which two small LSTMs read from both
ends. Two larger ones read the sentence; a linear-chain conditional random field scores
the steps from tag to tag and is trained on whole sentences of tags at once.

Shapes: B sentences, T words of the longest, C letters of the longest word, N tags, D_w
and D_c widths of the embeddings, H_c and H units a direction.
"""

import collections
import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import crf, rnn_cell


@dataclasses.dataclass(frozen=True)
class Config:
    nwords: int = 2000  # known words, of the data; number 0 is padding
    nchars: int = 60  # known letters, of the data; number 0 is padding
    ntags: int = 9  # N, of the data; number 0 is "no name", and padding
    dim_word: int = 300  # D_w
    dim_char: int = 100  # D_c
    hidden_size_char: int = 100  # H_c
    hidden_size_lstm: int = 300  # H
    batch_size: int = 20  # B
    nepochs: int = 15
    learning_rate: float = 0.001  # of the first epoch
    lr_decay: float = 0.9  # of the rate, from epoch to epoch
    seed: int = 1  # of the graph; each variable adds its own


# What a Session feeds, and how many axes it has; x are the words.
INPUTS = {"x": 2, "char_ids": 3, "word_lengths": 2, "lengths": 1, "y_true": 2}


def pad_sequences(sequences, shape):
    """Lists of numbers, or of such lists, as an int32 array with zeros behind them."""
    padded = np.zeros(shape, np.int32)
    for row, sequence in zip(padded, sequences):
        if row.ndim > 1:
            sequence = pad_sequences(sequence, row.shape)
        row[: len(sequence)] = sequence
    return padded


def minibatches(data, batch_size):
    """Endless batches in order, short at the end of the data, each as long as it must be.

    Args:
        data: (sentences, tags): lists of [(letters, word), ...] and of [tag, ...].

    Yields:
        int32 in the order of INPUTS: words [B, T], letters [B, T, C], lengths of words
        [B, T] and of sentences [B], tags [B, T].
    """
    while True:
        for start in range(0, len(data[0]), batch_size):
            sentences, tags = (part[start : start + batch_size] for part in data)
            words = [[word for _, word in sentence] for sentence in sentences]
            chars = [[letters for letters, _ in sentence] for sentence in sentences]
            word_lengths = [[len(letters) for letters in words] for words in chars]
            lengths = np.array([len(sentence) for sentence in sentences], np.int32)
            shape = [len(sentences), lengths.max()]
            yield (
                pad_sequences(words, shape),
                pad_sequences(chars, shape + [max(map(max, word_lengths))]),
                pad_sequences(word_lengths, shape),
                lengths,
                pad_sequences(tags, shape),
            )


def glorot_uniform(seed):
    # TF1's default for get_variable, which without a seed would draw anew in each run.
    return tf.glorot_uniform_initializer(seed=seed)


def cell(num_units, seed):
    """An LSTM."""
    return rnn_cell.LSTMCell(num_units, initializer=glorot_uniform(seed))


def spelling(char_ids, word_lengths, config):
    """[B, T, C], [B, T] -> [B, T, 2 H_c]: what both ways through the letters end in."""
    with tf.variable_scope("chars"):
        table = tf.get_variable(
            "_char_embeddings",
            [config.nchars, config.dim_char],
            initializer=glorot_uniform(12),
        )
        char_embeddings = tf.nn.embedding_lookup(table, char_ids)  # [B, T, C, D_c]
        # All words of all sentences are one batch. What is kept are their last states, of
        # (c, h) the h.
        s = tf.shape(char_embeddings)
        shape = [s[0] * s[1], s[2], config.dim_char]
        _, ((_, output_fw), (_, output_bw)) = tf.nn.bidirectional_dynamic_rnn(
            cell(config.hidden_size_char, 21),
            cell(config.hidden_size_char, 22),
            tf.reshape(char_embeddings, shape),
            sequence_length=tf.reshape(word_lengths, [-1]),
            dtype=tf.float32,
        )
        output = tf.concat([output_fw, output_bw], axis=-1)  # [B T, 2 H_c]
        return tf.reshape(output, [s[0], s[1], 2 * config.hidden_size_char])


def inference(word_ids, char_ids, word_lengths, sequence_lengths, config):
    """(logits [B, T, N], transitions [N, N] from the row's tag to the column's)."""
    with tf.variable_scope("words"):
        table = tf.get_variable(
            "_word_embeddings",
            [config.nwords, config.dim_word],
            initializer=glorot_uniform(11),
        )
        word_embeddings = tf.nn.embedding_lookup(table, word_ids)  # [B, T, D_w]
    spelt = spelling(char_ids, word_lengths, config)
    with tf.variable_scope("bi-lstm"):
        (output_fw, output_bw), _ = tf.nn.bidirectional_dynamic_rnn(
            cell(config.hidden_size_lstm, 23),
            cell(config.hidden_size_lstm, 24),
            tf.concat([word_embeddings, spelt], axis=-1),
            sequence_length=sequence_lengths,
            dtype=tf.float32,
        )
    output = tf.concat([output_fw, output_bw], axis=-1)  # [B, T, 2 H]
    with tf.variable_scope("proj"):
        width = 2 * config.hidden_size_lstm
        W = tf.get_variable("W", [width, config.ntags], initializer=glorot_uniform(13))
        b = tf.get_variable("b", [config.ntags], initializer=tf.zeros_initializer())
    nsteps = tf.shape(output)[1]
    pred = tf.matmul(tf.reshape(output, [-1, width]), W) + b
    logits = tf.reshape(pred, [-1, nsteps, config.ntags])
    # crf_log_likelihood would make them itself, by an initializer without a seed.
    trans_params = tf.get_variable(
        "transitions", [config.ntags, config.ntags], initializer=glorot_uniform(14)
    )
    return logits, trans_params


def loss(labels, logits, sequence_lengths, trans_params):
    """Mean over sentences of -log p(tags [B, T] | sentence), a scalar."""
    log_likelihood, _ = crf.crf_log_likelihood(
        logits, labels, sequence_lengths, trans_params
    )
    return tf.reduce_mean(-log_likelihood)


def decode(logits, sequence_lengths, trans_params):
    """The most probable tags of each sentence, [B, T] int32, zeros past its end."""
    viterbi_sequence, _ = crf.crf_decode(logits, trans_params, sequence_lengths)
    return viterbi_sequence


def optimizer(learning_rate):
    """Adam, at a rate that is fed."""
    return tf.train.AdamOptimizer(learning_rate)


# The graph, what its Session feeds (a dictionary by name, and the rate), fetches and runs.
Model = collections.namedtuple(
    "Model",
    ["graph", "inputs", "learning_rate"]
    + ["y_pred", "tags", "loss", "gradients", "train"],
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    # TensorFlow 2 would make another loop of dynamic_rnn, with sums in another order.
    with tf.Graph().as_default() as graph, rnn_cell.while_loops():
        tf.set_random_seed(config.seed)
        inputs = collections.OrderedDict(
            (name, tf.placeholder(tf.int32, [None] * axes, name=name))
            for name, axes in INPUTS.items()
        )
        *x, labels = inputs.values()
        lr = tf.placeholder_with_default(config.learning_rate, [], name="lr")
        logits, trans_params = inference(*x, config=config)
        cost = loss(labels, logits, inputs["lengths"], trans_params)
        tags = decode(logits, inputs["lengths"], trans_params)
        opt = optimizer(lr)
        gradients = opt.compute_gradients(cost)
        train = opt.apply_gradients(gradients)
    return Model(graph, inputs, lr, logits, tags, cost, gradients, train)


def run(train_data, test_data, config=Config()):
    """Returns ([loss of each step], share of the test's words that are tagged right).

    Args:
        train_data, test_data: (sentences, tags) as ``minibatches`` takes them.
    """
    built = build(config)
    losses = []
    nbatches = -(-len(train_data[0]) // config.batch_size)
    batches = minibatches(train_data, config.batch_size)
    with built.graph.as_default():
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)
            for epoch in range(config.nepochs):
                lr = config.learning_rate * config.lr_decay**epoch
                for _ in range(nbatches):
                    feed_dict = dict(zip(built.inputs.values(), next(batches)))
                    feed_dict[built.learning_rate] = lr
                    train_loss, _ = session.run(
                        [built.loss, built.train], feed_dict=feed_dict
                    )
                    losses.append(train_loss)
            *test, labels = next(minibatches(test_data, len(test_data[0])))
            feed_dict = dict(zip(built.inputs.values(), test))
            tags = session.run(built.tags, feed_dict=feed_dict)
    within = np.arange(labels.shape[1]) < test[-1][:, np.newaxis]  # [B, T]
    return losses, (tags == labels)[within].mean()
