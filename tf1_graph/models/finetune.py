"""Fine-tuning as slim's scripts did it: a checkpoint, scopes left out, scopes trained.

A convolutional net is trained on some classes and saved. For other classes all but its
last layer is taken over; that layer is trained alone, then the whole net at a lower rate;
and what comes out is restored to predict. tf.contrib.slim's layers are written out.

Shapes: B images of N x N pixels, one channel; F features; K classes.

Run it: ``python -m tf1_graph.models.finetune``
"""

import collections
import dataclasses
import os
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 3  # of each of the three trainings
    features: int = 4  # F
    classes: int = 3  # K of the first net
    new_classes: int = 2  # K of the second
    decay: float = 0.9  # of the moving statistics
    epsilon: float = 0.001
    learning_rate: float = 0.5
    fine_rate: float = 0.0625  # of the whole net
    seed: int = 1  # of the first net's graph, one less than the second's


def batch_norm(x, is_training, config):
    """slim.batch_norm, with the scale that ResNet's arg_scope asked for."""
    with tf.variable_scope("BatchNorm"):
        shape = [int(x.shape[-1])]
        zeros, ones = tf.zeros_initializer(), tf.ones_initializer()
        beta = tf.get_variable("beta", shape, initializer=zeros)
        gamma = tf.get_variable("gamma", shape, initializer=ones)
        moving = [
            tf.get_variable("moving_mean", shape, initializer=zeros, trainable=False),
            tf.get_variable(
                "moving_variance", shape, initializer=ones, trainable=False
            ),
        ]
    if not is_training:
        return tf.nn.fused_batch_norm(
            x, gamma, beta, *moving, epsilon=config.epsilon, is_training=False
        )[0]
    y, *batch = tf.nn.fused_batch_norm(x, gamma, beta, epsilon=config.epsilon)
    rate = 1.0 - tf.constant(config.decay)
    for variable, statistic in zip(moving, batch):
        update = tf.assign_sub(variable, (variable - statistic) * rate)
        tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, update)
    return y


def inference(images, classes, is_training, config):
    """[B, N, N, 1] -> logits [B, K]."""
    normal = tf.truncated_normal_initializer
    with tf.variable_scope("net"):
        with tf.variable_scope("conv1"):
            shape = [3, 3, 1, config.features]
            weights = tf.get_variable(
                "weights", shape, initializer=normal(0, 0.5, seed=11)
            )
            net = tf.nn.conv2d(images, weights, strides=[1, 1, 1, 1], padding="SAME")
            net = tf.nn.relu(batch_norm(net, is_training, config))
        net = tf.reduce_mean(net, [1, 2])
        with tf.variable_scope("logits"):
            shape = [config.features, classes]
            weights = tf.get_variable(
                "weights", shape, initializer=normal(0, 0.5, seed=12)
            )
            zeros = tf.zeros_initializer()
            return tf.matmul(net, weights) + tf.get_variable(
                "biases", classes, None, zeros
            )


def train_op(loss, learning_rate, scope):
    """Momentum for the variables of a scope. The statistics of all layers move with it."""
    trained = tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope)
    # var_list and no more: batch norm goes on as in training, also where nothing is
    # trained.
    with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
        return tf.train.MomentumOptimizer(learning_rate, 0.5).minimize(
            loss, var_list=trained
        )


# The net in the default graph, what its Session feeds and fetches.
Net = collections.namedtuple("Net", ["images", "labels", "logits", "loss"])


def build(size, classes, is_training, config):
    """A net for images of so many pixels."""
    images = tf.placeholder(tf.float32, [None, size, size, 1], "images")
    labels = tf.placeholder(tf.int32, [None], "labels")
    logits = inference(images, classes, is_training, config)
    return Net(
        images, labels, logits, tf.losses.sparse_softmax_cross_entropy(labels, logits)
    )


def state(session):
    """{name: value} of all variables."""
    names = [variable.op.name for variable in tf.global_variables()]
    return dict(zip(names, session.run(tf.global_variables())))


def train(session, net, op, data, config):
    """Steps on all images; yields a record of each."""
    feed_dict = {net.images: data[0], net.labels: data[1]}
    for _ in range(config.steps):
        loss, _ = session.run([net.loss, op], feed_dict)
        yield {"loss": {"loss": loss}, "updates": state(session)}


def model_variables(exclude=()):
    """Those of the net, without an optimizer's and without some scopes."""
    return [
        variable
        for variable in tf.get_collection(tf.GraphKeys.GLOBAL_VARIABLES, "net/")
        if "Momentum" not in variable.op.name
        and not variable.op.name.startswith(tuple(exclude))
    ]


def pretrain(data, config, folder):
    """Trains the first net, and saves it."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(config.seed)
        net = build(data[0].shape[1], config.classes, True, config)
        op = train_op(net.loss, config.learning_rate, "net")
        session.run(tf.global_variables_initializer())
        yield {"initial values": state(session)}
        yield from train(session, net, op, data, config)
        tf.train.Saver().save(session, os.path.join(folder, "pretrained.ckpt"))


def fine_tune(data, config, folder):
    """Trains the last layer of the second net, then all of it, and saves it."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(config.seed + 1)
        net = build(data[0].shape[1], config.new_classes, True, config)
        of_logits = train_op(net.loss, config.learning_rate, "net/logits")
        of_all = train_op(net.loss, config.fine_rate, "net")
        session.run(tf.global_variables_initializer())
        # checkpoint_exclude_scopes: another number of classes has other shapes.
        saver = tf.train.Saver(model_variables(exclude=["net/logits"]))
        saver.restore(session, os.path.join(folder, "pretrained.ckpt"))
        yield {"restored": state(session)}
        yield from train(session, net, of_logits, data, config)
        yield from train(session, net, of_all, data, config)
        tf.train.Saver().save(session, os.path.join(folder, "fine_tuned.ckpt"))


def predict(images, config, folder):
    """Logits of the second net, by its moving statistics."""
    with tf.Graph().as_default(), tf.Session() as session:
        net = build(images.shape[1], config.new_classes, False, config)
        saver = tf.train.Saver(model_variables())
        saver.restore(session, os.path.join(folder, "fine_tuned.ckpt"))
        return session.run(net.logits, {net.images: images})


def run(images, labels, new_images, new_labels, folder, config=Config()):
    """A record of each step, of what was restored and of what is predicted."""
    history = [
        *pretrain((images, labels), config, folder),
        *fine_tune((new_images, new_labels), config, folder),
    ]
    logits = predict(new_images, config, folder)
    return history + [{"outputs": {"logits": logits}}]


def examples():
    """Six images [6, 6, 1] of three classes and four of two: lines, squares, noise."""
    random = np.random.RandomState(0)
    images = random.uniform(0, 0.25, [10, 6, 6, 1]).astype(np.float32)
    labels = np.int32([0, 1, 2, 0, 1, 2, 0, 1, 0, 1])
    images[labels == 0, :, 2] += 1
    images[labels == 1, 1:4, 1:4] += 1
    return images[:6], labels[:6], images[6:], labels[6:]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        records = run(*examples(), folder=scratch)
    for record in records:
        if "loss" in record:
            print("loss {loss:.4f}".format(**record["loss"]))
    print("classes", records[-1]["outputs"]["logits"].argmax(1))
