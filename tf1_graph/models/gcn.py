"""A graph convolutional network, Kipf and Welling 2017, arXiv:1609.02907, as its code was.

Papers cite each other and are about subjects, of which few are known. Each layer mixes
what a paper's neighbours say; all papers are in every batch, and a mask says whose answers
count. Features are sparse, and so is their dropout.

Shapes: N papers, F = 1433 words, H = 16 hidden units, C = 7 subjects.
"""

import collections
import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf


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


def glorot(shape, seed, name):
    """Glorot and Bengio's uniform start."""
    init_range = np.sqrt(6.0 / (shape[0] + shape[1]))
    initial = tf.random_uniform(shape, -init_range, init_range, seed=seed)
    return tf.Variable(initial, name=name)


def sparse_dropout(x, keep_prob, seed):
    """Dropout of what is not zero; the kept ones are multiplied by 1 / keep_prob."""
    random_tensor = keep_prob + tf.random_uniform(tf.shape(x.values), seed=seed)
    dropout_mask = tf.cast(tf.floor(random_tensor), dtype=tf.bool)
    return tf.sparse_retain(x, dropout_mask) * (1.0 / keep_prob)


def graph_convolution(x, support, shape, seed, name):
    """[N, in], [N, N] -> [N, out], and the weights [in, out]; no biases."""
    with tf.variable_scope("gcn/" + name + "_vars"):
        weights = glorot(shape, seed, "weights_0")
    if isinstance(x, tf.SparseTensor):
        pre_sup = tf.sparse_tensor_dense_matmul(x, weights)
    else:
        pre_sup = tf.matmul(x, weights)
    return tf.sparse_tensor_dense_matmul(support, pre_sup), weights


def inference(features, support, keep_prob, config):
    """Sparse [N, F], [N, N] -> (logits [N, C], the penalty of the first layer)."""
    x = sparse_dropout(features, keep_prob, seed=21)
    shape = [config.input_dim, config.hidden1]
    hidden, weights = graph_convolution(x, support, shape, 11, "graphconvolution_1")
    hidden = tf.nn.dropout(tf.nn.relu(hidden), keep_prob=keep_prob, seed=22)
    shape = [config.hidden1, config.output_dim]
    logits, _ = graph_convolution(hidden, support, shape, 12, "graphconvolution_2")
    return logits, config.weight_decay * tf.nn.l2_loss(weights)


def loss(labels, preds, mask):
    """Mean cross-entropy of the papers that the mask [N] has, a scalar."""
    ce = tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=preds)
    mask = tf.div(mask, tf.reduce_mean(mask))
    return tf.reduce_mean(ce * mask)


def optimizer(config):
    """Adam."""
    return tf.train.AdamOptimizer(learning_rate=config.learning_rate)


def accuracy(labels, preds, mask):
    """The share of papers of the mask [N] whose subject is the likeliest, a scalar."""
    correct = tf.equal(tf.argmax(preds, 1), tf.argmax(labels, 1))
    mask = tf.div(mask, tf.reduce_mean(mask))
    return tf.reduce_mean(tf.cast(correct, tf.float32) * mask)


# The graph, what its Session feeds, fetches and runs.
Model = collections.namedtuple(
    "Model",
    ["graph", "x", "support", "y_true", "mask", "dropout", "y_pred", "loss", "train"],
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(config.seed)
        features = tf.sparse_placeholder(tf.float32, name="features")
        support = tf.sparse_placeholder(tf.float32, name="support")
        labels = tf.placeholder(tf.float32, [None, config.output_dim], name="labels")
        labels_mask = tf.placeholder(tf.float32, [None], name="labels_mask")
        dropout = tf.placeholder_with_default(0.0, shape=(), name="dropout")
        keep_prob = 1.0 - dropout
        logits, penalty = inference(features, support, keep_prob, config)
        total_loss = penalty + loss(labels, logits, labels_mask)
        train = optimizer(config).minimize(total_loss)
    return Model(
        graph,
        features,
        support,
        labels,
        labels_mask,
        dropout,
        logits,
        total_loss,
        train,
    )


def run(features, support, labels, masks, config=Config()):
    """Returns ([loss of each epoch], accuracy on the papers of the second mask).

    Args:
        features, support: sparse [N, F] and [N, N], each (indices, values, shape).
        labels: [N, C], float32, one-hot.
        masks: two [N], float32, 1.0 for the papers to train on and those to score on.
    """
    built = build(config)
    train_mask, test_mask = masks
    costs = []
    with built.graph.as_default():
        share = accuracy(built.y_true, built.y_pred, built.mask)
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)
            feed_dict = {built.x: features, built.support: support}
            feed_dict[built.y_true] = labels
            for _ in range(config.epochs):
                training = {built.mask: train_mask, built.dropout: config.dropout}
                _, cost = session.run(
                    [built.train, built.loss], feed_dict={**feed_dict, **training}
                )
                costs.append(cost)
            feed_dict[built.mask] = test_mask
            return costs, session.run(share, feed_dict=feed_dict)
