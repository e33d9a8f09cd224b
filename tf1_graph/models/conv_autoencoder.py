"""A convolutional autoencoder of tf.layers: pictures to a code of a few numbers, and back.

What the decoders of many generative models are made of: pictures that are doubled by
nearest neighbours and convolved, against checkerboards, and a transposed convolution at the
end; before it an encoder that averages pixels. TensorFlow 1.15 only: with Keras 3 even
today's compat.v1 has no tf.layers.

Shapes: B batch, H = W = 16 pixels once resized, one channel, C numbers of a code.
"""

import collections
import dataclasses

import tensorflow.compat.v1 as tf


@dataclasses.dataclass(frozen=True)
class Config:
    image_size: int = 16  # H, pixels a side after resizing; a multiple of 4
    channels: tuple = (8, 16)  # of both convolutions, from the outside in
    code: int = 32  # C
    learning_rate: float = 0.005
    momentum: float = 0.9
    batch_size: int = 16
    steps: int = 6
    seed: int = 1  # of the graph; each random op adds its own


def preprocess(images, config):
    """uint8 [B, h, w] -> float32 [B, H, W, 1] between 0 and 1."""
    resized = tf.image.resize_images(
        tf.expand_dims(images, -1),
        [config.image_size, config.image_size],
        method=tf.image.ResizeMethod.NEAREST_NEIGHBOR,  # its pixels stay uint8
    )
    return tf.cast(resized, tf.float32) / 255.0


def kernel(seed):
    # TF1's default for a layer, which without a seed would draw anew in each run.
    return tf.glorot_uniform_initializer(seed=seed)


def conv2d(x, channels, seed, name):
    """[B, h, w, c] -> [B, h, w, channels], a convolution of 3 x 3 and a ReLU."""
    return tf.layers.conv2d(
        x,
        channels,
        3,
        padding="same",
        activation=tf.nn.relu,
        kernel_initializer=kernel(seed),
        name=name,
    )


def encoder(x, config):
    """[B, H, W, 1] -> [B, C]."""
    outer, inner = config.channels
    x = conv2d(x, outer, 11, "encoder1")
    x = tf.layers.average_pooling2d(x, 2, 2)  # [B, H / 2, W / 2, outer]
    x = conv2d(x, inner, 12, "encoder2")
    x = tf.layers.average_pooling2d(x, 2, 2)  # [B, H / 4, W / 4, inner]
    x = tf.layers.flatten(x)
    return tf.layers.dense(x, config.code, kernel_initializer=kernel(13), name="code")


def decoder(code, config):
    """[B, C] -> [B, H, W, 1], float32 between 0 and 1."""
    outer, inner = config.channels
    size = config.image_size // 4
    x = tf.layers.dense(
        code,
        size * size * inner,
        activation=tf.nn.relu,
        kernel_initializer=kernel(14),
        name="decoder1",
    )
    x = tf.reshape(x, [-1, size, size, inner])
    x = tf.image.resize_nearest_neighbor(x, [2 * size, 2 * size])
    x = conv2d(x, outer, 15, "decoder2")  # [B, H / 2, W / 2, outer]
    return tf.layers.conv2d_transpose(
        x,
        1,
        4,
        strides=2,
        padding="same",
        activation=tf.nn.sigmoid,
        kernel_initializer=kernel(16),
        name="decoder3",
    )


def inference(x, config):
    """[B, H, W, 1] -> the same, out of its code."""
    return decoder(encoder(x, config), config)


def loss(y_true, y_pred):
    """The squared difference of a picture, summed over its pixels: a mean of B, a scalar."""
    difference = tf.squared_difference(y_true, y_pred)
    return tf.reduce_mean(tf.reduce_sum(difference, [1, 2, 3]))


def optimizer(config):
    """Momentum."""
    return tf.train.MomentumOptimizer(config.learning_rate, config.momentum)


# The graph, and what its Session feeds, fetches and runs.
Model = collections.namedtuple(
    "Model", ["graph", "images", "x", "y_pred", "loss", "train"]
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(config.seed)
        images = tf.placeholder(tf.uint8, [None, 28, 28])
        x = preprocess(images, config)
        y_pred = inference(x, config)
        total_loss = loss(x, y_pred)
        train = optimizer(config).minimize(total_loss)
    return Model(graph, images, x, y_pred, total_loss, train)


def run(train_images, test_images, config=Config()):
    """A record of the start, of each step, and of the test pictures after the last.

    Args:
        train_images, test_images: [n, 28, 28], uint8.
    """
    built = build(config)
    with tf.Session(graph=built.graph) as session:
        with built.graph.as_default():
            session.run(tf.global_variables_initializer())
            variables = {value.op.name: value for value in tf.global_variables()}
        history = [{"initial values": session.run(variables)}]
        for step in range(config.steps):
            start = step * config.batch_size % len(train_images)
            images = train_images[start : start + config.batch_size]
            fetches = [built.train, built.x, built.loss]
            _, x, loss_value = session.run(fetches, {built.images: images})
            history.append({"batches": {"x": x}})
            history.append({"loss": {"loss": loss_value}})
            history.append({"updates": session.run(variables)})
        fetches = [built.y_pred, built.loss]
        y_pred, loss_value = session.run(fetches, {built.images: test_images})
        history.append({"outputs": {"y_pred": y_pred}})
        history.append({"evaluation": {"loss": loss_value}})
    return history
