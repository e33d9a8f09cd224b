"""Nearest neighbours of digits: the twin in Keras 3.

A digit is taken for what the nearest of the known digits is. Nothing is trained and there
is no variable: a function of two arrays, a distance, and where it is smallest.

Shapes: N known digits, P = 784 pixels.
"""

import dataclasses

import numpy as np
import tensorflow as tf
from keras import ops


@dataclasses.dataclass(frozen=True)
class Config:
    num_features: int = 784  # P
    steps: int = 200  # test digits, each asked by itself


def manhattan(xtr, xte):
    """[N, P], [P] -> [N]: the sum of what the pixels differ by."""
    return ops.sum(ops.abs(xtr - xte), axis=1)


def inference(xtr, xte):
    """[N, P], [P] -> (number of the nearest known digit, int64; distances [N])."""
    distance = manhattan(xtr, xte)
    # Of equally near digits it is the first. keras.ops.argmin gives an int32.
    return tf.argmin(distance, 0), distance


def build(config=Config()):
    """``inference`` as one graph. A model is for what has weights; a function will do."""
    known = tf.TensorSpec([None, config.num_features], tf.float32)
    asked = tf.TensorSpec([config.num_features], tf.float32)
    # With its signature it is traced once, whatever number of digits is known.
    return tf.function(inference, input_signature=[known, asked])


def share_right(predicted, labels):
    """The accuracy as the source adds it up: not the mean, by roundings."""
    accuracy = 0.0
    for guess, label in zip(predicted, labels, strict=True):
        if guess == label:
            accuracy += 1.0 / len(labels)
    return np.float64(accuracy)


def run(digits, labels, test_digits, test_labels, config=Config()):
    """A record of each test digit's answer, and of the accuracy.

    Args:
        digits, test_digits: [n, P], float32. labels, test_labels: [n].
    """
    nearest = build(config)
    history, predicted = [], []
    # Handed over once: TF1 fed all known digits with each one that it asked about.
    digits = tf.constant(digits)
    for xte in test_digits[: config.steps]:
        nn_index, distance = (
            seen.numpy() for seen in nearest(digits, tf.constant(xte))
        )
        history.append({"outputs": {"nn_index": nn_index, "distance": distance}})
        predicted.append(labels[nn_index])
    accuracy = share_right(predicted, test_labels[: config.steps])
    history.append({"accuracy": {"accuracy": accuracy}})
    return history
