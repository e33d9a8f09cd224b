"""Batch normalisation written out, as repositories copied it before there was a layer.

Moments of the batch, moving averages of them, and a ``tf.cond`` on the phase that
chooses between the two: in a net of two hidden layers of sigmoids on MNIST.

Shapes: B batch, P = 784 pixels, H = 100 units of a hidden layer.
"""

import collections
import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph.models.mnist_cnn import next_batch
from tf1_graph.rnn_cell import while_loops


@dataclasses.dataclass(frozen=True)
class Config:
    pixels: int = 784
    hidden: int = 100  # H
    classes: int = 10
    decay: float = 0.5  # of the moving averages
    epsilon: float = 1e-3  # added to a variance
    learning_rate: float = 0.01
    batch_size: int = 60
    steps: int = 40000
    report_every: int = 50  # steps between two reports of the accuracy
    seed: int = 1  # of the graph; each variable adds its own


def batch_norm(x, phase_train, config, name):
    """[B, H] -> [B, H], normalised by the batch's moments or by their averages."""
    size = int(x.get_shape()[1])
    with tf.variable_scope(name):
        beta = tf.Variable(tf.zeros([size]), name="beta")
        gamma = tf.Variable(tf.ones([size]), name="gamma")
        # The variance is that of the batch, divided by B; a fused layer keeps another.
        batch_mean, batch_var = tf.nn.moments(x, [0], name="moments")  # [H]
        ema = tf.train.ExponentialMovingAverage(decay=config.decay)

        def mean_var_with_update():
            # Made in here: an op from outside a branch runs in both phases.
            ema_apply_op = ema.apply([batch_mean, batch_var])
            with tf.control_dependencies([ema_apply_op]):
                return tf.identity(batch_mean), tf.identity(batch_var)

        mean, var = tf.cond(
            phase_train,
            mean_var_with_update,
            lambda: (ema.average(batch_mean), ema.average(batch_var)),
        )
        return tf.nn.batch_normalization(x, mean, var, beta, gamma, config.epsilon)


def hidden_layer(x, phase_train, config, number):
    """[B, in_size] -> [B, H]; without a bias, which a mean would take away again."""
    w = tf.Variable(
        tf.random_normal([int(x.get_shape()[1]), config.hidden], seed=10 + number),
        name=f"w{number}",
    )
    z = tf.matmul(x, w)
    bn = batch_norm(z, phase_train, config, f"bn{number}")
    return tf.nn.sigmoid(bn)


def inference(x, phase_train, config):
    """[B, P] -> probabilities [B, classes], float32."""
    l1 = hidden_layer(x, phase_train, config, 1)
    l2 = hidden_layer(l1, phase_train, config, 2)
    w3 = tf.Variable(
        tf.random_normal([config.hidden, config.classes], seed=13), name="w3"
    )
    b3 = tf.Variable(tf.zeros([config.classes]), name="b3")
    return tf.nn.softmax(tf.matmul(l2, w3) + b3)


def loss(y_true, y_pred):
    """Cross-entropy of one-hot [B, classes] and probabilities, summed over the batch."""
    return -tf.reduce_sum(y_true * tf.log(y_pred))


def optimizer(config):
    """Plain gradient descent."""
    return tf.train.GradientDescentOptimizer(config.learning_rate)


def accuracy(y_true, y_pred):
    """The share of examples whose largest probability is at the label, a scalar."""
    correct_prediction = tf.equal(tf.argmax(y_pred, 1), tf.argmax(y_true, 1))
    return tf.reduce_mean(tf.cast(correct_prediction, tf.float32))


# The graph, what its Session feeds, fetches and runs.
Model = collections.namedtuple(
    "Model", ["graph", "x", "y_true", "phase_train", "y_pred", "loss", "train"]
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    # TensorFlow 2 would make a functional op of the cond; TF1's had Switch and Merge.
    with tf.Graph().as_default() as graph, while_loops():
        tf.set_random_seed(config.seed)
        x = tf.placeholder(tf.float32, [None, config.pixels], name="x")
        y_ = tf.placeholder(tf.float32, [None, config.classes], name="y_")
        phase_train = tf.placeholder(tf.bool, [], name="phase_train")
        y = inference(x, phase_train, config)
        cross_entropy = loss(y_, y)
        train_step = optimizer(config).minimize(cross_entropy)
    return Model(graph, x, y_, phase_train, y, cross_entropy, train_step)


def run(train_digits, test_digits, config=Config()):
    """Trains; returns ([(step, test accuracy)] at each report, the accuracy at last).

    Args:
        train_digits, test_digits: (images [n, P], one-hot labels [n, classes]), float32.
    """
    built = build(config)
    batches = next_batch(*train_digits, config.batch_size, config.seed)
    reports = []
    with built.graph.as_default():
        correct = accuracy(built.y_true, built.y_pred)
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)

            def evaluate():
                images, labels = test_digits
                # False: the test set is neither normalised by itself nor averaged in.
                feed_dict = {built.x: images, built.y_true: labels}
                feed_dict[built.phase_train] = False
                return np.float32(session.run(correct, feed_dict=feed_dict))

            for step in range(config.steps):
                images, labels = next(batches)
                feed_dict = {built.x: images, built.y_true: labels}
                feed_dict[built.phase_train] = True
                session.run(built.train, feed_dict=feed_dict)
                if step % config.report_every == 0:
                    reports.append((step, evaluate()))
            return reports, evaluate()
