"""A variational autoencoder on digits, as in the best known collection of examples.

A digit becomes two numbers and their spread, a sample of them becomes a digit again. The
loss is that of the pixels, a sum, and how far the latent numbers are from a standard
normal; the sample's noise is part of the graph. RMSProp.

Shapes: B batch, P = 784 pixels, H = 512 hidden units, Z = 2 latent numbers.
"""

import collections
import dataclasses
import math

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph.models.mnist_cnn import next_batch


@dataclasses.dataclass(frozen=True)
class Config:
    image_dim: int = 784  # P
    hidden_dim: int = 512  # H
    latent_dim: int = 2  # Z
    learning_rate: float = 0.001
    batch_size: int = 64
    num_steps: int = 30000
    display_step: int = 1000  # steps between two reports of the loss
    seed: int = 1  # of the graph; each random op adds its own


def glorot_init(shape, seed):
    """What the source took for Glorot's rule: of biases too, by their number."""
    return tf.random_normal(shape, stddev=1.0 / math.sqrt(shape[0] / 2.0), seed=seed)


def full_layer(x, size, seed, name):
    """[B, in_size] -> [B, size]: x w + b, before any activation."""
    shape = [int(x.get_shape()[1]), size]
    with tf.variable_scope(name):
        w = tf.Variable(glorot_init(shape, seed), name="w")
        b = tf.Variable(glorot_init([size], seed + 1), name="b")
    return tf.matmul(x, w) + b


def encoder(x, config):
    """[B, P] -> (mean, logarithm of the variance) of the latent numbers, each [B, Z]."""
    hidden = tf.nn.tanh(full_layer(x, config.hidden_dim, 11, "encoder_h1"))
    z_mean = full_layer(hidden, config.latent_dim, 13, "z_mean")
    z_std = full_layer(hidden, config.latent_dim, 15, "z_std")
    return z_mean, z_std


def decoder(z, config):
    """[B, Z] -> digits [B, P], probabilities of ink."""
    hidden = tf.nn.tanh(full_layer(z, config.hidden_dim, 17, "decoder_h1"))
    return tf.nn.sigmoid(full_layer(hidden, config.image_dim, 19, "decoder_out"))


def inference(x, config):
    """[B, P] -> (reconstruction [B, P], z_mean [B, Z], z_std [B, Z], z [B, Z])."""
    z_mean, z_std = encoder(x, config)
    eps = tf.random_normal(tf.shape(z_std), mean=0.0, stddev=1.0, seed=31)
    z = z_mean + tf.exp(z_std / 2) * eps
    return decoder(z, config), z_mean, z_std, z


def loss(x_true, x_reconstructed, z_mean, z_std):
    """Cross-entropy and divergence, each summed over its units, the mean over B."""
    # 1e-10 + 1 is 1: where a pixel is surely white and its target black, or the other
    # way round, only the first logarithm is kept finite.
    encode_decode_loss = x_true * tf.log(1e-10 + x_reconstructed) + (
        1 - x_true
    ) * tf.log(1e-10 + 1 - x_reconstructed)
    encode_decode_loss = -tf.reduce_sum(encode_decode_loss, 1)  # [B], of P pixels
    kl_div_loss = 1 + z_std - tf.square(z_mean) - tf.exp(z_std)
    kl_div_loss = -0.5 * tf.reduce_sum(kl_div_loss, 1)  # [B], of Z numbers
    return tf.reduce_mean(encode_decode_loss + kl_div_loss)


def optimizer(config):
    """RMSProp, whose mean square starts at one."""
    return tf.train.RMSPropOptimizer(learning_rate=config.learning_rate)


# The graph, what its Session feeds, fetches and runs.
Model = collections.namedtuple(
    "Model", ["graph", "x", "y_pred", "z_mean", "z_std", "z", "loss", "train"]
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(config.seed)
        x = tf.placeholder(tf.float32, [None, config.image_dim], name="input_image")
        y_pred, z_mean, z_std, z = inference(x, config)
        loss_op = loss(x, y_pred, z_mean, z_std)
        train_op = optimizer(config).minimize(loss_op)
    return Model(graph, x, y_pred, z_mean, z_std, z, loss_op, train_op)


def run(digits, labels, noise, config=Config()):
    """Returns ([(step, loss before it)] at each report, the digits of ``noise``).

    Args:
        digits: [n, P], float32. labels: [n], which only the order of batches is for.
        noise: [m, Z], float32, latent numbers to make digits of.
    """
    built = build(config)
    batches = next_batch(digits, labels, config.batch_size, config.seed)
    reports = []
    with built.graph.as_default():
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)
            for step in range(1, config.num_steps + 1):
                x, _ = next(batches)
                _, value = session.run(
                    [built.train, built.loss], feed_dict={built.x: x}
                )
                if step % config.display_step == 0 or step == 1:
                    reports.append((step, value))
            # Any tensor can be fed: no second decoder is built.
            made = session.run(built.y_pred, feed_dict={built.z: noise})
    return reports, np.asarray(made)
