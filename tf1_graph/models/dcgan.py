"""A DCGAN, as the best known TF1 code of Radford et al. 2016, arXiv:1511.06434, has it.

A generator makes images of noise by transposed convolutions, a discriminator tells them
from real ones; both are normalised by batches, each is trained by an Adam of its own.
Within an iteration the discriminator takes one step and the generator two.

Shapes: B batch, Z = 100 numbers of noise, N image size, C channels, L = 4 levels.
"""

import collections
import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph.models.resnet import op_seed


@dataclasses.dataclass(frozen=True)
class Config:
    output_size: int = 64  # N, halved at each level
    c_dim: int = 3  # C
    z_dim: int = 100  # Z
    levels: int = 4  # L
    gf_dim: int = 64  # features of the generator's last level but one
    df_dim: int = 64  # features of the discriminator's first level
    decay: float = 0.9  # of the moving statistics
    epsilon: float = 1.001e-5  # the source's 1e-5, which 1.15 raised to cuDNN's least
    learning_rate: float = 0.0002
    beta1: float = 0.5  # of both Adams
    batch_size: int = 64
    epoch: int = 25
    seed: int = 1  # of the graph; each random op adds its own


def next_batch(images, batch_size, z_dim, seed):
    """Endless (images, z): real ones in order, noise from -1 to 1; none is short."""
    random = np.random.RandomState(seed)
    while True:
        for start in range(0, len(images) - batch_size + 1, batch_size):
            z = random.uniform(-1, 1, [batch_size, z_dim]).astype(np.float32)
            yield images[start : start + batch_size], z


def variable(name, shape, initializer=tf.random_normal_initializer):
    """A weight whose seed comes from its name; a second call finds the first one's."""
    seed = op_seed(tf.get_variable_scope().name + "/" + name)
    return tf.get_variable(name, shape, initializer=initializer(stddev=0.02, seed=seed))


def linear(x, size, name):
    """[B, in_size] -> [B, size]."""
    with tf.variable_scope(name):
        return tf.matmul(x, variable("Matrix", [int(x.get_shape()[1]), size]))


def conv2d(x, channels, name):
    """[B, h, w, c] -> [B, h / 2, w / 2, channels], 5 x 5."""
    with tf.variable_scope(name):
        shape = [5, 5, int(x.get_shape()[3]), channels]
        w = variable("w", shape, tf.truncated_normal_initializer)
        return tf.nn.conv2d(x, w, strides=[1, 2, 2, 1], padding="SAME")


def deconv2d(x, channels, name):
    """[B, h, w, c] -> [B, 2 h, 2 w, channels], 5 x 5."""
    with tf.variable_scope(name):
        _, height, width, in_channels = x.get_shape().as_list()
        w = variable("w", [5, 5, channels, in_channels])
        output_shape = tf.stack([tf.shape(x)[0], 2 * height, 2 * width, channels])
        return tf.nn.conv2d_transpose(x, w, output_shape, strides=[1, 2, 2, 1])


def add_bias(x, name):
    """Of layers without batch norm: in front of one the source's biases changed nothing."""
    # What gradient they had was rounding, of which Adam made steps as long as any.
    with tf.variable_scope(name):
        size = [int(x.get_shape()[-1])]
        biases = tf.get_variable("biases", size, initializer=tf.zeros_initializer())
        return x + biases


def batch_norm(x, train, config, name):
    """contrib's batch norm with updates_collections=None: each pass moves the statistics."""
    with tf.variable_scope(name):
        size = [int(x.get_shape()[3])]
        zeros, ones = tf.zeros_initializer(), tf.ones_initializer()
        beta = tf.get_variable("beta", size, initializer=zeros)
        gamma = tf.get_variable("gamma", size, initializer=ones)
        moving_mean = tf.get_variable(
            "moving_mean", size, initializer=zeros, trainable=False
        )
        moving_variance = tf.get_variable(
            "moving_variance", size, initializer=ones, trainable=False
        )
        moving = moving_mean, moving_variance
        if not train:
            return tf.nn.fused_batch_norm(
                x, gamma, beta, *moving, epsilon=config.epsilon, is_training=False
            )[0]
        y, *statistics = tf.nn.fused_batch_norm(
            x, gamma, beta, epsilon=config.epsilon, is_training=True
        )
        # Read then, not when the run begins, as what a ref variable converts to would be.
        with tf.control_dependencies(statistics):
            before = [variable.read_value() for variable in moving]
        updates = [
            tf.assign_sub(variable, (old - statistic) * (1.0 - config.decay))
            for variable, old, statistic in zip(moving, before, statistics)
        ]
        for update in updates:
            tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, update)
        with tf.control_dependencies(updates):
            return tf.identity(y)


