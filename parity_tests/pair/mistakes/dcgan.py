"""A DCGAN: batch norm, upsampling, strides, leaky ReLUs, two Adams with beta1 of 0.5.

By the facts of carpedm20's. One session.run trains both nets, from gradients of the same
weights, so that nothing depends on which of the two is updated first.

Shapes: B batch, 4 numbers of noise, 8 x 8 pixels.
"""

import keras
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.pair.mistakes import graphs, keras_layers
from parity_tests.pair.own_pair import OwnPair
from tf1_graph.parts import normalizations
from tf2_keras.tf1_semantics import layers, optimizers

NOISE, SIZE, BATCH, STEPS = 4, 8, 6, 2
MOMENTUM, EPSILON, SLOPE, RATE, BETA1 = 0.9, 1e-5, 0.2, 0.01, 0.5


def _mean_cross_entropy(logits, labels_like, mean=tf.reduce_mean):
    return mean(
        tf.nn.sigmoid_cross_entropy_with_logits(
            labels=labels_like(logits), logits=logits
        )
    )


def losses(on_real, on_fake, mean=tf.reduce_mean, real=tf.ones_like):
    """(the discriminator's loss, the generator's)."""
    d_loss = _mean_cross_entropy(on_real, real, mean)
    d_loss += _mean_cross_entropy(on_fake, tf.zeros_like, mean)
    return d_loss, _mean_cross_entropy(on_fake, tf.ones_like, mean)


def _conv(x, name, filters, size, strides, seed):
    with tf1.variable_scope(name, reuse=tf1.AUTO_REUSE):
        shape = [size, size, int(x.shape[-1]), filters]
        start = tf1.random_normal_initializer(stddev=0.5, seed=seed)
        kernel = tf1.get_variable("kernel", shape, initializer=start)
        bias = tf1.get_variable("bias", [filters], initializer=tf1.zeros_initializer())
    return tf.nn.conv2d(x, kernel, strides, "SAME") + bias


def _discriminator(x):
    hidden = tf.nn.leaky_relu(_conv(x, "d_conv", 4, 3, 2, 3), SLOPE)
    hidden = tf.reshape(hidden, [-1, 4 * 4 * 4])
    with tf1.variable_scope("d_out", reuse=tf1.AUTO_REUSE):
        start = tf1.random_normal_initializer(stddev=0.5, seed=4)
        kernel = tf1.get_variable("kernel", [64, 1], initializer=start)
        bias = tf1.get_variable("bias", [1], initializer=tf1.zeros_initializer())
    return tf.nn.bias_add(tf.matmul(hidden, kernel), bias)


def build(update_ops=True):
    """Without ``update_ops`` the moving statistics stand still, as in many programs."""
    tf1.set_random_seed(graphs.SEED)
    inputs = graphs.placeholders(z=[NOISE], images=[SIZE, SIZE, 1])
    hidden = graphs.dense(inputs["z"], "g_project", 4 * 4 * 3, 1)
    hidden = tf.reshape(hidden, [-1, 4, 4, 3])
    hidden = normalizations.batch_normalization(
        hidden, True, "g_norm", momentum=MOMENTUM, epsilon=EPSILON
    )["y"]
    hidden = tf1.image.resize_bilinear(tf.nn.relu(hidden), [SIZE, SIZE])
    fake = tf.tanh(_conv(hidden, "g_conv", 1, 3, 1, 2))
    on_real, on_fake = _discriminator(inputs["images"]), _discriminator(fake)
    d_loss, g_loss = losses(on_real, on_fake)
    pairs = {}
    for net, loss in (("d", d_loss), ("g", g_loss)):
        known = [v for v in tf1.trainable_variables() if v.op.name.startswith(net)]
        pairs[net] = tf1.gradients(loss, known), known
    before = [*pairs["d"][0], *pairs["g"][0]]
    if update_ops:
        before += tf1.get_collection(tf1.GraphKeys.UPDATE_OPS)
    with tf1.control_dependencies(before):
        train = [
            tf1.train.AdamOptimizer(RATE, beta1=BETA1).apply_gradients(
                zip(*of_net, strict=True)
            )
            for of_net in pairs.values()
        ]
    return {
        "inputs": inputs,
        "train": {
            "op": tf.group(*train),
            "loss": {"d_loss": d_loss, "g_loss": g_loss},
        },
    }


