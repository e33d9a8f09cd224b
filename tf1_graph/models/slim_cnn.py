"""A small VGG of slim on pictures of stripes, as tensorflow/models' research/slim had them.

What nets/vgg.py, nets/lenet.py and train_image_classifier.py have in common: an arg_scope
with regularisers, an initializer and batch normalisation, repeat, an average over all
pixels, dropout; losses that are collected; create_train_op. TensorFlow 1.15 only: contrib
left with 2.0.

Shapes: B batch, H = W = 12 pixels once resized, 3 colours.

Run it: ``python -m tf1_graph.models.slim_cnn``
"""

import collections
import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf

# tensorflow.contrib is imported where it is used: this file is read where there is none.


@dataclasses.dataclass(frozen=True)
class Config:
    image_size: int = 12  # pixels a side, after resizing
    channels: tuple = (8, 16)  # of both convolutions of a stage
    hidden: int = 16
    classes: int = 4
    keep_prob: float = 0.5  # of dropout; slim's keep, and do not drop, so much
    weight_decay: float = 0.004  # of convolutions and of what is fully connected
    learning_rate: float = 0.01
    momentum: float = 0.9
    batch_size: int = 8
    steps: int = 6
    seed: int = 1  # of the graph; each random op adds its own


def preprocess(images, config):
    """[B, h, w, 3] between 0 and 1 -> [B, H, W, 3] between -1 and 1."""
    resized = tf.image.resize_images(images, [config.image_size, config.image_size])
    return tf.multiply(tf.subtract(resized, 0.5), 2.0)


def arg_scope(is_training, config):
    """What all layers of the net are made with, unless they say otherwise."""
    from tensorflow.contrib import slim

    with slim.arg_scope(
        [slim.conv2d, slim.fully_connected],
        weights_initializer=slim.xavier_initializer(seed=11),
        weights_regularizer=slim.l2_regularizer(config.weight_decay),
    ), slim.arg_scope(
        [slim.conv2d],
        normalizer_fn=slim.batch_norm,
        normalizer_params={"is_training": is_training},
    ) as scope:
        return scope


def inference(images, is_training, config):
    """[B, h, w, 3] -> logits [B, classes], float32."""
    from tensorflow.contrib import slim

    first, second = config.channels
    with slim.arg_scope(arg_scope(is_training, config)):
        net = preprocess(images, config)
        # Same padding and a ReLU; a normalised convolution has no bias.
        net = slim.repeat(net, 2, slim.conv2d, first, [3, 3], scope="conv1")
        net = slim.max_pool2d(net, [2, 2], scope="pool1")  # [B, 6, 6, 8]
        net = slim.repeat(net, 2, slim.conv2d, second, [3, 3], scope="conv2")
        pixels = net.get_shape().as_list()[1:3]
        net = slim.avg_pool2d(net, pixels, scope="pool2")  # [B, 1, 1, 16]
        net = slim.flatten(net)
        net = slim.fully_connected(net, config.hidden, scope="fc3")
        net = slim.dropout(
            net, config.keep_prob, is_training=is_training, seed=12, scope="dropout3"
        )
        return slim.fully_connected(
            net, config.classes, activation_fn=None, scope="logits"
        )


def loss(labels, logits):
    """Cross-entropy of classes [B] and all that regularises, a scalar."""
    from tensorflow.contrib import slim

    one_hot = slim.one_hot_encoding(labels, logits.get_shape()[1].value)
    tf.losses.softmax_cross_entropy(one_hot, logits)
    return tf.losses.get_total_loss()


def optimizer(config):
    """Momentum."""
    return tf.train.MomentumOptimizer(config.learning_rate, config.momentum)


# The graph, and what its Session feeds, fetches and runs.
Model = collections.namedtuple(
    "Model", ["graph", "images", "labels", "train", "probabilities"]
)


def build(config=Config()):
    """The whole graph, nothing run yet: one tower to train, one to predict."""
    from tensorflow.contrib import slim

    with tf.Graph().as_default() as graph:
        tf.set_random_seed(config.seed)
        images = tf.placeholder(tf.float32, [None, 10, 10, 3])
        labels = tf.placeholder(tf.int64, [None])
        with tf.variable_scope(""):
            logits = inference(images, True, config)
        with tf.variable_scope("", reuse=True):
            probabilities = slim.softmax(inference(images, False, config))
        # It runs UPDATE_OPS first, and gives the loss before the step.
        train = slim.learning.create_train_op(loss(labels, logits), optimizer(config))
    return Model(graph, images, labels, train, probabilities)


def run(train_pictures, test_pictures, config=Config()):
    """A record of the start, of each step, and of the test pictures after the last.

    Args:
        train_pictures, test_pictures: (images [n, 10, 10, 3] float32, classes [n] int64).
    """
    from tensorflow.contrib import slim

    built = build(config)
    with tf.Session(graph=built.graph) as session:
        with built.graph.as_default():
            session.run(tf.global_variables_initializer())
            variables = {value.op.name: value for value in slim.get_variables()}
            # With print_info it would list them, as everyone's show_all_variables did.
            size, _ = slim.model_analyzer.analyze_vars(tf.trainable_variables())
        history = [{"initial values": session.run(variables)}]
        history.append({"size": {"trainable": np.int64(size)}})
        for step in range(config.steps):
            start = step * config.batch_size
            batch = [part[start : start + config.batch_size] for part in train_pictures]
            feed_dict = {built.images: batch[0], built.labels: batch[1]}
            loss_value = session.run(built.train, feed_dict)
            history.append({"loss": {"loss": loss_value}})
            history.append({"updates": session.run(variables)})
        images, labels = test_pictures
        probabilities = session.run(built.probabilities, {built.images: images})
        share = np.mean(probabilities.argmax(1) == labels)
        history.append({"outputs": {"probabilities": probabilities}})
        history.append({"evaluation": {"accuracy": share}})
    return history


def examples():
    """Stripes in four directions, in colours of their own: 48 to train on, 16 to test."""
    random = np.random.RandomState(0)
    rows, columns = np.indices([10, 10])
    labels = np.arange(64) % 4
    across = (rows, columns, rows + columns, rows - columns)
    pictures = []
    for label in labels:
        stripes = (across[label] + random.randint(0, 4)) // 2 % 2
        colours = random.randint(0, 256, [2, 3])
        noise = random.randint(0, 32, [10, 10, 3])
        pictures.append(np.minimum(colours[stripes] + noise, 255))
    images = np.float32(pictures) / np.float32(255)
    return (images[:48], labels[:48]), (images[48:], labels[48:])


if __name__ == "__main__":
    for record in run(*examples()):
        for stage in ("loss", "evaluation"):
            for name, value in record.get(stage, {}).items():
                print(name, f"{value:.3f}")
