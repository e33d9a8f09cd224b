"""Writes and runs SavedModels under whatever TensorFlow runs this.

    python -m parity_tests.witness.saved_models write FOLDER
    python -m parity_tests.witness.saved_models nets FOLDER
    python -m parity_tests.witness.saved_models run FOLDER FEEDS.npz OUT.npz

``write`` exports a classifier of sequences with two signatures, a frozen graph, and what
it computed; ``run`` loads a SavedModel as TF1 did, and stores what its default signature
gives; ``nets`` trains small nets of slim's own layouts, writes checkpoint and SavedModel
of each, and goes on for one step.

Runs under Python 3.7 and TensorFlow 1.15.5.
"""

import os
import sys

import numpy as np
import tensorflow.compat.v1 as tf

from parity_tests.witness import reference_conditions


def write(folder):
    numbers = np.random.RandomState(0)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        tf.set_random_seed(1)
        with tf.variable_scope("net"):
            x = tf.placeholder(tf.float32, [None, 4, 3], "x")
            ids = tf.placeholder(tf.int32, [None], "ids")
            outputs, _ = tf.nn.dynamic_rnn(
                tf.nn.rnn_cell.LSTMCell(5), x, dtype=tf.float32
            )
            hidden = tf.layers.dense(outputs[:, -1], 4, tf.nn.relu, name="hidden")
            hidden = tf.layers.batch_normalization(hidden, name="bn")
            hidden += tf.nn.embedding_lookup(tf.get_variable("table", [7, 4]), ids)
            logits = tf.layers.dense(hidden, 2, name="logits")
            p = tf.nn.softmax(logits, name="p")
        session.run(tf.global_variables_initializer())
        signature = tf.saved_model.predict_signature_def
        builder = tf.saved_model.Builder(os.path.join(folder, "saved"))
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {
                "serving_default": signature({"x": x, "ids": ids}, {"p": p}),
                "logits": signature({"x": x, "ids": ids}, {"logits": logits}),
            },
        )
        builder.save()
        frozen = tf.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), ["net/p"]
        )
        with open(os.path.join(folder, "frozen.pb"), "wb") as file:
            file.write(frozen.SerializeToString())
        feed = {
            "x": numbers.standard_normal((3, 4, 3)).astype("f"),
            "ids": numbers.randint(0, 7, 3).astype("i"),
        }
        computed = session.run(
            {"p": p, "logits": logits}, {x: feed["x"], ids: feed["ids"]}
        )
        np.savez(os.path.join(folder, "computed.npz"), **feed, **computed)


def resnet(images, is_training):
    """slim's ResNet v1, of few units."""
    from tensorflow.contrib import slim
    from tensorflow.contrib.slim.nets import resnet_v1

    blocks = [
        resnet_v1.resnet_v1_block("block1", base_depth=2, num_units=2, stride=2),
        resnet_v1.resnet_v1_block("block2", base_depth=3, num_units=1, stride=1),
    ]
    with slim.arg_scope(resnet_v1.resnet_arg_scope(batch_norm_decay=0.9)):
        logits, _ = resnet_v1.resnet_v1(images, blocks, 3, is_training=is_training)
    return tf.squeeze(logits, [1, 2])


def mobilenet(images, is_training):
    """MobileNet v1's layout, of few layers."""
    from tensorflow.contrib import slim

    normed = {
        "normalizer_fn": slim.batch_norm,
        "normalizer_params": {"is_training": is_training, "decay": 0.9, "scale": True},
    }
    with tf.variable_scope("MobilenetV1"), slim.arg_scope(
        [slim.conv2d, slim.separable_conv2d], **normed
    ):
        net = slim.conv2d(images, 4, [3, 3], stride=2, scope="Conv2d_0")
        for number, depth in enumerate((6, 8), 1):
            scope = f"Conv2d_{number}_"
            net = slim.separable_conv2d(
                net, None, [3, 3], depth_multiplier=1, scope=scope + "depthwise"
            )
            net = slim.conv2d(net, depth, [1, 1], scope=scope + "pointwise")
        net = tf.reduce_mean(net, [1, 2])
        return slim.fully_connected(net, 3, activation_fn=None, scope="Logits")


def vgg(images, is_training):
    """VGG's layout: slim.repeat, fully connected layers as convolutions, dropout."""
    from tensorflow.contrib import slim

    with tf.variable_scope("vgg_16"):
        net = slim.repeat(images, 2, slim.conv2d, 4, [3, 3], scope="conv1")
        net = slim.max_pool2d(net, [2, 2], scope="pool1")
        net = slim.repeat(net, 3, slim.conv2d, 6, [3, 3], scope="conv2")
        net = slim.max_pool2d(net, [2, 2], scope="pool2")
        net = slim.conv2d(net, 8, [4, 4], padding="VALID", scope="fc6")
        net = slim.dropout(net, 1.0, is_training=is_training, scope="dropout6")
        net = slim.conv2d(net, 3, [1, 1], activation_fn=None, scope="fc8")
        return tf.squeeze(net, [1, 2])


NETS = {"resnet": resnet, "mobilenet": mobilenet, "vgg": vgg}


def nets(folder):
    for name, net in NETS.items():
        _net(os.path.join(folder, name), net)


def _net(folder, net):
    numbers = np.random.RandomState(2)
    fed = numbers.standard_normal((4, 16, 16, 3)).astype("f")
    targets = np.eye(3, dtype=np.float32)[[0, 1, 2, 1]]
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(1)
        images = tf.placeholder(tf.float32, [None, 16, 16, 3], "images")
        labels = tf.placeholder(tf.float32, [None, 3], "labels")
        logits = tf.identity(net(images, True), name="logits")
        loss = tf.losses.softmax_cross_entropy(labels, logits)
        optimizer = tf.train.MomentumOptimizer(0.05, 0.9)
        with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
            train = optimizer.minimize(loss, tf.train.get_or_create_global_step())
        feed = {images: fed, labels: targets}
        session.run(tf.global_variables_initializer())
        for _ in range(3):
            session.run(train, feed)
        saver = tf.train.Saver()
        prefix = saver.save(session, os.path.join(folder, "model.ckpt"))
        session.run(train, feed)
        resumed = session.run({v.op.name: v for v in tf.trainable_variables()})
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, 16, 16, 3], "images")
        logits = tf.identity(net(images, False), name="logits")
        tf.train.Saver().restore(session, prefix)
        tf.saved_model.simple_save(
            session, os.path.join(folder, "saved"), {"images": images}, {"y": logits}
        )
        y = session.run(logits, {images: fed})
    arrays = {"resumed/" + key: value for key, value in resumed.items()}
    arrays = {key.replace("/", "|"): value for key, value in arrays.items()}
    path = os.path.join(folder, "computed.npz")
    np.savez(path, images=fed, labels=targets, y=y, **arrays)


def run(folder, feeds, out):
    feed = dict(np.load(feeds))
    with tf.Graph().as_default(), tf.Session() as session:
        loaded = tf.saved_model.load(session, ["serve"], folder)
        signature = loaded.signature_def["serving_default"]
        outputs = {key: info.name for key, info in signature.outputs.items()}
        fed = {info.name: feed[key] for key, info in signature.inputs.items()}
        np.savez(out, **session.run(outputs, fed))


if __name__ == "__main__":
    reference_conditions.settle()
    {"write": write, "nets": nets, "run": run}[sys.argv[1]](*sys.argv[2:])
