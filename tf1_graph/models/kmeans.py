"""k-means on digits, as in the best known collection of examples, by small batches.

Each digit belongs to the centre whose direction is nearest to its own; each centre moves
to the mean of the digits that were ever its own. Nothing is minimised by a gradient.

Shapes: B digits of a batch, P = 784 pixels, K = 25 clusters, U <= K of them met in a batch.
"""

import collections
import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph.models.mnist_cnn import next_batch


@dataclasses.dataclass(frozen=True)
class Config:
    num_features: int = 784  # P
    k: int = 25  # K
    num_steps: int = 50
    batch_size: int = 1024  # B
    display_step: int = 10  # steps between two reports of the average distance
    seed: int = 1  # of the order of digits; the graph draws nothing


def create_variables(config):
    """(centres [K, P], how many digits each has had [K])."""
    clusters = tf.Variable(
        tf.zeros([config.k, config.num_features]), trainable=False, name="clusters"
    )
    # From one, not from zero: a first centre is a digit that counts.
    total_counts = tf.Variable(
        tf.ones([config.k], tf.int64), trainable=False, name="total_counts"
    )
    return clusters, total_counts


def choose_initial_centers(x, clusters, config):
    """The op that takes the directions of the first K digits of [n, P] for centres."""
    return tf.assign(clusters, tf.nn.l2_normalize(x[: config.k], 1)).op


def inference(x, clusters):
    """[B, P] -> (nearest cluster [B], int64; distance to its centre [B]).

    The distance is one minus the cosine. Of equally near clusters it is the first.
    """
    x = tf.nn.l2_normalize(x, 1)
    all_scores = 1 - tf.matmul(x, tf.nn.l2_normalize(clusters, 1), transpose_b=True)
    return tf.argmin(all_scores, 1), tf.reduce_min(all_scores, 1)


def loss(scores):
    """The average distance, a scalar."""
    return tf.reduce_mean(scores)


def mini_batch_training_op(x, cluster_idx, clusters, total_counts):
    """The update: a centre c of n digits that gets d_1 .. d_k moves to their mean.

    c += (sum_i d_i - k c) / (n + k). Clusters that no digit of the batch is in stay.
    """
    x = tf.nn.l2_normalize(x, 1)
    unique_ids, unique_idx = tf.unique(cluster_idx)
    number = tf.size(unique_ids)
    old_counts = tf.gather(total_counts, unique_ids)
    old_clusters = tf.gather(clusters, unique_ids)
    ones = tf.ones_like(unique_idx, dtype=tf.int64)
    count_updates = tf.unsorted_segment_sum(ones, unique_idx, number)  # [U]
    cluster_updates = tf.unsorted_segment_sum(x, unique_idx, number)  # [U, P]
    cluster_updates -= (
        tf.cast(tf.reshape(count_updates, [-1, 1]), tf.float32) * old_clusters
    )
    learning_rate = tf.reciprocal(tf.cast(old_counts + count_updates, tf.float32))
    cluster_updates *= tf.reshape(learning_rate, [-1, 1])
    # The source added to the counts at any time, perhaps before the rate read them.
    with tf.control_dependencies([cluster_updates]):
        return tf.group(
            tf.scatter_add(total_counts, unique_ids, count_updates),
            tf.scatter_add(clusters, unique_ids, cluster_updates),
        )


# The graph, what its Session feeds, fetches and runs.
Model = collections.namedtuple(
    "Model", ["graph", "x", "init", "cluster_idx", "scores", "avg_distance", "train"]
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, config.num_features], name="x")
        clusters, total_counts = create_variables(config)
        init_op = choose_initial_centers(x, clusters, config)
        cluster_idx, scores = inference(x, clusters)
        avg_distance = loss(scores)
        train_op = mini_batch_training_op(x, cluster_idx, clusters, total_counts)
    return Model(graph, x, init_op, cluster_idx, scores, avg_distance, train_op)


def labels_of_clusters(cluster_idx, labels, config):
    """[K]: the most frequent label of each cluster's digits; 0 where it has none."""
    counts = np.zeros([config.k, 10])
    np.add.at(counts, (cluster_idx, labels), 1)
    return counts.argmax(1)


def run(digits, labels, config=Config()):
    """Returns ([(step, average distance before it)] at each report, accuracy).

    Args:
        digits: [n, P], float32. labels: [n], which the clusters are named after.
    """
    built = build(config)
    batches = next_batch(digits, labels, config.batch_size, config.seed)
    reports = []
    with built.graph.as_default():
        init_vars = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init_vars)
            for step in range(1, config.num_steps + 1):
                x, _ = next(batches)
                if step == 1:
                    session.run(built.init, feed_dict={built.x: x})
                _, value = session.run(
                    [built.train, built.avg_distance], feed_dict={built.x: x}
                )
                if step % config.display_step == 0 or step == 1:
                    reports.append((step, value))
            cluster_idx = session.run(built.cluster_idx, feed_dict={built.x: digits})
    named = labels_of_clusters(cluster_idx, labels, config)
    return reports, np.mean(named[cluster_idx] == labels)
