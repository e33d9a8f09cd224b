"""k-means on digits, by small batches: the Keras 3 twin.

Each digit belongs to the centre whose direction is nearest to its own; each centre moves
to the mean of the digits that were ever its own. Nothing is minimised by a gradient.

Shapes: B digits of a batch, P = 784 pixels, K = 25 clusters, U <= K of them met in a batch.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tf2_keras.models.mnist_cnn import next_batch


@dataclasses.dataclass(frozen=True)
class Config:
    num_features: int = 784  # P
    k: int = 25  # K
    num_steps: int = 50
    batch_size: int = 1024  # B
    display_step: int = 10  # steps between two reports of the average distance
    seed: int = 1  # of the order of digits; the graph draws nothing


@keras.saving.register_keras_serializable("kmeans")
class Clusters(keras.layers.Layer):
    """Centres [K, P], and how many digits each has had [K]. The optimizer knows neither."""

    def __init__(self, k, **kwargs):
        super().__init__(**kwargs)
        self.k = k

    def get_config(self):
        return {**super().get_config(), "k": self.k}

    def build(self, input_shape):
        self.clusters = self.add_weight(
            shape=(self.k, input_shape[-1]),
            initializer="zeros",
            trainable=False,
            name="clusters",
        )
        # From one, not from zero: a first centre is a digit that counts.
        self.total_counts = self.add_weight(
            shape=(self.k,),
            initializer="ones",
            dtype="int64",
            trainable=False,
            name="total_counts",
        )

    def choose_initial_centers(self, x):
        """Takes the directions of the first K digits of [n, P] for centres."""
        self.clusters.assign(tf.nn.l2_normalize(x[: self.k], 1))

    def call(self, x):
        """[B, P] -> (nearest cluster [B], int64; distance to its centre [B]).

        The distance is one minus the cosine. Of equally near clusters it is the first.
        """
        x = tf.nn.l2_normalize(x, 1)
        clusters = tf.nn.l2_normalize(self.clusters, 1)
        all_scores = 1 - tf.matmul(x, clusters, transpose_b=True)
        return tf.argmin(all_scores, 1), tf.reduce_min(all_scores, 1)

    def mini_batch_training_op(self, x, cluster_idx):
        """The update: a centre c of n digits that gets d_1 .. d_k moves to their mean.

        c += (sum_i d_i - k c) / (n + k). Clusters that no digit of the batch is in stay.
        """
        x = tf.nn.l2_normalize(x, 1)
        unique_ids, unique_idx = tf.unique(cluster_idx)
        number = tf.size(unique_ids)
        old_counts = tf.gather(self.total_counts, unique_ids)
        old_clusters = tf.gather(self.clusters, unique_ids)
        ones = tf.ones_like(unique_idx, dtype=tf.int64)
        count_updates = tf.math.unsorted_segment_sum(ones, unique_idx, number)  # [U]
        cluster_updates = tf.math.unsorted_segment_sum(x, unique_idx, number)  # [U, P]
        cluster_updates -= (
            tf.cast(tf.reshape(count_updates, [-1, 1]), tf.float32) * old_clusters
        )
        learning_rate = tf.math.reciprocal(
            tf.cast(old_counts + count_updates, tf.float32)
        )
        cluster_updates *= tf.reshape(learning_rate, [-1, 1])
        # A Keras variable has no scatter_add; the TensorFlow variable in it has.
        for variable, updates in (
            (self.total_counts, count_updates),
            (self.clusters, cluster_updates),
        ):
            variable.value.scatter_add(tf.IndexedSlices(updates, unique_ids))


def inference(x, config):
    """[B, P] -> {nearest cluster [B], int64; distance to its centre [B]}."""
    cluster_idx, scores = Clusters(config.k, name="kmeans")(x)
    return {"cluster_idx": cluster_idx, "scores": scores}


def loss(scores):
    """The average distance, a scalar."""
    return keras.ops.mean(scores)


@keras.saving.register_keras_serializable("kmeans")
class KMeans(keras.Model):
    """A functional model whose step is no descent."""

    def train_step(self, data):
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        seen = self(x, training=True)
        self.get_layer("kmeans").mini_batch_training_op(x, seen["cluster_idx"])
        return {"avg_distance": loss(seen["scores"])}


def build(config=Config()):
    """The whole model. It is compiled, for fit asks for it; its optimizer is never used."""
    x = keras.Input([config.num_features], name="x")
    model = KMeans(x, inference(x, config))
    model.compile(jit_compile=False)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}."""
    return {name: f"kmeans/{name}" for name in ("clusters", "total_counts")}


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
    model = build(config)
    batches = next_batch(digits, labels, config.batch_size, config.seed)
    reports = []

    def report(batch, logs):
        step = batch + 1
        if step % config.display_step == 0 or step == 1:
            reports.append((step, logs["avg_distance"]))

    first, _ = next(iter(batches))
    model.get_layer("kmeans").choose_initial_centers(first)
    model.fit(
        batches.map(lambda x, _: (x,)),
        steps_per_epoch=config.num_steps,
        shuffle=False,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=report)],
    )
    cluster_idx = model(digits)["cluster_idx"].numpy()
    named = labels_of_clusters(cluster_idx, labels, config)
    return reports, np.mean(named[cluster_idx] == labels)
