"""A graph convolutional network, Kipf and Welling 2017, arXiv:1609.02907: the Keras twin.

Papers cite each other and are about subjects, of which few are known. Each layer mixes
what a paper's neighbours say; all papers are in every batch, and a mask says whose answers
count. Features are sparse, and so is their dropout.

Shapes: N papers, F = 1433 words, H = 16 hidden units, C = 7 subjects.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics


@dataclasses.dataclass(frozen=True)
class Config:
    input_dim: int = 1433  # F
    hidden1: int = 16  # H
    output_dim: int = 7  # C
    dropout: float = 0.5
    weight_decay: float = 5e-4  # of the first layer
    learning_rate: float = 0.01
    epochs: int = 200
    seed: int = 1  # of the graph; each random op adds its own


def glorot(shape, seed, config):
    """Glorot and Bengio's uniform start; Keras's GlorotUniform draws other numbers."""
    init_range = np.sqrt(6.0 / (shape[0] + shape[1]))
    return tf1_semantics.initializers.RandomUniform(
        -init_range, init_range, seed=(config.seed, seed)
    )


def as_sparse(x):
    """``keras.models.clone_model`` forgets which inputs were sparse: a clone's are dense."""
    return x if isinstance(x, tf.SparseTensor) else tf.sparse.from_dense(x)


@keras.saving.register_keras_serializable("gcn")
class SparseDropout(tf1_semantics.random.Uniform):
    """Dropout of what is not zero; the kept ones are multiplied by 1 / keep_prob.

    ``keras.layers.Dropout`` makes of it a dense matrix, and draws a number for each zero.
    """

    def __init__(self, keep_prob, seed, **kwargs):
        super().__init__(0.0, 1.0, seed=seed, **kwargs)
        self.keep_prob = keep_prob

    def call(self, x, training=False):
        # Drawn where nothing is dropped, too, as the graph did: keep_prob was fed.
        x, keep_prob = as_sparse(x), tf.constant(self.keep_prob if training else 1.0)
        random_tensor = keep_prob + super().call(x.values)
        dropout_mask = tf.cast(tf.floor(random_tensor), dtype=tf.bool)
        return tf.sparse.retain(x, dropout_mask) * (1.0 / keep_prob)

    def get_config(self):
        config = super().get_config()
        for name in ("minval", "maxval"):
            config.pop(name)
        return {**config, "keep_prob": self.keep_prob}


@keras.saving.register_keras_serializable("gcn")
class GraphConvolution(keras.layers.Layer):
    """[N, in], sparse [N, N] -> [N, out]; no biases. Adds a penalty of its weights."""

    def __init__(self, units, initializer, weight_decay=None, **kwargs):
        super().__init__(**kwargs)
        self.units, self.weight_decay = units, weight_decay
        self.initializer = keras.initializers.get(initializer)

    def build(self, x_shape, support_shape):
        shape = x_shape[-1], self.units
        self.w = self.add_weight(
            shape=shape, initializer=self.initializer, name="weights_0"
        )

    def call(self, x, support):
        if self.weight_decay is not None:
            # regularizers.L2 would not halve the squares.
            self.add_loss(self.weight_decay * tf.nn.l2_loss(self.w))
        if isinstance(x, tf.SparseTensor):
            pre_sup = tf.sparse.sparse_dense_matmul(x, self.w)
        else:
            pre_sup = tf.matmul(x, self.w)
        return tf.sparse.sparse_dense_matmul(as_sparse(support), pre_sup)

    def compute_output_spec(self, x, support):
        return keras.KerasTensor([support.shape[0], self.units])

    def get_config(self):
        serialized = keras.initializers.serialize(self.initializer)
        config = {"units": self.units, "weight_decay": self.weight_decay}
        return {**super().get_config(), **config, "initializer": serialized}


def inference(features, support, config):
    """Sparse [N, F], [N, N] -> logits [N, C]."""
    keep_prob = float(np.float32(1.0) - np.float32(config.dropout))  # as in the graph
    x = SparseDropout(keep_prob, seed=(config.seed, 21), name="sparse_dropout")(
        features
    )
    hidden = GraphConvolution(
        config.hidden1,
        glorot([config.input_dim, config.hidden1], 11, config),
        config.weight_decay,
        name="graphconvolution_1",
    )(x, support)
    hidden = tf1_semantics.layers.Dropout(
        keep_prob, seed=(config.seed, 22), fed=True, name="dropout"
    )(keras.layers.ReLU()(hidden))
    return GraphConvolution(
        config.output_dim,
        glorot([config.hidden1, config.output_dim], 12, config),
        name="graphconvolution_2",
    )(hidden, support)


def loss(labels, preds, mask):
    """Mean cross-entropy of the papers that the mask [N] has, a scalar."""
    # A Keras loss with a sample_weight of 0 and 1 would divide by all papers.
    ce = keras.losses.categorical_crossentropy(labels, preds, from_logits=True)
    # Of integers tf.div dropped the remainder, as // does.
    mask = mask / keras.ops.mean(mask)
    return keras.ops.mean(ce * mask)


def optimizer(config):
    """Adam, whose epsilon is another one in Keras."""
    return tf1_semantics.optimizers.Adam(config.learning_rate, name="adam")


def accuracy(labels, preds, mask):
    """The share of papers of the mask [N] whose subject is the likeliest, a scalar."""
    correct = keras.ops.equal(tf.argmax(preds, 1), tf.argmax(labels, 1))
    mask = mask / keras.ops.mean(mask)
    return keras.ops.mean(keras.ops.cast(correct, "float32") * mask)


@keras.saving.register_keras_serializable("gcn")
class GCN(keras.Model):
    """Its loss is masked, and has a penalty."""

    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
        (penalty,) = self.losses
        return penalty + loss(y, y_pred, sample_weight)


def build(config=Config()):
    """The whole model, compiled."""
    features = keras.Input([config.input_dim], sparse=True, name="x")
    support = keras.Input([None], sparse=True, name="support")
    inputs = {"x": features, "support": support}
    model = GCN(inputs, inference(features, support, config))
    model.compile(optimizer=optimizer(config), jit_compile=False)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}."""
    return {
        f"gcn/{layer}_vars/weights_0": f"{layer}/weights_0"
        for layer in ("graphconvolution_1", "graphconvolution_2")
    }


def run(features, support, labels, masks, config=Config()):
    """Returns ([loss of each epoch], accuracy on the papers of the second mask).

    Args:
        features, support: sparse [N, F] and [N, N], each (indices, values, shape).
        labels: [N, C], float32, one-hot.
        masks: two [N], float32, 1.0 for the papers to train on and those to score on.
    """
    model = build(config)
    train_mask, test_mask = masks
    x = {"x": tf.SparseTensor(*features), "support": tf.SparseTensor(*support)}
    # One element, so that fit cuts no batches out of the graph.
    epoch = tf.data.Dataset.from_tensors((x, labels, train_mask))
    history = model.fit(epoch, epochs=config.epochs, shuffle=False, verbose=0)
    share = accuracy(labels, model(x, training=False), test_mask)
    return history.history["loss"], share.numpy()