def generator(z, config, train=True):
    """[B, Z] -> images [B, N, N, C] from -1 to 1; ``train=False`` was called sampler."""
    with tf.variable_scope("generator", reuse=tf.AUTO_REUSE):
        size = config.output_size // 2**config.levels
        features = config.gf_dim * 2 ** (config.levels - 1)
        h = linear(z, features * size**2, "g_h0_lin")
        h = tf.reshape(h, [-1, size, size, features])
        for level in range(1, config.levels):
            h = tf.nn.relu(batch_norm(h, train, config, f"g_bn{level - 1}"))
            h = deconv2d(h, features // 2**level, f"g_h{level}")
        h = tf.nn.relu(batch_norm(h, train, config, f"g_bn{config.levels - 1}"))
        name = f"g_h{config.levels}"
        return tf.nn.tanh(add_bias(deconv2d(h, config.c_dim, name), name))


def discriminator(image, config):
    """[B, N, N, C] -> logits [B, 1]; of a real image they should be large."""
    with tf.variable_scope("discriminator", reuse=tf.AUTO_REUSE):
        h = add_bias(conv2d(image, config.df_dim, "d_h0_conv"), "d_h0_conv")
        h = tf.nn.leaky_relu(h, 0.2)
        for level in range(1, config.levels):
            h = conv2d(h, config.df_dim * 2**level, f"d_h{level}_conv")
            h = tf.nn.leaky_relu(batch_norm(h, True, config, f"d_bn{level}"), 0.2)
        _, height, width, features = h.get_shape().as_list()
        h = tf.reshape(h, [-1, height * width * features])
        name = f"d_h{config.levels}_lin"
        return add_bias(linear(h, 1, name), name)


def inference(images, z, config):
    """(logits of real images, of made ones, of made ones for the generator), [B, 1]."""
    made = generator(z, config)
    on_real = discriminator(images, config)
    # The source left open which of two passes moves the statistics first, and TensorFlow
    # did one or the other. Here the made images come second.
    of_real = tf.get_collection(tf.GraphKeys.UPDATE_OPS, scope="discriminator")
    with tf.control_dependencies(of_real):
        made_then = tf.identity(made)
    on_made = discriminator(made_then, config)
    # A third pass, for the generator's step needs no real images.
    return on_real, on_made, discriminator(made, config)


def loss(logits, real):
    """Mean sigmoid cross-entropy of logits [B, 1], all real or all made, a scalar."""
    # The source called sigmoid_cross_entropy_with_logits: four gradients of the logits,
    # which each graph adds up in an order of its own. Here there is one.
    return tf.reduce_mean(tf.nn.softplus(-logits if real else logits))


def optimizer(config):
    """Adam; each network has one of its own."""
    return tf.train.AdamOptimizer(config.learning_rate, beta1=config.beta1)


# The graph, what its Session feeds, fetches and runs.
Model = collections.namedtuple(
    "Model",
    ["graph", "images", "z", "sampler", "d_loss", "g_loss", "d_optim", "g_optim"],
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(config.seed)
        image_dims = [config.output_size, config.output_size, config.c_dim]
        images = tf.placeholder(tf.float32, [None] + image_dims, name="real_images")
        z = tf.placeholder(tf.float32, [None, config.z_dim], name="z")
        on_real, on_made, fooled = inference(images, z, config)
        d_loss = loss(on_real, real=True) + loss(on_made, real=False)
        g_loss = loss(fooled, real=True)
        sampler = generator(z, config, train=False)
        # Told apart by their names: whoever renames a layer trains it with neither.
        t_vars = tf.trainable_variables()
        d_vars = [var for var in t_vars if "d_" in var.name]
        g_vars = [var for var in t_vars if "g_" in var.name]
        d_optim = optimizer(config).minimize(d_loss, var_list=d_vars)
        g_optim = optimizer(config).minimize(g_loss, var_list=g_vars)
    return Model(graph, images, z, sampler, d_loss, g_loss, d_optim, g_optim)


def run(images, sample_z, config=Config()):
    """Returns ([(d_loss, g_loss) of each iteration], the images of ``sample_z``).

    Args:
        images: [n, N, N, C], float32, from -1 to 1.
        sample_z: [m, Z], float32.
    """
    built = build(config)
    batches = next_batch(images, config.batch_size, config.z_dim, config.seed)
    losses = []
    with built.graph.as_default():
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)
            for _ in range(config.epoch * (len(images) // config.batch_size)):
                batch_images, batch_z = next(batches)
                feed_dict = {built.images: batch_images, built.z: batch_z}
                _, d_loss = session.run([built.d_optim, built.d_loss], feed_dict)
                # Twice, to make sure that d_loss does not go to zero.
                feed_dict = {built.z: batch_z}
                session.run(built.g_optim, feed_dict)
                _, g_loss = session.run([built.g_optim, built.g_loss], feed_dict)
                losses.append((d_loss, g_loss))
            samples = session.run(built.sampler, {built.z: sample_z})
    return losses, samples
