"""A convolutional network of tf.layers on digits, as "A Guide to TF Layers" had it.

cnn_mnist.py of TensorFlow's tutorials: two 5x5 convolutions, each pooled to half its size, a
hidden layer of 1024 with dropout, ten logits, gradient descent; and, as most who took it
over added, batch normalisation between each convolution and its ReLU. The digits come from
input_data. TensorFlow 1.15 only: with Keras 3 even compat.v1 has no tf.layers.

Shapes: B batch, H = W = 28, digits flattened to 784.
"""

import collections
import dataclasses
import gzip
import os
import struct

import tensorflow.compat.v1 as tf


@dataclasses.dataclass(frozen=True)
class Config:
    image_size: int = 28  # pixels a side, one channel
    patch: int = 5  # convolution kernels are patch x patch
    channels: tuple = (32, 64)  # of the two convolutions
    hidden: int = 1024
    classes: int = 10
    dropout: float = 0.4  # the share that is dropped while training
    learning_rate: float = 0.001
    batch_size: int = 100
    validation_size: int = 5000  # digits that read_data_sets holds back
    steps: int = 8  # the tutorial's are 20,000
    seed: int = 1  # of the graph; each random op adds its own


def kernel_variable(seed):
    """What tf.layers starts a kernel with unless told otherwise, from a seed of its own."""
    return tf.glorot_uniform_initializer(seed)


def conv_layer(x, channels, training, seed, config, name):
    """[B, H, W, C] -> [B, H/2, W/2, channels]."""
    conv = tf.layers.conv2d(
        x,
        channels,
        config.patch,
        padding="same",
        use_bias=False,  # the normalisation would take it away again
        kernel_initializer=kernel_variable(seed),
        name=name,
    )
    norm = tf.layers.batch_normalization(conv, training=training, name=name + "_norm")
    return tf.layers.max_pooling2d(tf.nn.relu(norm), pool_size=2, strides=2)


def inference(x, training, config):
    """[B, 784], bool scalar -> logits [B, classes], float32."""
    first, second = config.channels
    image = tf.reshape(x, [-1, config.image_size, config.image_size, 1])
    conv1 = conv_layer(image, first, training, 11, config, "conv1")  # [B, 14, 14, 32]
    conv2 = conv_layer(conv1, second, training, 12, config, "conv2")  # [B, 7, 7, 64]
    flat = tf.layers.flatten(conv2)  # [B, 3136]
    dense = tf.layers.dense(
        flat,
        config.hidden,
        activation=tf.nn.relu,
        kernel_initializer=kernel_variable(13),
        name="dense",
    )
    dropout = tf.layers.dropout(dense, rate=config.dropout, training=training, seed=14)
    return tf.layers.dense(
        dropout, config.classes, kernel_initializer=kernel_variable(15), name="logits"
    )


def loss(y_true, y_pred):
    """Mean softmax cross-entropy of one-hot [B, classes] and logits, a scalar."""
    return tf.losses.softmax_cross_entropy(onehot_labels=y_true, logits=y_pred)


def optimizer(config):
    """Gradient descent."""
    return tf.train.GradientDescentOptimizer(config.learning_rate)


def accuracy(y_true, y_pred):
    """The share of examples whose largest logit is at the label, a scalar."""
    correct_prediction = tf.equal(tf.argmax(y_pred, 1), tf.argmax(y_true, 1))
    return tf.reduce_mean(tf.cast(correct_prediction, tf.float32))


# The graph, and what its Session feeds, fetches and runs.
Model = collections.namedtuple(
    "Model", ["graph", "x", "y_true", "training", "y_pred", "loss", "train", "accuracy"]
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(config.seed)
        x = tf.placeholder(tf.float32, [None, config.image_size**2])
        y_true = tf.placeholder(tf.float32, [None, config.classes])
        training = tf.placeholder_with_default(False, [])
        y_pred = inference(x, training, config)
        cross_entropy = loss(y_true, y_pred)
        # The moving statistics move with each step, or never.
        update_ops = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        with tf.control_dependencies(update_ops):
            train = optimizer(config).minimize(cross_entropy)
        correct = accuracy(y_true, y_pred)
    return Model(graph, x, y_true, training, y_pred, cross_entropy, train, correct)


def read_data_sets(train_digits, test_digits, folder, config):
    """What input_data makes of the four files of MNIST, as they were downloaded."""
    from tensorflow.examples.tutorials.mnist import input_data

    for part, (images, labels) in (("train", train_digits), ("t10k", test_digits)):
        images_header = struct.pack(">4I", 2051, *images.shape)
        labels_header = struct.pack(">2I", 2049, *labels.shape)
        for name, header, array in (
            ("images-idx3", images_header, images),
            ("labels-idx1", labels_header, labels),
        ):
            path = os.path.join(folder, f"{part}-{name}-ubyte.gz")
            with gzip.open(path, "wb") as file:
                file.write(header + array.tobytes())
    return input_data.read_data_sets(
        folder, one_hot=True, validation_size=config.validation_size, seed=config.seed
    )


def run(train_digits, test_digits, folder, config=Config()):
    """A record of the start, of each step, and of the test digits after the last.

    Args:
        train_digits, test_digits: (images [n, 28, 28], labels [n]), uint8.
        folder: where the files of MNIST are looked for.
    """
    mnist = read_data_sets(train_digits, test_digits, folder, config)
    built = build(config)
    with tf.Session(graph=built.graph) as session:
        with built.graph.as_default():
            session.run(tf.global_variables_initializer())
            variables = {value.op.name: value for value in tf.global_variables()}
        history = [{"initial values": session.run(variables)}]
        for _ in range(config.steps):
            images, labels = mnist.train.next_batch(config.batch_size)
            feed_dict = {built.x: images, built.y_true: labels, built.training: True}
            _, loss_value = session.run([built.train, built.loss], feed_dict)
            batch = {"images": images, "classes": labels.argmax(1)}
            history.append({"batches": batch})
            history.append({"loss": {"loss": loss_value}})
            history.append({"updates": session.run(variables)})
        feed_dict = {built.x: mnist.test.images, built.y_true: mnist.test.labels}
        logits, share = session.run([built.y_pred, built.accuracy], feed_dict)
        history.append({"outputs": {"logits": logits}})
        history.append({"evaluation": {"accuracy": share}})
    return history
