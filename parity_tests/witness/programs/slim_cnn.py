"""A slim CNN as research code had it: arg_scope, batch_norm, xavier, create_train_op.

``python -m parity_tests.witness.programs.slim_cnn --out DIR`` under 1.15.5 writes the
``.meta``, the initial and final values, the loss of every step, and a checkpoint of the
middle.

Shapes: B batch, 8 x 8 pixels, one channel, four classes.
"""

import numpy as np
import tensorflow as tf

from parity_tests.witness.programs import export

STEPS = 12
CHECKPOINT_AFTER = 6
BATCH_SIZE = 16
# Names of what a run needs, as they are in the .meta.
X, Y_TRUE, LOSS, Y_PRED = "x", "y_true", "total_loss", "logits/BiasAdd"
TRAIN = "train_op/control_dependency"
IS_TRAINING = "is_training"


def batches():
    """STEPS batches (images [16, 8, 8, 1], one-hot labels [16, 4]), float32."""
    random = np.random.RandomState(5)
    for _ in range(STEPS):
        labels = random.randint(4, size=BATCH_SIZE)
        images = random.normal(size=[BATCH_SIZE, 8, 8, 1])
        images[np.arange(BATCH_SIZE), labels] += 2  # class k: row k is brighter
        yield images.astype(np.float32), np.eye(4, dtype=np.float32)[labels]


def build():
    """The graph; the moving statistics are part of the train op."""
    slim = tf.contrib.slim
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(3)
        x = tf.placeholder(tf.float32, [None, 8, 8, 1], name=X)
        y_true = tf.placeholder(tf.float32, [None, 4], name=Y_TRUE)
        is_training = tf.placeholder(tf.bool, [], name=IS_TRAINING)
        with slim.arg_scope(
            [slim.conv2d],
            normalizer_fn=slim.batch_norm,
            weights_initializer=tf.contrib.layers.xavier_initializer(),
            weights_regularizer=slim.l2_regularizer(0.01),
        ), slim.arg_scope(
            [slim.batch_norm], is_training=is_training, decay=0.9, scale=True
        ):
            net = slim.conv2d(x, 6, 3, scope="conv1")
            net = slim.max_pool2d(net, 2, scope="pool1")  # [B, 4, 4, 6]
            net = slim.conv2d(net, 8, 3, stride=2, scope="conv2")  # [B, 2, 2, 8]
        net = tf.layers.conv2d(net, 8, 2, activation=tf.nn.relu, name="conv3")
        net = slim.flatten(net)  # [B, 8]
        logits = tf.layers.dense(net, 4, name="logits")
        tf.losses.softmax_cross_entropy(y_true, logits)
        slim.learning.create_train_op(
            tf.losses.get_total_loss(), tf.train.MomentumOptimizer(0.05, 0.9)
        )
    return graph


def main():
    out = export.folder("slim_cnn", __doc__)
    graph = build()
    losses = []
    with export.session(graph) as session:
        with graph.as_default():
            session.run(tf.global_variables_initializer())
        computed = {
            "initial/" + name: value
            for name, value in export.values(session, graph).items()
        }
        for step, (images, labels) in enumerate(batches()):
            if step == CHECKPOINT_AFTER:
                export.checkpoint(session, graph, out)
            feed = {X + ":0": images, Y_TRUE + ":0": labels, IS_TRAINING + ":0": True}
            losses.append(session.run([LOSS + ":0", TRAIN + ":0"], feed)[0])
        computed["losses"] = np.array(losses)
        for name, value in export.values(session, graph).items():
            computed["final/" + name] = value
        computed["predicted"] = session.run(
            Y_PRED + ":0", {X + ":0": images, IS_TRAINING + ":0": False}
        )
    export.write("slim_cnn", out, graph, computed)


if __name__ == "__main__":
    main()
