"""A WGAN with gradient penalty on digits, Gulrajani et al. 2017, arXiv:1704.00028.

A critic gives digits a number, as large as it can for real ones and as small as it can for
made ones; that its slope stays near one is part of its loss: a gradient whose gradient
trains. Five steps of the critic, then one of the generator; an Adam each.

Shapes: B batch, P = 784 pixels, H = 128 hidden units, Z = 10 numbers of noise.
"""

import collections
import dataclasses
import math

import numpy as np
import tensorflow.compat.v1 as tf


@dataclasses.dataclass(frozen=True)
class Config:
    x_dim: int = 784  # P
    h_dim: int = 128  # H
    z_dim: int = 10  # Z
    lam: float = 10.0  # of the penalty
    critic_steps: int = 5  # to one of the generator
    learning_rate: float = 1e-4
    beta1: float = 0.5  # of both Adams
    batch_size: int = 32
    iterations: int = 1000000
    seed: int = 1  # of the graph; each random op adds its own


def next_batch(digits, config):
    """Endless (x [n B, P], z [(n + 1) B, Z]): what an iteration of n + 1 steps takes."""
    random = np.random.RandomState(config.seed)
    size, n = config.batch_size, config.critic_steps
    while True:
        x = digits[random.randint(len(digits), size=n * size)]
        z = random.uniform(-1.0, 1.0, [(n + 1) * size, config.z_dim])
        yield x, z.astype(np.float32)


def xavier_init(shape, seed):
    """Normal, by the number of inputs."""
    stddev = 1.0 / math.sqrt(shape[0] / 2.0)
    return tf.random_normal_initializer(stddev=stddev, seed=seed)


def layer(x, size, seed, name):
    """[B, in_size] -> [B, size]: x w + b, the same variables at each call."""
    shape = [int(x.get_shape()[1]), size]
    with tf.variable_scope(name, reuse=tf.AUTO_REUSE):
        w = tf.get_variable("W", shape, initializer=xavier_init(shape, seed))
        b = tf.get_variable("b", [size], initializer=tf.zeros_initializer())
    return tf.matmul(x, w) + b


def generator(z, config):
    """[B, Z] -> digits [B, P], from 0 to 1."""
    hidden = tf.nn.relu(layer(z, config.h_dim, 11, "G_1"))
    return tf.nn.sigmoid(layer(hidden, config.x_dim, 12, "G_2"))


def critic(x, config):
    """[B, P] -> [B, 1]: the more real, the larger."""
    hidden = tf.nn.relu(layer(x, config.h_dim, 21, "D_1"))
    return layer(hidden, 1, 22, "D_2")


def between(x, made):
    """[B, P]: a point on the way from each real digit to a made one."""
    # One number a digit, not one a pixel.
    eps = tf.random_uniform([tf.shape(x)[0], 1], minval=0.0, maxval=1.0, seed=31)
    return eps * x + (1.0 - eps) * made


def inference(x, z, config):
    """(critic of made digits, of real ones, [B, 1]; its gradient in between, [B, P])."""
    made = generator(z, config)
    # Both in one call: of three calls each graph would add up the gradients in its order.
    on_made, on_real = tf.split(critic(tf.concat([made, x], 0), config), 2)
    x_inter = between(x, made)
    grad = tf.gradients(critic(x_inter, config), [x_inter])[0]
    return on_made, on_real, grad


def penalty(grad, config):
    """How far from one the slopes are that gradients [B, P] have, a scalar."""
    slopes = tf.sqrt(tf.reduce_sum(tf.square(grad), axis=1))
    return config.lam * tf.reduce_mean(tf.square(slopes - 1.0))


def loss(on_made, on_real, grad_pen):
    """The critic's, a scalar: no logarithm and no probability."""
    return tf.reduce_mean(on_made) - tf.reduce_mean(on_real) + grad_pen


def optimizer(config):
    """Adam; each network has one of its own."""
    return tf.train.AdamOptimizer(config.learning_rate, beta1=config.beta1)


# The graph, what its Session feeds, fetches and runs.
Model = collections.namedtuple(
    "Model", ["graph", "x", "z", "made", "d_loss", "g_loss", "d_train", "g_train"]
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(config.seed)
        x = tf.placeholder(tf.float32, [None, config.x_dim], name="X")
        z = tf.placeholder(tf.float32, [None, config.z_dim], name="z")
        on_made, on_real, grad = inference(x, z, config)
        d_loss = loss(on_made, on_real, penalty(grad, config))
        made = generator(z, config)
        g_loss = -tf.reduce_mean(critic(made, config))
        theta_d = [v for v in tf.trainable_variables() if v.name.startswith("D_")]
        theta_g = [v for v in tf.trainable_variables() if v.name.startswith("G_")]
        d_train = optimizer(config).minimize(d_loss, var_list=theta_d)
        g_train = optimizer(config).minimize(g_loss, var_list=theta_g)
    return Model(graph, x, z, made, d_loss, g_loss, d_train, g_train)


def run(digits, noise, config=Config()):
    """Returns ([(d_loss, g_loss) of each iteration], the digits of ``noise``).

    Args:
        digits: [n, P], float32, from 0 to 1.
        noise: [m, Z], float32.
    """
    built = build(config)
    batches = next_batch(digits, config)
    losses = []
    with built.graph.as_default():
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)
            for _ in range(config.iterations):
                x, z = next(batches)
                *z, last = np.split(z, config.critic_steps + 1)
                for feed in zip(np.split(x, config.critic_steps), z):
                    feed_dict = dict(zip([built.x, built.z], feed))
                    _, d_loss = session.run([built.d_train, built.d_loss], feed_dict)
                _, g_loss = session.run([built.g_train, built.g_loss], {built.z: last})
                losses.append((d_loss, g_loss))
            made = session.run(built.made, {built.z: noise})
    return losses, made
