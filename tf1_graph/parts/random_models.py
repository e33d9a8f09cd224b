"""TF1's programs of models that draw: a sampled loss, a variational autoencoder."""

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import session
from tf1_graph.parts.random import drawn

CLASSES, WIDTH, FEATURES, RATE = 50, 4, 5, 0.5
NUM_SAMPLED = 6


def starts(names):
    """{name of a variable: the value that it starts at}."""
    random = np.random.RandomState(3)
    shapes = {
        "table": (CLASSES, WIDTH),
        "weights": (CLASSES, WIDTH),
        "biases": (CLASSES,),
        "encoder": (FEATURES, 2 * WIDTH),
        "decoder": (WIDTH, FEATURES),
    }
    return {
        name: random.standard_normal(shapes[name]).astype(np.float32) for name in names
    }


def batches(steps):
    """[("train", {"x": words, "y_true": words beside them})]; the last is a short one."""
    random = np.random.RandomState(4)
    return [
        (
            "train",
            {
                "x": random.randint(CLASSES, size=8 - step % 2),
                "y_true": random.randint(CLASSES, size=(8 - step % 2, 1)),
            },
        )
        for step in range(steps)
    ]


def skip_gram(loss, sampler, arguments):
    """word2vec: an embedding that tells its neighbours, by sampled classes.

    Args:
        loss: 'nce_loss' or 'sampled_softmax_loss'.
        sampler, arguments: a part of samplers; None for what the loss draws by itself.
    """
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(1)
        words = tf.placeholder(tf.int64, [None], name="x")
        labels = tf.placeholder(tf.int64, [None, 1], name="y_true")
        variables = {
            name: tf.get_variable(name, initializer=value)
            for name, value in starts(["table", "weights", "biases"]).items()
        }
        sampled = None
        if sampler is not None:
            sampled = tuple(drawn(sampler, labels, **arguments).values())
        value = tf.reduce_mean(
            getattr(tf.nn, loss)(
                variables["weights"],
                variables["biases"],
                labels,
                tf.nn.embedding_lookup(variables["table"], words),
                NUM_SAMPLED,
                CLASSES,
                sampled_values=sampled,
            )
        )
        optimizer = tf.train.GradientDescentOptimizer(RATE)
        gradients = optimizer.compute_gradients(value)
        train = optimizer.apply_gradients(gradients)
    return session.program(
        graph,
        {"x": words, "y_true": labels},
        train=session.train(train, value, gradients),
    )


def autoencoder(arguments):
    """A variational autoencoder of one layer each way; its noise is a normal one."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, FEATURES], name="x")
        variables = {
            name: tf.get_variable(name, initializer=value)
            for name, value in starts(["encoder", "decoder"]).items()
        }
        mean, log_variance = tf.split(tf.matmul(x, variables["encoder"]), 2, 1)
        noise = drawn("random.Normal", mean, **arguments)["y"]
        code = mean + tf.exp(0.5 * log_variance) * noise
        decoded = tf.matmul(code, variables["decoder"])
        value = tf.reduce_mean(tf.reduce_sum(tf.squared_difference(decoded, x), 1))
        train = tf.train.GradientDescentOptimizer(0.001).minimize(value)
    return session.program(graph, {"x": x}, train=session.train(train, value))
