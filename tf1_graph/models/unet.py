"""A U-Net that finds circles in a noisy image, as the most copied TF1 code had it.

Ronneberger et al. 2015, arXiv:1505.04597: convolutions without padding and pooling on
the way down, transposed convolutions on the way up, where each level is joined by what
the way down had at its size, cropped. Every pixel is a class; rare ones weigh more.

Shapes: B batch, N image size, M = N - 40 output size at three layers, K classes.
"""

import collections
import dataclasses
import math

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph.models.resnet import op_seed


@dataclasses.dataclass(frozen=True)
class Config:
    nx: int = 572  # N; what is left after each (N - 4) must be even
    channels: int = 1
    n_class: int = 2  # K; paper, circle
    layers: int = 3
    features_root: int = 16  # features of the first layer, twice as many in each below
    filter_size: int = 3
    pool_size: int = 2
    class_weights: tuple = (0.4, 1.6)
    keep_prob: float = 0.75  # of every dropout while training; 1.0 while predicting
    learning_rate: float = 0.2
    decay_rate: float = 0.95  # of the rate, from epoch to epoch
    momentum: float = 0.2
    training_iters: int = 10  # steps an epoch
    epochs: int = 100
    batch_size: int = 1
    seed: int = 1  # of the graph; each random op adds its own


def weight_variable(shape, stddev, name):
    seed = op_seed(tf.get_variable_scope().name + "/" + name)
    initial = tf.truncated_normal(shape, stddev=stddev, seed=seed)
    return tf.Variable(initial, name=name)


def bias_variable(shape, name):
    return tf.Variable(tf.constant(0.1, shape=shape), name=name)


def conv2d(x, features, size, stddev, number):
    """[B, h, w, c] -> [B, h - size + 1, ..., features], no padding."""
    shape = [size, size, int(x.get_shape()[3]), features]
    w = weight_variable(shape, stddev, "w" + number)
    b = bias_variable([features], "b" + number)
    conv = tf.nn.conv2d(x, w, strides=[1, 1, 1, 1], padding="VALID")
    return tf.nn.bias_add(conv, b)


def dropout_relu(x, keep_prob, number):
    """Dropout before the ReLU, as the source had it."""
    seed = op_seed(tf.get_variable_scope().name + "/dropout" + number)
    return tf.nn.relu(tf.nn.dropout(x, keep_prob=keep_prob, seed=seed))


def deconv2d(x, features, stride, stddev):
    """[B, h, w, c] -> [B, stride h, stride w, features]."""
    _, height, width, channels = x.get_shape().as_list()
    wd = weight_variable([stride, stride, features, channels], stddev, "wd")
    bd = bias_variable([features], "bd")
    # A transposed convolution had to be told the size of its result, the batch's too.
    output_shape = [tf.shape(x)[0], height * stride, width * stride, features]
    deconv = tf.nn.conv2d_transpose(
        x, wd, tf.stack(output_shape), strides=[1, stride, stride, 1], padding="VALID"
    )
    return tf.nn.relu(deconv + bd)


def crop_and_concat(x1, x2):
    """The middle of x1 beside x2, along the features."""
    size = int(x2.get_shape()[1])
    offset = (int(x1.get_shape()[1]) - size) // 2
    x1_crop = x1[:, offset : offset + size, offset : offset + size]
    return tf.concat([x1_crop, x2], 3)


def inference(x, keep_prob, config):
    """[B, N, N, channels] -> logits [B, M, M, K], float32, none of them below zero."""
    size, down = config.filter_size, []
    for layer in range(config.layers):
        features = 2**layer * config.features_root
        stddev = math.sqrt(2 / (size**2 * features))
        with tf.variable_scope(f"down_conv_{layer}"):
            for number in "12":
                x = conv2d(x, features, size, stddev, number)
                x = dropout_relu(x, keep_prob, number)
        down.append(x)
        if layer < config.layers - 1:
            window = [1, config.pool_size, config.pool_size, 1]
            x = tf.nn.max_pool(x, ksize=window, strides=window, padding="VALID")
    for layer in reversed(range(config.layers - 1)):
        features = 2**layer * config.features_root
        stddev = math.sqrt(2 / (size**2 * 2 * features))
        with tf.variable_scope(f"up_conv_{layer}"):
            x = deconv2d(x, features, config.pool_size, stddev)
            x = crop_and_concat(down[layer], x)
            for number in "12":
                x = conv2d(x, features, size, stddev, number)
                x = dropout_relu(x, keep_prob, number)
    with tf.variable_scope("output_map"):
        # The source rectified its logits as well.
        return tf.nn.relu(conv2d(x, config.n_class, 1, stddev, ""))


def loss(y_true, logits, class_weights):
    """Cross-entropy of one-hot pixels, each times its class's weight; a mean over all."""
    flat_labels = tf.reshape(y_true, [-1, len(class_weights)])  # [B * M * M, K]
    flat_logits = tf.reshape(logits, [-1, len(class_weights)])
    weight_map = tf.reduce_sum(flat_labels * tf.constant(class_weights), axis=1)
    loss_map = tf.nn.softmax_cross_entropy_with_logits_v2(
        labels=flat_labels, logits=flat_logits
    )
    # Divided by the number of pixels, not by the sum of their weights.
    return tf.reduce_mean(loss_map * weight_map)


def optimizer(config):
    """Momentum; the rate goes down from epoch to epoch, as the global step counts."""
    learning_rate = tf.train.exponential_decay(
        config.learning_rate,
        tf.train.get_or_create_global_step(),
        config.training_iters,
        config.decay_rate,
        staircase=True,
    )
    return tf.train.MomentumOptimizer(learning_rate, config.momentum)


# The graph, what its Session feeds, fetches and runs.
Model = collections.namedtuple(
    "Model", ["graph", "x", "y_true", "keep_prob", "y_pred", "loss", "train"]
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(config.seed)
        x = tf.placeholder(
            tf.float32, [None, config.nx, config.nx, config.channels], name="x"
        )
        y = tf.placeholder(tf.float32, [None, None, None, config.n_class], name="y")
        keep_prob = tf.placeholder(tf.float32, name="dropout_probability")
        logits = inference(x, keep_prob, config)
        cost = loss(y, logits, config.class_weights)
        train = optimizer(config).minimize(
            cost, global_step=tf.train.get_or_create_global_step()
        )
    return Model(graph, x, y, keep_prob, logits, cost, train)


def next_batch(images, labels, batch_size):
    """Endless (images, labels) in order; the last batch is as short as need be."""
    while True:
        for start in range(0, len(images), batch_size):
            batch = slice(start, start + batch_size)
            yield images[batch], labels[batch]


def run(train_data, test_data, config=Config()):
    """Returns ([loss of each step], share of the test pixels that are wrong).

    Args:
        train_data, test_data: (images [n, N, N, channels], one-hot labels
            [n, M, M, K]), float32.
    """
    built = build(config)
    batches = next_batch(train_data[0], train_data[1], config.batch_size)
    losses = []
    with built.graph.as_default():
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)
            for _ in range(config.epochs * config.training_iters):
                x, y = next(batches)
                feed_dict = {built.x: x, built.y_true: y}
                feed_dict[built.keep_prob] = config.keep_prob
                _, value = session.run([built.train, built.loss], feed_dict=feed_dict)
                losses.append(value)
            x, y = test_data
            feed_dict = {built.x: x, built.keep_prob: 1.0}
            logits = session.run(built.y_pred, feed_dict=feed_dict)
    return losses, np.mean(logits.argmax(3) != y.argmax(3))
