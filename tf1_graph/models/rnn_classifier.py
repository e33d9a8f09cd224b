"""Sequences of many lengths told apart by a bidirectional network, with dynamic_rnn.

A sequence counts up from a random start, or its numbers are random: the toy of the most
copied example of dynamic_rnn. Padded with zeros to one length, each is read from both of
its own ends, and what both directions know at last decides.

Shapes: B batch, T = 20 time steps at most, 1 feature, H hidden units a direction.
"""

import collections
import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import rnn_cell


@dataclasses.dataclass(frozen=True)
class Config:
    seq_max_len: int = 20  # T
    n_hidden: int = 64  # H
    n_classes: int = 2  # counting, random
    learning_rate: float = 0.01
    batch_size: int = 128
    training_steps: int = 10000
    display_step: int = 200  # steps between two reports of loss and accuracy
    seed: int = 1  # of the graph; each variable adds its own


def make_data(seed, samples, config, min_seq_len=3, max_value=1000):
    """(x [samples, T, 1], lengths [samples], one-hot [samples, 2]); zeros are padding."""
    random = np.random.RandomState(seed)
    x = np.zeros([samples, config.seq_max_len, 1], np.float32)
    lengths = random.randint(min_seq_len, config.seq_max_len + 1, samples)
    counting = random.rand(samples) < 0.5
    for sequence, length, counts in zip(x, lengths, counting):
        if counts:
            start = random.randint(max_value - length)
            values = np.arange(start, start + length)
        else:
            values = random.randint(max_value, size=length)
        sequence[:length, 0] = values / max_value
    labels = np.stack([counting, ~counting], axis=1).astype(np.float32)
    return x, lengths.astype(np.int32), labels


def next_batch(data, batch_size):
    """Endless batches of (x, lengths, labels) in order; short at the end of the data."""
    while True:
        for start in range(0, len(data[0]), batch_size):
            yield tuple(part[start : start + batch_size] for part in data)


def cell(seed, config):
    """A GRU. Its gates' bias starts at one, whatever initializer the kernels have."""
    return rnn_cell.GRUCell(
        config.n_hidden, kernel_initializer=tf.glorot_uniform_initializer(seed=seed)
    )


def last_relevant(outputs, lengths):
    """[B, T, H], [B] -> [B, H]: each sequence's output at its own end."""
    rows = tf.range(tf.shape(lengths)[0])
    return tf.gather_nd(outputs, tf.stack([rows, lengths - 1], axis=1))


def inference(x, lengths, config):
    """[B, T, 1], lengths [B] -> logits [B, n_classes], float32."""
    # Past a sequence's length outputs are zeros and the state stays as it was.
    (outputs_fw, outputs_bw), _ = tf.nn.bidirectional_dynamic_rnn(
        cell(21, config),
        cell(22, config),
        x,
        sequence_length=lengths,
        dtype=tf.float32,
    )
    # reverse_sequence turns each sequence around within its length, padding stays last:
    # the way back ends at time 0.
    outputs = tf.concat([last_relevant(outputs_fw, lengths), outputs_bw[:, 0]], 1)
    weights = tf.Variable(
        tf.random_normal([2 * config.n_hidden, config.n_classes], seed=11),
        name="weights",
    )
    biases = tf.Variable(tf.random_normal([config.n_classes], seed=12), name="biases")
    return tf.matmul(outputs, weights) + biases


def loss(y_true, y_pred):
    """Mean softmax cross-entropy of one-hot [B, n_classes] and logits, a scalar."""
    return tf.reduce_mean(
        tf.nn.softmax_cross_entropy_with_logits(labels=y_true, logits=y_pred)
    )


def optimizer(config):
    """Plain gradient descent."""
    return tf.train.GradientDescentOptimizer(config.learning_rate)


def accuracy(y_true, y_pred):
    """The share of examples whose largest logit is at the label, a scalar."""
    correct_pred = tf.equal(tf.argmax(y_pred, 1), tf.argmax(y_true, 1))
    return tf.reduce_mean(tf.cast(correct_pred, tf.float32))


# The graph, what its Session feeds, fetches and runs.
Model = collections.namedtuple(
    "Model", ["graph", "x", "lengths", "y_true", "y_pred", "loss", "train"]
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    # TensorFlow 2 would make another loop of dynamic_rnn, with sums in another order.
    with tf.Graph().as_default() as graph, rnn_cell.while_loops():
        tf.set_random_seed(config.seed)
        x = tf.placeholder(tf.float32, [None, config.seq_max_len, 1], name="x")
        lengths = tf.placeholder(tf.int32, [None], name="lengths")
        y = tf.placeholder(tf.float32, [None, config.n_classes], name="y")
        pred = inference(x, lengths, config)
        cost = loss(y, pred)
        train = optimizer(config).minimize(cost)
    return Model(graph, x, lengths, y, pred, cost, train)


def run(train_data, test_data, config=Config()):
    """Returns ([(step, loss and accuracy of the batch)] at each report, test accuracy).

    Args:
        train_data, test_data: (x, lengths, labels) as ``make_data`` gives them.
    """
    built = build(config)
    batches = next_batch(train_data, config.batch_size)
    reports = []
    with built.graph.as_default():
        correct = accuracy(built.y_true, built.y_pred)
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)

            def evaluate(fetches, batch):
                x, lengths, y = batch
                feed_dict = {built.x: x, built.lengths: lengths, built.y_true: y}
                return session.run(fetches, feed_dict=feed_dict)

            for step in range(config.training_steps):
                batch = next(batches)
                evaluate(built.train, batch)
                if step % config.display_step == 0:
                    reports.append((step, *evaluate([built.loss, correct], batch)))
            test_accuracy = evaluate(correct, test_data)
    return reports, test_accuracy
