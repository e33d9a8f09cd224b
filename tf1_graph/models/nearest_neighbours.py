"""Nearest neighbours of digits, as in the best known collection of examples.

A digit is taken for what the nearest of the known digits is. Nothing is trained and there
is no variable: two placeholders, a distance, and where it is smallest.

Shapes: N known digits, P = 784 pixels.
"""

import collections
import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf


@dataclasses.dataclass(frozen=True)
class Config:
    num_features: int = 784  # P
    steps: int = 200  # test digits, each asked by itself


def manhattan(xtr, xte):
    """[N, P], [P] -> [N]: the sum of what the pixels differ by."""
    return tf.reduce_sum(tf.abs(tf.add(xtr, tf.negative(xte))), axis=1)


def inference(xtr, xte):
    """[N, P], [P] -> (number of the nearest known digit, int64; distances [N])."""
    distance = manhattan(xtr, xte)
    # Of equally near digits it is the first.
    return tf.arg_min(distance, 0), distance


# The graph, what its Session feeds and fetches.
Model = collections.namedtuple("Model", ["graph", "xtr", "xte", "pred", "distance"])


def build(config=Config()):
    """The whole graph, nothing run yet."""
    with tf.Graph().as_default() as graph:
        xtr = tf.placeholder(tf.float32, [None, config.num_features])
        xte = tf.placeholder(tf.float32, [config.num_features])
        pred, distance = inference(xtr, xte)
    return Model(graph, xtr, xte, pred, distance)


def share_right(predicted, labels):
    """The accuracy as the source adds it up: not the mean, by roundings."""
    accuracy = 0.0
    for guess, label in zip(predicted, labels):
        if guess == label:
            accuracy += 1.0 / len(labels)
    return np.float64(accuracy)


def run(digits, labels, test_digits, test_labels, config=Config()):
    """A record of each test digit's answer, and of the accuracy.

    Args:
        digits, test_digits: [n, P], float32. labels, test_labels: [n].
    """
    built = build(config)
    history, predicted = [], []
    with tf.Session(graph=built.graph) as session:
        for xte in test_digits[: config.steps]:
            nn_index, distance = session.run(
                [built.pred, built.distance],
                feed_dict={built.xtr: digits, built.xte: xte},
            )
            history.append({"outputs": {"nn_index": nn_index, "distance": distance}})
            predicted.append(labels[nn_index])
    accuracy = share_right(predicted, test_labels[: config.steps])
    history.append({"accuracy": {"accuracy": accuracy}})
    return history
