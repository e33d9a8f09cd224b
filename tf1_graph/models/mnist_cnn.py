"""A convolutional network on MNIST, as in the TF1 notes.

Two 5x5 convolutions with 2x2 max-pooling, a hidden layer of 1024 with dropout, ten
logits; Adam; accuracy on the test set as the mean of ten blocks of a thousand.

Shapes: B batch, H = W = 28, digits flattened to 784.
"""

import collections
import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf


@dataclasses.dataclass(frozen=True)
class Config:
    image_size: int = 28  # pixels a side, one channel
    patch: int = 5  # convolution kernels are patch x patch
    channels: tuple = (32, 64)  # of the two convolutions
    hidden: int = 1024
    classes: int = 10
    keep_prob: float = 0.5  # dropout while training; 1.0 while evaluating
    learning_rate: float = 1e-4
    batch_size: int = 50  # the notes define 100 and use 50
    steps: int = 10000
    report_every: int = 100  # steps between two reports of the training accuracy
    seed: int = 1  # of the graph; each random op adds its own


def weight_variable(shape, seed):
    initial = tf.truncated_normal(shape, stddev=0.1, seed=seed)
    return tf.Variable(initial)


def bias_variable(shape):
    initial = tf.constant(0.1, shape=shape)
    return tf.Variable(initial)


def conv2d(x, w):
    return tf.nn.conv2d(x, w, strides=[1, 1, 1, 1], padding="SAME")


def max_pool_2x2(x):
    return tf.nn.max_pool(x, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME")


def conv_layer(x, shape, seed):
    w = weight_variable(shape, seed)
    b = bias_variable([shape[3]])
    return tf.nn.relu(conv2d(x, w) + b)


def full_layer(x, size, seed):
    in_size = int(x.get_shape()[1])
    w = weight_variable([in_size, size], seed)
    b = bias_variable([size])
    return tf.matmul(x, w) + b


def inference(x, keep_prob, config):
    """[B, 784], scalar keep_prob -> logits [B, classes], float32."""
    first, second = config.channels
    x_image = tf.reshape(x, [-1, config.image_size, config.image_size, 1])
    conv1 = conv_layer(x_image, [config.patch, config.patch, 1, first], seed=11)
    conv1_pool = max_pool_2x2(conv1)  # [B, 14, 14, 32]
    conv2 = conv_layer(conv1_pool, [config.patch, config.patch, first, second], seed=12)
    conv2_pool = max_pool_2x2(conv2)  # [B, 7, 7, 64]
    pixels = int(np.prod(conv2_pool.get_shape().as_list()[1:]))
    conv2_flat = tf.reshape(conv2_pool, [-1, pixels])  # [B, 3136]
    full_1 = tf.nn.relu(full_layer(conv2_flat, config.hidden, seed=13))
    full1_drop = tf.nn.dropout(full_1, keep_prob=keep_prob, seed=14)
    return full_layer(full1_drop, config.classes, seed=15)


def loss(y_true, y_pred):
    """Mean softmax cross-entropy of one-hot [B, classes] and logits, a scalar."""
    return tf.reduce_mean(
        tf.nn.softmax_cross_entropy_with_logits(labels=y_true, logits=y_pred)
    )


def optimizer(config):
    """Adam with TF1's epsilon of 1e-8."""
    return tf.train.AdamOptimizer(config.learning_rate)


def accuracy(y_true, y_pred):
    """The share of examples whose largest logit is at the label, a scalar."""
    correct_prediction = tf.equal(tf.argmax(y_pred, 1), tf.argmax(y_true, 1))
    return tf.reduce_mean(tf.cast(correct_prediction, tf.float32))


def build(config=Config()):
    """The whole graph, nothing run yet."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(config.seed)
        x = tf.placeholder(tf.float32, shape=[None, config.image_size**2])
        y_ = tf.placeholder(tf.float32, shape=[None, config.classes])
        keep_prob = tf.placeholder(tf.float32)
        y_conv = inference(x, keep_prob, config)
        cross_entropy = loss(y_, y_conv)
        train_step = optimizer(config).minimize(cross_entropy)
    return Model(graph, x, y_, keep_prob, y_conv, cross_entropy, train_step)


def next_batch(images, labels, batch_size, seed):
    """Endless (images, labels) in the order of ``input_data``'s ``next_batch``.

    The examples are shuffled at the start of each epoch, cumulatively; a batch at the
    end of an epoch is filled up from the next. The tutorial's loader drew from numpy's
    global generator; here it has one of its own.
    """
    random = np.random.RandomState(seed)
    order = np.arange(len(images))
    pending = order[:0]
    while True:
        while len(pending) < batch_size:
            shuffle = np.arange(len(images))
            random.shuffle(shuffle)
            order = order[shuffle]
            pending = np.concatenate([pending, order])
        chosen, pending = pending[:batch_size], pending[batch_size:]
        yield images[chosen], labels[chosen]


# The graph, what its Session feeds, fetches and runs.
Model = collections.namedtuple(
    "Model", ["graph", "x", "y_true", "keep_prob", "y_pred", "loss", "train"]
)


def run(train_digits, test_digits, config=Config()):
    """The notes' loop; returns ([(step, training accuracy)], test accuracy).

    Args:
        train_digits, test_digits: (images [n, 784], one-hot labels [n, 10]), float32.
    """
    built = build(config)
    batches = next_batch(
        train_digits[0], train_digits[1], config.batch_size, config.seed
    )
    reports = []
    with built.graph.as_default():
        correct = accuracy(built.y_true, built.y_pred)
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)

            def evaluate(images, labels):
                feed_dict = {built.x: images, built.y_true: labels}
                feed_dict[built.keep_prob] = 1.0
                return session.run(correct, feed_dict=feed_dict)

            for step in range(config.steps):
                images, labels = next(batches)
                if step % config.report_every == 0:
                    reports.append((step, evaluate(images, labels)))
                feed_dict = {built.x: images, built.y_true: labels}
                feed_dict[built.keep_prob] = config.keep_prob
                session.run(built.train, feed_dict=feed_dict)
            blocks = zip(np.split(test_digits[0], 10), np.split(test_digits[1], 10))
            test_accuracy = np.mean([evaluate(*block) for block in blocks])
    return reports, test_accuracy
