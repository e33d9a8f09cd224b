"""TF1's programs of models that have a layer: see ``layers``."""

import tensorflow.compat.v1 as tf

from tf1_graph import session
from tf1_graph.parts.layers import FUNCTIONS
from tf1_graph.parts.normalizations import batch_normalization

IMAGES, CHANNELS = (6, 5, 3), 4


def trained(part, arguments):
    """Convolution, the layer, mean square, momentum; moving statistics in UPDATE_OPS."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(1)
        x = tf.placeholder(tf.float32, (None,) + IMAGES, name="x")
        target = tf.placeholder(tf.float32, [None] * 4, name="y_true")
        kernel = tf.get_variable(
            "conv/kernel",
            [3, 3, IMAGES[-1], CHANNELS],
            initializer=tf.glorot_uniform_initializer(seed=2),
        )
        hidden = tf.nn.conv2d(x, kernel, [1, 1, 1, 1], "SAME")
        outputs = FUNCTIONS[part](hidden, True, **arguments)
        loss = tf.reduce_mean(tf.square(next(iter(outputs.values())) - target))
        with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
            train = tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss)
    return session.program(
        graph, {"x": x, "y_true": target}, train=session.train(train, loss)
    )


PIXELS, FILTERS, HIDDEN, CLASSES = 6, 4, 5, 3


def classifier(run_update_ops=True):
    """Convolution, fused normalisation, ReLU, product, unfused, ReLU, product.

    Args:
        run_update_ops: False for a program that forgot them.
    """

    def logits_of(x, training):
        def weights(name, shape, seed):
            start = tf.glorot_uniform_initializer(seed=seed)
            with tf.variable_scope(name, reuse=tf.AUTO_REUSE):
                return tf.get_variable("kernel", shape, initializer=start)

        def normalised(x, name):
            outputs = batch_normalization(x, training, name, momentum=0.9)
            return tf.nn.relu(outputs["y"])

        kernel = weights("conv", [3, 3, 1, FILTERS], 2)
        x = normalised(tf.nn.conv2d(x, kernel, [1, 1, 1, 1], "SAME"), "norm1")
        features = PIXELS * PIXELS * FILTERS
        x = tf.reshape(x, [-1, features])
        x = normalised(tf.matmul(x, weights("dense1", [features, HIDDEN], 3)), "norm2")
        return tf.matmul(x, weights("dense2", [HIDDEN, CLASSES], 4))

    with tf.Graph().as_default() as graph:
        tf.set_random_seed(1)
        x = tf.placeholder(tf.float32, [None, PIXELS, PIXELS, 1], name="x")
        labels = tf.placeholder(tf.int64, [None], name="y_true")
        loss = tf.losses.sparse_softmax_cross_entropy(labels, logits_of(x, True))
        update_ops = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        with tf.control_dependencies(update_ops if run_update_ops else []):
            train = tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss)
        predicted = logits_of(x, False)
    return session.program(
        graph,
        {"x": x, "y_true": labels},
        train=session.train(train, loss),
        predict=session.move(outputs={"y_pred": predicted}),
    )
