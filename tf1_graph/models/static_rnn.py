"""Digits read row by row with static_rnn: an LSTM unrolled into as many cells as rows.

The classifier that most people met BasicLSTMCell in. An image is a list of its rows, from
the top down; what the cell knows after the last one decides. In both directions a second
cell reads the rows from the bottom up.

Shapes: B batch, T = 28 rows, N = 28 pixels of a row, H hidden units a direction.
"""

import collections
import dataclasses

import tensorflow.compat.v1 as tf

from tf1_graph import rnn
from tf1_graph.models.mnist_cnn import next_batch


@dataclasses.dataclass(frozen=True)
class Config:
    num_input: int = 28  # N
    timesteps: int = 28  # T
    num_hidden: int = 128  # H
    num_classes: int = 10
    bidirectional: bool = False
    learning_rate: float = 0.001
    batch_size: int = 128
    training_steps: int = 10000
    display_step: int = 200  # steps between two reports of loss and accuracy
    seed: int = 1  # of the graph; each variable adds its own


def inference(x, config):
    """[B, T, N] -> logits [B, num_classes], float32."""
    rows = tf.unstack(x, config.timesteps, 1)  # T times [B, N]
    # The cells take the initializer of the scope that they are in: both draw the same.
    start = tf.glorot_uniform_initializer(seed=21)
    with tf.variable_scope(tf.get_variable_scope(), initializer=start):
        lstm_cell = rnn.BasicLSTMCell(config.num_hidden, forget_bias=1.0)
        if config.bidirectional:
            lstm_bw_cell = rnn.BasicLSTMCell(config.num_hidden, forget_bias=1.0)
            outputs, _, _ = rnn.static_bidirectional_rnn(
                lstm_cell, lstm_bw_cell, rows, dtype=tf.float32
            )  # T times [B, 2 H]
        else:
            outputs, _ = rnn.static_rnn(lstm_cell, rows, dtype=tf.float32)
    # At the last row the way back has begun only: it has read this one.
    last = tf.stack(outputs, 1)[:, -1]
    width = int(last.get_shape()[1])
    weights = tf.Variable(
        tf.random_normal([width, config.num_classes], seed=11), name="weights"
    )
    biases = tf.Variable(tf.random_normal([config.num_classes], seed=12), name="biases")
    return tf.matmul(last, weights) + biases


def loss(y_true, y_pred):
    """Mean softmax cross-entropy of one-hot [B, num_classes] and logits, a scalar."""
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
    "Model", ["graph", "x", "y_true", "y_pred", "loss", "train"]
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(config.seed)
        x = tf.placeholder(
            tf.float32, [None, config.timesteps, config.num_input], name="x"
        )
        y = tf.placeholder(tf.float32, [None, config.num_classes], name="y")
        logits = inference(x, config)
        loss_op = loss(y, logits)
        train_op = optimizer(config).minimize(loss_op)
    return Model(graph, x, y, logits, loss_op, train_op)


def run(train_digits, test_digits, config=Config()):
    """Returns ([(step, loss and accuracy of the batch)] at each report, test accuracy).

    Args:
        train_digits, test_digits: (images [n, T, N], float32; one-hot [n, num_classes]).
    """
    built = build(config)
    batches = next_batch(
        train_digits[0], train_digits[1], config.batch_size, config.seed
    )
    reports = []
    with built.graph.as_default():
        correct = accuracy(built.y_true, built.y_pred)
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)
            for step in range(config.training_steps):
                batch_x, batch_y = next(batches)
                feed_dict = {built.x: batch_x, built.y_true: batch_y}
                session.run(built.train, feed_dict=feed_dict)
                if step % config.display_step == 0:
                    values = session.run([built.loss, correct], feed_dict=feed_dict)
                    reports.append((step, *values))
            x, y = test_digits
            test_accuracy = session.run(
                correct, feed_dict={built.x: x, built.y_true: y}
            )
    return reports, test_accuracy
