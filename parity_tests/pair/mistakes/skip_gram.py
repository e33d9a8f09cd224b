"""A skip-gram model by noise contrast: rows of tables, gradients of rows, and Adam.

By the facts of TensorFlow's tutorial word2vec_basic, under Adam instead of plain
descent: a uniform table, truncated normal weights over the root of the width, zero
biases, nce_loss with a log-uniform sampler, its mean.

Shapes: B batch, 20 words, 4 wide, 5 sampled.
"""

import math

import keras
import numpy as np
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.pair.mistakes import graphs
from parity_tests.pair.own_pair import OwnPair
from tf2_keras.tf1_semantics import initializers, optimizers

WORDS, WIDTH, SAMPLED, BATCH, STEPS = 20, 4, 5, 8, 3
SAMPLER_SEED = 11


def build():
    tf1.set_random_seed(graphs.SEED)
    inputs = graphs.placeholders(centre=[tf.int32], context=[tf.int32, 1])
    table = tf1.get_variable(
        "embedding/embeddings",
        initializer=tf1.random_uniform([WORDS, WIDTH], -1.0, 1.0, seed=1),
    )
    deviation = 1.0 / math.sqrt(WIDTH)
    weights = tf1.get_variable(
        "weights/embeddings",
        initializer=tf1.truncated_normal([WORDS, WIDTH], stddev=deviation, seed=2),
    )
    biases = tf1.get_variable("biases/embeddings", initializer=tf.zeros([WORDS, 1]))
    context = tf.cast(inputs["context"], tf.int64)
    sampled = tf1.nn.log_uniform_candidate_sampler(
        context, 1, SAMPLED, True, WORDS, seed=SAMPLER_SEED
    )
    loss = tf.reduce_mean(
        tf1.nn.nce_loss(
            weights,
            tf.reshape(biases, [-1]),
            context,
            tf.nn.embedding_lookup(table, inputs["centre"]),
            SAMPLED,
            WORDS,
            sampled_values=sampled,
            partition_strategy="div",
        )
    )
    optimizer = tf1.train.AdamOptimizer(0.05)
    pairs = optimizer.compute_gradients(loss)
    return {
        "inputs": inputs,
        "train": {
            "op": optimizer.apply_gradients(pairs),
            "loss": loss,
            "gradients": pairs,
            "optimizer": optimizer,
        },
    }


class SkipGram(keras.Model):
    """Three tables; other arguments are mistakes."""

    def __init__(
        self,
        low=-1.0,
        seed=1,
        sampler_seed=SAMPLER_SEED,
        mean=tf.reduce_mean,
        hits=False,
    ):
        super().__init__()
        self.sampler_seed, self.mean, self.hits = sampler_seed, mean, hits
        deviation = 1.0 / math.sqrt(WIDTH)
        for name, width, start in (
            (
                "embedding",
                WIDTH,
                initializers.RandomUniform(low, 1.0, seed=(graphs.SEED, seed)),
            ),
            (
                "weights",
                WIDTH,
                initializers.TruncatedNormal(stddev=deviation, seed=(graphs.SEED, 2)),
            ),
            ("biases", 1, "zeros"),
        ):
            layer = keras.layers.Embedding(
                WORDS, width, embeddings_initializer=start, name=name
            )
            layer.build([None])
            setattr(self, f"{name}_table", layer)
        self.built = True

    def train_step(self, data):
        (batch,) = data
        context = tf.cast(batch["context"], tf.int64)
        sampled = tf.raw_ops.LogUniformCandidateSampler(
            true_classes=context,
            num_true=1,
            num_sampled=SAMPLED,
            unique=True,
            range_max=WORDS,
            seed=graphs.SEED,
            seed2=self.sampler_seed,
        )
        with tf.GradientTape() as tape:
            loss = self.mean(
                tf.nn.nce_loss(
                    self.weights_table.embeddings.value,
                    tf.reshape(self.biases_table.embeddings.value, [-1]),
                    context,
                    self.embedding_table(batch["centre"]),
                    SAMPLED,
                    WORDS,
                    sampled_values=sampled,
                    remove_accidental_hits=self.hits,
                )
            )
        gradients = tape.gradient(loss, [v.value for v in self.trainable_variables])
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss}


class TouchedRows(optimizers.Adam):
    """Adam that leaves rows without a gradient as they are, as "lazy" ones do."""

    def sparse_update(self, variable, values, rows, rate, m, v):
        first, second = (
            tf.raw_ops.ReadVariableOp(resource=h, dtype=tf.float32) for h in (m, v)
        )
        first = self.beta1 * tf.gather(first, rows) + (1 - self.beta1) * values
        second = self.beta2 * tf.gather(second, rows) + (1 - self.beta2) * values**2
        tf.raw_ops.ResourceScatterUpdate(resource=m, indices=rows, updates=first)
        tf.raw_ops.ResourceScatterUpdate(resource=v, indices=rows, updates=second)
        rate = (
            rate * tf.sqrt(1 - self._beta2_power.value) / (1 - self._beta1_power.value)
        )
        step = rate * first / (tf.sqrt(second) + self.epsilon)
        variable.scatter_sub(tf.IndexedSlices(step, rows))


def model(optimizer=lambda: optimizers.Adam(0.05), **mistakes):
    rewrite = SkipGram(**mistakes)
    rewrite.compile(optimizer(), jit_compile=False)
    return rewrite


def batches():
    random = np.random.RandomState(6)
    return [
        {
            "centre": random.randint(WORDS, size=BATCH).astype(np.int32),
            "context": random.randint(WORDS, size=(BATCH, 1)).astype(np.int32),
        }
        for _ in range(STEPS)
    ]


def pair(**mistakes):
    """The ``OwnPair``; arguments are mistakes."""
    return OwnPair(build, lambda: model(**mistakes), batches(), levels=["function"])
