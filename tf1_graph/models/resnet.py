"""Deep residual networks: He et al. 2015, arXiv:1512.03385, as TF1 code of its day.

``Config()`` is the CIFAR ResNet-20 of section 4.2 (6n+2 layers, n = 3, identity
shortcuts); ``RESNET_50`` the bottleneck network of table 1 with projection shortcuts.

Shapes: B batch, H, W pixels, C channels; images are [B, H, W, C].
"""

import collections
import dataclasses
import zlib

import tensorflow.compat.v1 as tf


@dataclasses.dataclass(frozen=True)
class Config:
    image_shape: tuple = (32, 32, 3)
    classes: int = 10
    blocks: tuple = (3, 3, 3)  # residual blocks a stage; (n, n, n) is ResNet-(6n+2)
    width: int = 16  # channels of the first stage; each later stage doubles them
    bottleneck: bool = False  # 1x1, 3x3, 1x1 with four times the channels at the end
    learning_rates: tuple = (0.1, 0.01, 0.001)
    boundaries: tuple = (32000, 48000)  # steps at which the rate goes down
    momentum: float = 0.9
    weight_decay: float = 1e-4
    decay: float = 0.9  # of the moving statistics; the paper does not say
    epsilon: float = 1.001e-5  # 1.15 raises less to this, compat.v1 does not
    batch_size: int = 128
    seed: int = 1  # of the graph; each convolution adds its own


RESNET_50 = Config(
    image_shape=(224, 224, 3),
    classes=1000,
    blocks=(3, 4, 6, 3),
    width=64,
    bottleneck=True,
    batch_size=256,
    boundaries=(300000, 450000),
)


def op_seed(name):
    """A seed from a scope's full name: the order of creation cannot change it."""
    return zlib.crc32(name.encode()) % (2**31 - 1)


def he_normal(name):
    """stddev = sqrt(2 / fan_in): He et al. 2015, arXiv:1502.01852."""
    return tf.variance_scaling_initializer(
        scale=2.0,
        mode="fan_in",
        distribution="untruncated_normal",
        seed=op_seed(name),
    )


def conv2d(x, channels, size, stride, name):
    """[B, H, W, C] -> [B, H/stride, W/stride, channels]; batch norm adds the bias."""
    with tf.variable_scope(name) as scope:
        shape = [size, size, int(x.get_shape()[3]), channels]
        kernel = tf.get_variable("kernel", shape, initializer=he_normal(scope.name))
        return tf.nn.conv2d(x, kernel, strides=[1, stride, stride, 1], padding="SAME")


def batch_norm(x, training, config, name):
    """Fused batch normalisation over [B, H, W], with moving statistics.

    What tf.layers.batch_normalization did, written out: the update of the moving
    statistics goes into a collection, and who forgets to run it trains a network that
    cannot predict.
    """
    with tf.variable_scope(name):
        channels = [int(x.get_shape()[3])]
        ones, zeros = tf.ones_initializer(), tf.zeros_initializer()
        gamma = tf.get_variable("gamma", channels, initializer=ones)
        beta = tf.get_variable("beta", channels, initializer=zeros)
        statistics = [
            tf.get_variable(name, channels, initializer=start, trainable=False)
            for name, start in (("moving_mean", zeros), ("moving_variance", ones))
        ]
        if not training:
            y, _, _ = tf.nn.fused_batch_norm(
                x, gamma, beta, *statistics, epsilon=config.epsilon, is_training=False
            )
            return y
        # The variance that comes back is the sample's, N/(N-1) times the one that
        # normalised the batch.
        y, *batch_statistics = tf.nn.fused_batch_norm(
            x, gamma, beta, epsilon=config.epsilon, is_training=True
        )
        rate = 1.0 - tf.constant(config.decay)  # in float32, as tf.layers had it
        for moving, batch in zip(statistics, batch_statistics):
            update = tf.assign_sub(moving, (moving - batch) * rate)
            tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, update)
        return y


