"""Faults planted in the twin of the graph convolutional network."""

import keras
import numpy as np
import tensorflow as tf

from parity_tests.models.gcn import Sparse
from parity_tests.models.pair import Fault
from tf2_keras import tf1_semantics


def _masked(mean):
    """(twin module) -> patch: another loss, ``mean(cross-entropies, mask)``."""

    def loss(labels, preds, mask):
        ce = keras.losses.categorical_crossentropy(labels, preds, from_logits=True)
        return mean(ce, mask)

    return lambda twin: {"loss": loss}


def _penalty(factor=1.0, of_both=False):
    """(twin module) -> patch: another penalty."""

    def patch(twin):
        class Decayed(twin.GCN):
            def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
                first = self.get_layer("graphconvolution_1")
                weights = self.trainable_weights if of_both else [first.w]
                penalty = sum(tf.nn.l2_loss(weight.value) for weight in weights)
                penalty *= factor * first.weight_decay
                return penalty + twin.loss(y, y_pred, sample_weight)

        return {"GCN": Decayed}

    return patch


def _dense_dropout(twin):
    class OfAll(twin.SparseDropout):
        """Draws a number for each word, whether it is used or not."""

        def call(self, x, training=False):
            numbers = tf1_semantics.random.Uniform.call(self, tf.sparse.to_dense(x))
            kept = tf.gather_nd(numbers, x.indices) + self.keep_prob >= 1.0
            return tf.sparse.retain(x, kept) * (1.0 / self.keep_prob)

    return {"SparseDropout": OfAll}


@keras.saving.register_keras_serializable("gcn_faults")
class FeaturesKept(keras.layers.Layer):
    def __init__(self, keep_prob, seed, **options):
        super().__init__(**options)

    def call(self, x):
        return x


def _initialiser(initializer):
    return lambda twin: {"glorot": lambda shape, seed, config: initializer(seed)}


def _convolution(twin):
    """Mixes the neighbours of the features, not of what they become: dropped words too."""
    return {"GraphConvolution": _no_neighbours(twin.GraphConvolution)}


def _no_neighbours(base):
    class Alone(base):
        def call(self, x, support):
            size = tf.cast(tf.shape(x)[0], tf.int64)
            return super().call(x, tf.sparse.eye(size))

    return Alone


def _support(change):
    """All moves -> those with another support, ``change(rows, columns, values)``."""

    def changed(batch):
        indices, values, shape = batch["support"]
        values = change(*indices.T, values).astype(np.float32)
        return {**batch, "support": Sparse(indices, values, shape)}

    return lambda moves: [(move, changed(batch)) for move, batch in moves]


def _of_rows(rows, _columns, values):
    """Each row's neighbours weigh the same: D^-1 (A + I)."""
    return 1.0 / np.bincount(rows)[rows] * np.ones_like(values)


def _without_itself(rows, columns, values):
    return values * (rows != columns)


def _optimizer(optimizer):
    return lambda twin: {
        "optimizer": lambda config: optimizer(config.learning_rate, name="adam")
    }


FAULTS = {
    "keras_glorot_uniform": Fault(
        "Keras's GlorotUniform with the same seed.",
        "initial values",
        _initialiser(lambda seed: keras.initializers.GlorotUniform(seed)),
    ),
    "another_seed": Fault(
        "The graph's seed is one more.", "initial values", fields={"seed": 2}
    ),
    "mean_over_all_papers": Fault(
        "The loss is divided by all papers, as a Keras loss with sample weights is.",
        "loss",
        _masked(lambda ce, mask: tf.reduce_mean(ce * mask)),
    ),
    "no_mask": Fault(
        "All papers' subjects are learned, those scored on too.",
        "loss",
        _masked(lambda ce, mask: tf.reduce_mean(ce)),
    ),
    "l2_not_halved": Fault("The penalty is the squares.", "loss", _penalty(factor=2.0)),
    "l2_of_both_layers": Fault(
        "The second layer is decayed too.", "loss", _penalty(of_both=True)
    ),
    "dense_dropout": Fault(
        "Dropout draws a number for each word, whether it is used or not.",
        "loss",
        _dense_dropout,
    ),
    "features_kept": Fault(
        "Dropout of the hidden units alone.",
        "loss",
        lambda twin: {"SparseDropout": FeaturesKept},
    ),
    "no_neighbours": Fault("Each paper hears itself alone.", "loss", _convolution),
    "normalised_by_rows": Fault(
        "The neighbours' mean instead of the symmetric one.",
        "loss",
        moves=_support(_of_rows),
    ),
    "no_self_loops": Fault(
        "A paper does not hear itself.", "loss", moves=_support(_without_itself)
    ),
    "keras_adam": Fault(
        "Keras's Adam as it comes.", "slots", _optimizer(keras.optimizers.Adam)
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "updates", fields={"learning_rate": 0.055}
    ),
}
