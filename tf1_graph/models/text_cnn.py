"""A convolutional network for sentences: Kim 2014, arXiv:1408.5882, as TF1 code had it.

Windows of three, four and five words slide over the embedded sentence; of each filter
the largest answer counts, wherever it was. Dropout, one layer of scores, L2 on its
weights only; Adam.

Shapes: B batch, T words a sentence, E = 128 numbers a word, F = 128 filters a window.
"""

import collections
import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf


@dataclasses.dataclass(frozen=True)
class Config:
    sequence_length: int = 56  # T; the longest sentence of the source's data
    num_classes: int = 2
    vocab_size: int = 18758  # of the source's data; 0 is padding and the unknown
    embedding_size: int = 128  # E
    filter_sizes: tuple = (3, 4, 5)  # words a window
    num_filters: int = 128  # F
    dropout_keep_prob: float = 0.5  # while training; 1.0 while evaluating
    l2_reg_lambda: float = 0.0
    learning_rate: float = 1e-3
    batch_size: int = 64
    num_epochs: int = 200
    seed: int = 1  # of the graph; each random op adds its own


def embedding(input_x, config):
    """Words [B, T] -> [B, T, E, 1], the last axis for the convolutions."""
    # On the CPU, for GPUs had no kernel for it; the device changes no name.
    with tf.device("/cpu:0"), tf.name_scope("embedding"):
        w = tf.Variable(
            tf.random_uniform(
                [config.vocab_size, config.embedding_size], -1.0, 1.0, seed=11
            ),
            name="W",
        )
        return tf.expand_dims(tf.nn.embedding_lookup(w, input_x), -1)


def conv_maxpool(embedded, filter_size, seed, config):
    """[B, T, E, 1] -> [B, 1, 1, F]: each filter's largest answer in the sentence."""
    with tf.name_scope(f"conv-maxpool-{filter_size}"):
        shape = [filter_size, config.embedding_size, 1, config.num_filters]
        w = tf.Variable(tf.truncated_normal(shape, stddev=0.1, seed=seed), name="W")
        b = tf.Variable(tf.constant(0.1, shape=[config.num_filters]), name="b")
        conv = tf.nn.conv2d(embedded, w, strides=[1, 1, 1, 1], padding="VALID")
        h = tf.nn.relu(conv + b)  # [B, T - filter_size + 1, 1, F]
        windows = config.sequence_length - filter_size + 1
        return tf.nn.max_pool(
            h, ksize=[1, windows, 1, 1], strides=[1, 1, 1, 1], padding="VALID"
        )


def inference(input_x, dropout_keep_prob, config):
    """Words [B, T] -> (scores [B, num_classes], the penalty of the last layer)."""
    embedded = embedding(input_x, config)
    pooled = [
        conv_maxpool(embedded, filter_size, 21 + number, config)
        for number, filter_size in enumerate(config.filter_sizes)
    ]
    num_filters_total = config.num_filters * len(config.filter_sizes)
    h_pool_flat = tf.reshape(tf.concat(pooled, 3), [-1, num_filters_total])
    h_drop = tf.nn.dropout(h_pool_flat, keep_prob=dropout_keep_prob, seed=31)
    with tf.name_scope("output"):
        # get_variable knows nothing of name scopes: this is W, and b is output/b.
        w = tf.get_variable(
            "W",
            [num_filters_total, config.num_classes],
            initializer=tf.glorot_uniform_initializer(seed=12),
        )
        b = tf.Variable(tf.constant(0.1, shape=[config.num_classes]), name="b")
        l2_loss = tf.nn.l2_loss(w) + tf.nn.l2_loss(b)  # halves of the squares
        scores = tf.nn.xw_plus_b(h_drop, w, b)
    return scores, config.l2_reg_lambda * l2_loss


def loss(input_y, scores):
    """Mean cross-entropy of one-hot [B, num_classes] and scores, a scalar."""
    return tf.reduce_mean(
        tf.nn.softmax_cross_entropy_with_logits(labels=input_y, logits=scores)
    )


def optimizer(config):
    """Adam; of the embedding it moves every row, whatever the batch holds."""
    return tf.train.AdamOptimizer(config.learning_rate)


def accuracy(input_y, scores):
    """The share of sentences whose largest score is at the label, a scalar."""
    correct_predictions = tf.equal(tf.argmax(scores, 1), tf.argmax(input_y, 1))
    return tf.reduce_mean(tf.cast(correct_predictions, tf.float32))


# The graph, what its Session feeds, fetches and runs.
Model = collections.namedtuple(
    "Model",
    ["graph", "x", "y_true", "keep_prob", "y_pred", "loss", "gradients", "train"],
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(config.seed)
        input_x = tf.placeholder(
            tf.int32, [None, config.sequence_length], name="input_x"
        )
        input_y = tf.placeholder(tf.float32, [None, config.num_classes], name="input_y")
        dropout_keep_prob = tf.placeholder(tf.float32, name="dropout_keep_prob")
        scores, penalty = inference(input_x, dropout_keep_prob, config)
        total_loss = loss(input_y, scores) + penalty
        adam = optimizer(config)
        gradients = adam.compute_gradients(total_loss)
        train = adam.apply_gradients(
            gradients, global_step=tf.train.get_or_create_global_step()
        )
    return Model(
        graph, input_x, input_y, dropout_keep_prob, scores, total_loss, gradients, train
    )


def batch_iter(x, y, batch_size, seed):
    """Endless (x, y), shuffled by epoch; the last batch of one is as short as need be."""
    random = np.random.RandomState(seed)
    while True:
        order = random.permutation(len(x))
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            yield x[chosen], y[chosen]


def run(train_sentences, test_sentences, config=Config()):
    """Returns ([loss of each step], accuracy on the test sentences).

    Args:
        train_sentences, test_sentences: (words [n, T], int32; one-hot [n, 2], float32).
    """
    built = build(config)
    batches = batch_iter(
        train_sentences[0], train_sentences[1], config.batch_size, config.seed
    )
    steps = config.num_epochs * -(-len(train_sentences[0]) // config.batch_size)
    losses = []
    with built.graph.as_default():
        share = accuracy(built.y_true, built.y_pred)
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)
            for _ in range(steps):
                x, y = next(batches)
                feed_dict = {built.x: x, built.y_true: y}
                feed_dict[built.keep_prob] = config.dropout_keep_prob
                _, value = session.run([built.train, built.loss], feed_dict=feed_dict)
                losses.append(value)
            x, y = test_sentences
            feed_dict = {built.x: x, built.y_true: y, built.keep_prob: 1.0}
            return losses, session.run(share, feed_dict=feed_dict)
