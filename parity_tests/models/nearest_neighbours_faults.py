"""Faults planted in the twin of nearest neighbours."""

import numpy as np
import tensorflow as tf
from keras import ops

from parity_tests.models.pair import Fault


def _distance(function):
    """(twin module) -> patch: another distance of [N, P] and [P]."""
    return lambda twin: {"manhattan": function}


def _nearest(function):
    """(twin module) -> patch: another number, of the distances [N]."""

    def patch(twin):
        def inference(xtr, xte):
            distance = twin.manhattan(xtr, xte)
            return function(distance), distance

        return {"inference": inference}

    return patch


def _bytes_subtracted(xtr, xte):
    xtr, xte = (tf.cast(x * 255, tf.uint8) for x in (xtr, xte))
    return tf.reduce_sum(tf.cast(xtr - xte, tf.float32) / 255, 1)


def _by_cosine(xtr, xte):
    xtr, xte = tf.nn.l2_normalize(xtr, 1), tf.nn.l2_normalize(xte, 0)
    return 1 - tf.linalg.matvec(xtr, xte)


def _last(distance):
    return tf.size(distance, tf.int64) - 1 - tf.argmin(tf.reverse(distance, [0]), 0)


FAULTS = {
    "euclidean": Fault(
        "Squared differences.",
        "outputs",
        _distance(lambda xtr, xte: ops.sqrt(ops.sum(ops.square(xtr - xte), axis=1))),
    ),
    "mean_of_differences": Fault(
        "Keras's mean absolute error: the mean over the pixels.",
        "outputs",
        _distance(lambda xtr, xte: ops.mean(ops.abs(xtr - xte), axis=1)),
    ),
    "by_cosine": Fault("One minus the cosine.", "outputs", _distance(_by_cosine)),
    "bytes_subtracted": Fault(
        "Pixels are bytes, as keras.datasets has them: 3 - 5 is 254.",
        "outputs",
        _distance(_bytes_subtracted),
    ),
    "last_of_equals": Fault(
        "Of equally near digits the last.", "outputs", _nearest(_last)
    ),
    "farthest": Fault(
        "top_k of the distances, not of what is less than zero by them.",
        "outputs",
        _nearest(
            lambda distance: tf.cast(tf.math.top_k(distance).indices[0], tf.int64)
        ),
    ),
    "keras_argmin": Fault(
        "keras.ops.argmin: an int32.",
        "outputs",
        _nearest(lambda distance: ops.argmin(distance, axis=0)),
    ),
    "accuracy_as_mean": Fault(
        "The accuracy is a mean.",
        "accuracy",
        lambda twin: {
            "share_right": lambda predicted, labels: np.mean(predicted == labels)
        },
    ),
}