def shortcut(x, channels, stride, training, config):
    """What a block adds to its residual: x itself, reshaped where it must be."""
    in_channels = int(x.get_shape()[3])
    if in_channels == channels and stride == 1:
        return x
    if config.bottleneck:  # option B: a projection
        x = conv2d(x, channels, 1, stride, "shortcut")
        return batch_norm(x, training, config, "shortcut_norm")
    # Option A: every second pixel, and zeros for the channels that are new.
    missing = channels - in_channels
    padding = [[0, 0], [0, 0], [0, 0], [missing // 2, missing - missing // 2]]
    return tf.pad(x[:, ::stride, ::stride, :], padding)


def basic_block(x, channels, stride, training, config, name):
    """Two 3x3 convolutions around an identity shortcut (figure 2)."""
    with tf.variable_scope(name):
        residual = conv2d(x, channels, 3, stride, "conv1")
        residual = tf.nn.relu(batch_norm(residual, training, config, "norm1"))
        residual = conv2d(residual, channels, 3, 1, "conv2")
        residual = batch_norm(residual, training, config, "norm2")
        return tf.nn.relu(residual + shortcut(x, channels, stride, training, config))


def bottleneck_block(x, channels, stride, training, config, name):
    """1x1, 3x3 and 1x1 convolutions around a shortcut (figure 5, right)."""
    with tf.variable_scope(name):
        residual = conv2d(x, channels, 1, stride, "conv1")
        residual = tf.nn.relu(batch_norm(residual, training, config, "norm1"))
        residual = conv2d(residual, channels, 3, 1, "conv2")
        residual = tf.nn.relu(batch_norm(residual, training, config, "norm2"))
        residual = conv2d(residual, 4 * channels, 1, 1, "conv3")
        residual = batch_norm(residual, training, config, "norm3")
        return tf.nn.relu(
            residual + shortcut(x, 4 * channels, stride, training, config)
        )


def inference(x, training, config):
    """[B, H, W, C] -> logits [B, classes], float32."""
    block = bottleneck_block if config.bottleneck else basic_block
    size, stride = (7, 2) if config.bottleneck else (3, 1)  # ImageNet's stem, CIFAR's
    x = conv2d(x, config.width, size, stride, "stem")
    x = tf.nn.relu(batch_norm(x, training, config, "stem_norm"))
    if config.bottleneck:  # a quarter of the pixels a side
        x = tf.nn.max_pool(x, [1, 3, 3, 1], [1, 2, 2, 1], padding="SAME")
    for stage, count in enumerate(config.blocks):
        for index in range(count):
            stride = 2 if stage > 0 and index == 0 else 1
            name = f"stage{stage + 1}_block{index + 1}"
            x = block(x, config.width * 2**stage, stride, training, config, name)
    x = tf.reduce_mean(x, axis=[1, 2])  # [B, C]
    with tf.variable_scope("logits") as scope:
        shape = [int(x.get_shape()[1]), config.classes]
        kernel = tf.get_variable("kernel", shape, initializer=he_normal(scope.name))
        bias = tf.get_variable("bias", shape[1:], initializer=tf.zeros_initializer())
        return tf.nn.bias_add(tf.matmul(x, kernel), bias)


def loss(y_true, y_pred):
    """Mean cross-entropy of labels [B], int64, and logits [B, classes], a scalar."""
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y_true, logits=y_pred)
    )


def penalties(config):
    """weight_decay * |kernel|^2 / 2 of each kernel, a list of scalars."""
    kernels = [v for v in tf.trainable_variables() if v.op.name.endswith("kernel")]
    return [config.weight_decay * tf.nn.l2_loss(kernel) for kernel in kernels]


def optimizer(config):
    """Momentum; the rate goes down as the global step counts."""
    learning_rate = tf.train.piecewise_constant(
        tf.train.get_or_create_global_step(),
        list(config.boundaries),
        list(config.learning_rates),
    )
    return tf.train.MomentumOptimizer(learning_rate, config.momentum)


# The graph, what its Session feeds, fetches and runs; ``predict`` is y_pred with the
# moving statistics.
Model = collections.namedtuple(
    "Model", ["graph", "x", "y_true", "y_pred", "loss", "train", "predict"]
)


def build(config=Config()):
    """The whole graph, nothing run yet: one tower to train, one to predict."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(config.seed)
        x = tf.placeholder(tf.float32, [None] + list(config.image_shape), name="x")
        y_true = tf.placeholder(tf.int64, [None], name="y_true")
        with tf.variable_scope(""):
            y_pred = inference(x, True, config)
        with tf.variable_scope("", reuse=True):
            predict = inference(x, False, config)
        total_loss = tf.add_n([loss(y_true, y_pred)] + penalties(config))
        # The moving statistics move with each step, or never.
        with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
            train = optimizer(config).minimize(
                total_loss, tf.train.get_or_create_global_step()
            )
    return Model(graph, x, y_true, y_pred, total_loss, train, predict)


def run(batches, test_images, test_labels, config=Config()):
    """Trains on every (images, labels) of ``batches``; returns the test accuracy."""
    built = build(config)
    with built.graph.as_default():
        predicted = tf.argmax(built.predict, 1)
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)
            for images, labels in batches:
                session.run(
                    built.train, feed_dict={built.x: images, built.y_true: labels}
                )
            classes = session.run(predicted, feed_dict={built.x: test_images})
    return (classes == test_labels).mean()
