"""A variational autoencoder: dropout, a Gaussian sample, a Bernoulli decoder, Adam.

By the facts of hwalsuklee's and jmetzen's: cross-entropy summed over the pixels, the
divergence summed over the latent units, the mean of both over the batch.

Shapes: B batch, 12 pixels, 8 hidden units, 3 latent ones.
"""

import keras
import numpy as np
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.pair.mistakes import graphs, keras_layers
from parity_tests.pair.own_pair import OwnPair
from tf2_keras.tf1_semantics import layers, optimizers, philox

PIXELS, HIDDEN, LATENT, BATCH, STEPS = 12, 8, 3, 6, 2
KEEP_PROB, DROPOUT_SEED, NOISE_SEED = 0.75, 21, 22


def bernoulli(x, logits):
    """[B], the cross-entropy of all pixels."""
    return tf.reduce_sum(
        tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits), 1
    )


def divergence(mean, log_variance):
    """[B], of the latent units' Gaussian from the standard one."""
    return -0.5 * tf.reduce_sum(
        1 + log_variance - tf.square(mean) - tf.exp(log_variance), 1
    )


def build():
    tf1.set_random_seed(graphs.SEED)
    inputs = graphs.placeholders(x=[PIXELS], y_true=[PIXELS])
    hidden = graphs.dense(inputs["x"], "encoder", HIDDEN, 1, tf.nn.softplus)
    hidden = tf1.nn.dropout(hidden, KEEP_PROB, seed=DROPOUT_SEED)
    mean = graphs.dense(hidden, "mean", LATENT, 2)
    log_variance = graphs.dense(hidden, "log_variance", LATENT, 3)
    noise = tf1.random_normal(tf.shape(mean), seed=NOISE_SEED)
    z = mean + tf.exp(0.5 * log_variance) * noise
    hidden = graphs.dense(z, "decoder", HIDDEN, 4, tf.nn.softplus)
    logits = graphs.dense(hidden, "pixels", PIXELS, 5)
    loss = tf.reduce_mean(
        bernoulli(inputs["y_true"], logits) + divergence(mean, log_variance)
    )
    step = tf1.train.AdamOptimizer(0.01).minimize(loss)
    return {"inputs": inputs, "train": {"op": step, "loss": loss}}


@keras.saving.register_keras_serializable("mistakes")
class Sample(keras.layers.Layer):
    """mean + deviation * noise, from a stream of its own."""

    def __init__(self, seed, half=0.5, **options):
        super().__init__(**options)
        self.seed, self.half = seed, half

    def build(self, _shapes):
        self.drawn = self.add_weight(
            shape=(), dtype="int64", initializer="zeros", trainable=False, name="drawn"
        )

    def call(self, inputs):
        mean, log_variance = inputs
        drawn = tf.identity(self.drawn.value)
        self.drawn.assign_add(tf.size(mean, tf.int64) * philox.RESERVED_PER_ELEMENT)
        noise = philox.normal(tf.shape(mean), self.seed, drawn)
        return mean + tf.exp(self.half * log_variance) * noise


class Autoencoder(keras.Model):
    """Its loss is that of the pixels and of the latent units."""

    def __init__(self, loss_of, **functional):
        super().__init__(**functional)
        self.loss_of = loss_of

    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):  # noqa: ARG002 -- Keras's signature
        return self.loss_of(y, *y_pred)

    def train_step(self, data):
        x, y = data
        loss = self.compute_loss(x, y, self(x, training=True))
        # The latent units' gradients have three and more parts, which a tape adds up in
        # another order than TF1's graph.
        gradients = tf.gradients(loss, [v.value for v in self.trainable_variables])
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss}


def dropout(keep_prob=KEEP_PROB, seed=DROPOUT_SEED):
    return layers.Dropout(
        keep_prob, (graphs.SEED, seed), scaling="compat.v1", name="dropout"
    )


def model(
    dropout=dropout,
    noise_seed=NOISE_SEED,
    half=0.5,
    activation="softplus",
    pixels=bernoulli,
    latent=divergence,
    mean=tf.reduce_mean,
    optimizer=lambda: optimizers.Adam(0.01),
    first_seed=1,
):
    """The Keras rewrite; arguments are mistakes."""
    x = keras.Input([PIXELS], name="x")
    hidden = keras_layers.dense("encoder", HIDDEN, first_seed, "softplus")(x)
    hidden = dropout()(hidden)
    means = keras_layers.dense("mean", LATENT, 2)(hidden)
    log_variance = keras_layers.dense("log_variance", LATENT, 3)(hidden)
    sample = Sample((graphs.SEED, noise_seed), half, name="sample")
    hidden = keras_layers.dense("decoder", HIDDEN, 4, activation)(
        sample([means, log_variance])
    )
    logits = keras_layers.dense("pixels", PIXELS, 5)(hidden)

    def loss_of(y, logits, means, log_variance):
        return mean(pixels(y, logits) + latent(means, log_variance))

    rewrite = Autoencoder(loss_of, inputs=x, outputs=[logits, means, log_variance])
    rewrite.compile(optimizer(), jit_compile=False)
    return rewrite


def batches():
    random = np.random.RandomState(7)
    pixels = [
        random.randint(2, size=(BATCH, PIXELS)).astype(np.float32) for _ in range(STEPS)
    ]
    return [{"x": image, "y_true": image.copy()} for image in pixels]


def pair(**mistakes):
    """The ``OwnPair``; arguments are mistakes."""
    return OwnPair(build, lambda: model(**mistakes), batches(), levels=["function"])
