"""Word vectors by skip-gram and noise contrast, as in the tutorial word2vec_basic.

A word's vector is to tell its neighbours in a text from words drawn at random, the same
few for all of a batch. Only rows that were looked up get a gradient.

Shapes: B pairs of neighbours, V words known, E width of a vector, S words drawn.
"""

import collections
import dataclasses
import itertools
import math

import numpy as np
import tensorflow.compat.v1 as tf


@dataclasses.dataclass(frozen=True)
class Config:
    vocabulary_size: int = 50000  # V, the most frequent first; number 0 is all others
    embedding_size: int = 128  # E
    batch_size: int = 128  # B
    skip_window: int = 1  # how many words to each side are neighbours
    num_skips: int = 2  # how many of a word's neighbours are taken
    num_sampled: int = 64  # S
    learning_rate: float = 1.0
    num_steps: int = 100000
    report_every: int = 2000  # steps that a reported loss is the mean of
    top_k: int = 8  # nearest words that are reported
    seed: int = 1  # of the graph; each variable adds its own


def neighbours(codes, config):
    """Endless (word, neighbour) of a text, from its start again at its end.

    Source: the tutorial's generate_batch, whose order of neighbours had no seed.
    """
    random = np.random.RandomState(config.seed)
    window = config.skip_window
    offsets = [offset for offset in range(-window, window + 1) if offset != 0]
    while True:
        for place in range(window, len(codes) - window):
            chosen = random.choice(offsets, config.num_skips, replace=False)
            for offset in chosen:
                yield codes[place], codes[place + offset]


def generate_batch(codes, config):
    """Endless (words [B], neighbours [B, 1]), int32."""
    pairs = neighbours(codes, config)
    while True:
        batch = np.array(list(itertools.islice(pairs, config.batch_size)), np.int32)
        yield batch[:, 0], batch[:, 1:]


def inference(train_inputs, config):
    """[B] -> (vectors [B, E], the table [V, E])."""
    shape = [config.vocabulary_size, config.embedding_size]
    embeddings = tf.Variable(
        tf.random_uniform(shape, -1.0, 1.0, seed=11), name="embeddings"
    )
    return tf.nn.embedding_lookup(embeddings, train_inputs), embeddings


def contrast(config):
    """(weights [V, E], biases [V]) of one logistic regression for each word."""
    shape = [config.vocabulary_size, config.embedding_size]
    stddev = 1.0 / math.sqrt(config.embedding_size)
    nce_weights = tf.Variable(
        tf.truncated_normal(shape, stddev=stddev, seed=12), name="nce_weights"
    )
    nce_biases = tf.Variable(tf.zeros([config.vocabulary_size]), name="nce_biases")
    return nce_weights, nce_biases


def loss(labels, embed, nce_weights, nce_biases, config):
    """Mean over the batch of the noise-contrastive loss, a scalar."""
    labels = tf.cast(labels, tf.int64)
    # What nce_loss would draw itself, without a seed: frequent words more often, none
    # twice, and a true one as well (no remove_accidental_hits).
    sampled_values = tf.nn.log_uniform_candidate_sampler(
        true_classes=labels,
        num_true=1,
        num_sampled=config.num_sampled,
        unique=True,
        range_max=config.vocabulary_size,
        seed=13,
    )
    return tf.reduce_mean(
        tf.nn.nce_loss(
            weights=nce_weights,
            biases=nce_biases,
            labels=labels,
            inputs=embed,
            num_sampled=config.num_sampled,
            num_classes=config.vocabulary_size,
            sampled_values=sampled_values,
        )
    )


def similarity(embeddings, words):
    """[V, E], [n] -> [n, V]: the cosine of each of the words and every word."""
    norm = tf.sqrt(tf.reduce_sum(tf.square(embeddings), 1, keepdims=True))
    normalized_embeddings = embeddings / norm
    valid_embeddings = tf.nn.embedding_lookup(normalized_embeddings, words)
    return tf.matmul(valid_embeddings, normalized_embeddings, transpose_b=True)


def optimizer(config):
    """Plain gradient descent: rows without a gradient stay as they are."""
    return tf.train.GradientDescentOptimizer(config.learning_rate)


# The graph, what its Session feeds, fetches and runs.
Model = collections.namedtuple(
    "Model",
    ["graph", "x", "y_true", "y_pred", "similarity", "loss", "gradients", "train"],
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(config.seed)
        train_inputs = tf.placeholder(tf.int32, [None], name="train_inputs")
        train_labels = tf.placeholder(tf.int32, [None, 1], name="train_labels")
        embed, embeddings = inference(train_inputs, config)
        nce_weights, nce_biases = contrast(config)
        cost = loss(train_labels, embed, nce_weights, nce_biases, config)
        opt = optimizer(config)
        gradients = opt.compute_gradients(cost)
        train = opt.apply_gradients(gradients)
        cosines = similarity(embeddings, train_inputs)
    return Model(
        graph, train_inputs, train_labels, embed, cosines, cost, gradients, train
    )


def run(codes, words, config=Config()):
    """Trains on a text; returns ([mean loss of so many steps], nearest words [n, k]).

    Args:
        codes: the text, its words as numbers, int32.
        words: [n] of them, whose nearest are reported.
    """
    built = build(config)
    batches = generate_batch(codes, config)
    average_losses = []
    with built.graph.as_default():
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)
            for _ in range(config.num_steps // config.report_every):
                average_loss = 0
                for x, y in itertools.islice(batches, config.report_every):
                    feed_dict = {built.x: x, built.y_true: y}
                    _, loss_val = session.run(
                        [built.train, built.loss], feed_dict=feed_dict
                    )
                    average_loss += loss_val
                average_losses.append(average_loss / config.report_every)
            sim = session.run(built.similarity, feed_dict={built.x: words})
    nearest = (-sim).argsort(axis=1)[:, 1 : config.top_k + 1]  # the first is the word
    return average_losses, nearest
