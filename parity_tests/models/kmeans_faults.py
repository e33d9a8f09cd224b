"""Faults planted in the twin of k-means."""

import keras
import numpy as np
import tensorflow as tf

from parity_tests.models.pair import Fault


def _clusters(**methods):
    """(twin module) -> patch: a layer with other methods.

    Args:
        **methods: (the true layer's class, layer, ...) -> what the method returns.
    """

    def patch(twin):
        true = twin.Clusters

        def method(function):
            if function.__code__.co_argcount == 3:
                return lambda layer, x: function(true, layer, x)
            return lambda layer, x, cluster_idx: function(true, layer, x, cluster_idx)

        replaced = {name: method(function) for name, function in methods.items()}
        return {"Clusters": type("Clusters", (true,), replaced)}

    return patch


def _nearest(all_scores):
    return tf.argmin(all_scores, 1), tf.reduce_min(all_scores, 1)


def _not_normalised(true, layer, x):
    return _nearest(1 - tf.matmul(x, tf.transpose(layer.clusters.value)))


def _euclidean(true, layer, x):
    differences = x[:, tf.newaxis] - layer.clusters.value
    return _nearest(tf.reduce_sum(tf.square(differences), 2))


def _last_of_equals(true, layer, x):
    true_idx, scores = true.call(layer, x)
    clusters = tf.nn.l2_normalize(layer.clusters.value, 1)
    all_scores = 1 - tf.matmul(tf.nn.l2_normalize(x, 1), clusters, transpose_b=True)
    return layer.k - 1 - tf.argmin(all_scores[:, ::-1], 1), scores


def _counts_start_at_zero(true, layer, shape):
    true.build(layer, shape)
    layer.total_counts.assign(tf.zeros_like(layer.total_counts.value))


def _sums(layer, x, cluster_idx):
    """(sum of each cluster's digits [K, P], how many they are [K, 1])."""
    x = tf.nn.l2_normalize(x, 1)
    counts = tf.math.bincount(
        tf.cast(cluster_idx, tf.int32), minlength=layer.k, dtype=tf.float32
    )
    sums = tf.math.unsorted_segment_sum(x, cluster_idx, layer.k)
    return sums, counts[:, tf.newaxis]


def _count(layer, counts):
    layer.total_counts.assign_add(tf.cast(counts[:, 0], tf.int64))


def _batch_mean(true, layer, x, cluster_idx):
    """Every centre is the mean of this batch's digits; an empty cluster's stays."""
    sums, counts = _sums(layer, x, cluster_idx)
    means = tf.where(counts > 0, sums / counts, layer.clusters.value)
    layer.clusters.assign(means)
    _count(layer, counts)


def _empty_to_zero(true, layer, x, cluster_idx):
    """What contrib does of whole data sets: an empty cluster's centre is zero."""
    true.mini_batch_training_op(layer, x, cluster_idx)
    _, counts = _sums(layer, x, cluster_idx)
    layer.clusters.assign(layer.clusters.value * tf.cast(counts > 0, tf.float32))


def _raw_digits_are_averaged(true, layer, x, cluster_idx):
    _, counts = _sums(layer, x, cluster_idx)
    sums = tf.math.unsorted_segment_sum(x, cluster_idx, layer.k)
    rate = 1 / (tf.cast(layer.total_counts.value, tf.float32)[:, tf.newaxis] + counts)
    layer.clusters.assign_add((sums - counts * layer.clusters.value) * rate)
    _count(layer, counts)


def _digits_not_counted(true, layer, x, cluster_idx):
    kept = tf.identity(layer.total_counts.value)
    true.mini_batch_training_op(layer, x, cluster_idx)
    layer.total_counts.assign(kept)


def _raw_start(true, layer, x):
    layer.clusters.assign(x[: layer.k])


def _distance_after_the_step(twin):
    class KMeans(twin.KMeans):
        def train_step(self, data):
            x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
            super().train_step(data)
            return {"avg_distance": twin.loss(self(x)["scores"])}

    return {"KMeans": KMeans}


FAULTS = {
    "counts_start_at_zero": Fault(
        "The first centres count for nothing.",
        "initial values",
        _clusters(build=_counts_start_at_zero),
    ),
    "not_normalised": Fault(
        "A product for the cosine: long centres are near to all.",
        "loss",
        _clusters(call=_not_normalised),
    ),
    "euclidean": Fault(
        "Squared differences, as k-means has them elsewhere.",
        "loss",
        _clusters(call=_euclidean),
    ),
    "distance_after_the_step": Fault(
        "The average distance to the centres that have moved.",
        "loss",
        _distance_after_the_step,
    ),
    "last_of_equals": Fault(
        "Of equally near clusters the last.",
        "updates",
        _clusters(call=_last_of_equals),
    ),
    "batch_mean": Fault(
        "A centre is the mean of a batch and forgets what was before.",
        "updates",
        _clusters(mini_batch_training_op=_batch_mean),
    ),
    "empty_to_zero": Fault(
        "The centre of an empty cluster becomes zero.",
        "updates",
        _clusters(mini_batch_training_op=_empty_to_zero),
    ),
    "raw_digits_are_averaged": Fault(
        "Digits are averaged as they are, dark ones more.",
        "updates",
        _clusters(mini_batch_training_op=_raw_digits_are_averaged),
    ),
    "digits_not_counted": Fault(
        "The counts stay where they are: a constant rate.",
        "updates",
        _clusters(mini_batch_training_op=_digits_not_counted),
    ),
    "raw_start": Fault(
        "The first centres are digits as they are, not their directions.",
        "updates",
        _clusters(choose_initial_centers=_raw_start),
    ),
    "inverted_digits": Fault(
        "Ink is 0 and paper 1.",
        "loss",
        batch=lambda batch: {"x": np.float32(1) - batch["x"]},
    ),
}
