"""A multilayer perceptron on MNIST, as in TensorFlow's own tutorial "Mechanics 101".

Two hidden layers of rectified linear units, ten logits, gradient descent; labels are
class numbers, not one-hot rows; what is counted is how often the largest logit is right.

Shapes: B batch, P = 784 pixels.
"""

import collections
import dataclasses
import math

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph.models.mnist_cnn import next_batch


@dataclasses.dataclass(frozen=True)
class Config:
    pixels: int = 784
    hidden1: int = 128  # units of the first hidden layer
    hidden2: int = 32
    classes: int = 10
    learning_rate: float = 0.01
    batch_size: int = 100
    steps: int = 2000
    report_every: int = 100  # steps between two reports of the loss
    seed: int = 1  # of the graph; each layer adds its own


def full_layer(x, size, seed, name):
    """[B, in_size] -> [B, size]: x w + b, before any activation."""
    in_size = int(x.get_shape()[1])
    with tf.name_scope(name):
        weights = tf.Variable(
            tf.truncated_normal(
                [in_size, size], stddev=1.0 / math.sqrt(in_size), seed=seed
            ),
            name="weights",
        )
        biases = tf.Variable(tf.zeros([size]), name="biases")
        return tf.matmul(x, weights) + biases


def inference(images, config):
    """[B, P] -> logits [B, classes], float32."""
    hidden1 = tf.nn.relu(full_layer(images, config.hidden1, 11, "hidden1"))
    hidden2 = tf.nn.relu(full_layer(hidden1, config.hidden2, 12, "hidden2"))
    return full_layer(hidden2, config.classes, 13, "softmax_linear")


def loss(labels, logits):
    """Mean cross-entropy of labels [B], integers, and logits [B, classes], a scalar."""
    # tf.losses has divided by the size of the batch: the result is the mean already.
    return tf.losses.sparse_softmax_cross_entropy(labels=labels, logits=logits)


def optimizer(config):
    """Plain gradient descent."""
    return tf.train.GradientDescentOptimizer(config.learning_rate)


def evaluation(labels, logits):
    """How many of the batch are right, int32: the label's logit is the largest."""
    correct = tf.nn.in_top_k(logits, labels, 1)
    return tf.reduce_sum(tf.cast(correct, tf.int32))


# The graph, what its Session feeds, fetches and runs.
Model = collections.namedtuple(
    "Model", ["graph", "x", "y_true", "y_pred", "loss", "train", "correct"]
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(config.seed)
        # The tutorial fixed the size of a batch; open, it takes the last one too.
        images = tf.placeholder(tf.float32, [None, config.pixels], name="images")
        labels = tf.placeholder(tf.int32, [None], name="labels")
        logits = inference(images, config)
        total_loss = loss(labels, logits)
        train = optimizer(config).minimize(
            total_loss, global_step=tf.train.get_or_create_global_step()
        )
        correct = evaluation(labels, logits)
    return Model(graph, images, labels, logits, total_loss, train, correct)


def run(train_digits, test_digits, config=Config()):
    """The tutorial's loop; returns ([(step, loss before it)], test accuracy).

    Args:
        train_digits, test_digits: (images [n, P], float32; labels [n], int32).
    """
    built = build(config)
    batches = next_batch(
        train_digits[0], train_digits[1], config.batch_size, config.seed
    )
    reports = []
    with built.graph.as_default():
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)
            for step in range(config.steps):
                images, labels = next(batches)
                _, loss_value = session.run(
                    [built.train, built.loss],
                    feed_dict={built.x: images, built.y_true: labels},
                )
                if step % config.report_every == 0:
                    reports.append((step, loss_value))
            images, labels = test_digits
            true_count = 0
            for start in range(0, len(images), config.batch_size):
                batch = slice(start, start + config.batch_size)
                true_count += session.run(
                    built.correct,
                    feed_dict={built.x: images[batch], built.y_true: labels[batch]},
                )
    return reports, np.float64(true_count) / len(labels)