class DCGAN(keras.Model):
    """Two nets, each with its optimizer."""

    def __init__(self, generator, discriminator, d_optimizer, g_optimizer, losses):
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer
        self.losses_of = losses
        d_optimizer.build(discriminator.trainable_variables)
        g_optimizer.build(generator.trainable_variables)
        self.built = True

    def train_step(self, data):
        (batch,) = data
        fake = self.generator(batch["z"], training=True)
        on_real = self.discriminator(batch["images"], training=True)
        d_loss, g_loss = self.losses_of(
            on_real, self.discriminator(fake, training=True)
        )
        steps = [
            (
                optimizer,
                tf.gradients(loss, [v.value for v in net.trainable_variables]),
                net,
            )
            for optimizer, loss, net in (
                (self.d_optimizer, d_loss, self.discriminator),
                (self.g_optimizer, g_loss, self.generator),
            )
        ]
        for optimizer, gradients, net in steps:
            optimizer.apply(gradients, net.trainable_variables)
        return {"d_loss": d_loss, "g_loss": g_loss}


def norm(kind=layers.BatchNormalization, momentum=MOMENTUM, epsilon=EPSILON):
    return kind(momentum=momentum, epsilon=epsilon, name="g_norm")


def larger():
    return layers.ResizeBilinear((SIZE, SIZE), name="g_resize")


def adam(name, beta1=BETA1, kind=optimizers.Adam, **options):
    return kind(RATE, beta1, name=name, **options)


def strided(padding="same"):
    return [
        keras.layers.Conv2D(
            4,
            3,
            2,
            padding,
            use_bias=False,
            name="d_conv",
            kernel_initializer=keras_layers.normal(3),
        )
    ]


def padded():
    return [keras.layers.ZeroPadding2D(1, name="d_pad"), *strided("valid")]


def model(
    norm=norm,
    larger=larger,
    convolution=strided,
    slope=SLOPE,
    ending="tanh",
    d_optimizer=lambda: adam("d_adam"),
    g_optimizer=lambda: adam("g_adam"),
    losses=losses,
):
    """The Keras rewrite; arguments are mistakes."""
    generator = keras.Sequential(
        [
            keras.Input([NOISE]),
            keras_layers.dense("g_project", 4 * 4 * 3, 1),
            keras.layers.Reshape([4, 4, 3], name="g_reshape"),
            norm(),
            keras.layers.ReLU(name="g_relu"),
            larger(),
            keras.layers.Conv2D(
                1,
                3,
                padding="same",
                use_bias=False,
                name="g_conv",
                kernel_initializer=keras_layers.normal(2),
            ),
            layers.AddBias(name="g_bias"),
            keras.layers.Activation(ending, name="g_tanh"),
        ],
        name="generator",
    )
    discriminator = keras.Sequential(
        [
            keras.Input([SIZE, SIZE, 1]),
            *convolution(),
            layers.AddBias(name="d_bias"),
            keras.layers.LeakyReLU(slope, name="d_leaky"),
            keras.layers.Flatten(name="d_flat"),
            keras_layers.dense("d_out", 1, 4),
        ],
        name="discriminator",
    )
    return DCGAN(generator, discriminator, d_optimizer(), g_optimizer(), losses)


NAMES = {
    "d_conv/bias": "discriminator/d_bias/bias",
    "g_conv/bias": "generator/g_bias/bias",
}


def batches():
    normal = graphs.numbers(8)
    return [
        {"z": normal(BATCH, NOISE), "images": normal(BATCH, SIZE, SIZE, 1)}
        for _ in range(STEPS)
    ]


def pair(build=build, **mistakes):
    """The ``OwnPair``; arguments are mistakes."""
    return OwnPair(
        build, lambda: model(**mistakes), batches(), names=NAMES, levels=["function"]
    )
