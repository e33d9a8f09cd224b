"""Linear regression by full-batch gradient descent, as in the TF1 notes.

    y = x w^T + b + noise,    w = [0.3, 0.5, 0.1],    b = -0.2

Run it: ``python -m tf1_graph.models.linear_regression``
"""

import collections
import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf


@dataclasses.dataclass(frozen=True)
class Config:
    features: int = 3
    learning_rate: float = 0.5
    batch_size: int = 2000  # all of the data; with more, the notes advise 50 to 500
    steps: int = 11
    report_every: int = 5  # steps between two reports of the parameters
    seed: int = 1  # of the order of mini-batches; nothing else is random


def inference(x, config):
    """[batch, features] -> [1, batch], float32: w x^T + b."""
    with tf.name_scope("inference"):
        w = tf.Variable([[0.0] * config.features], dtype=tf.float32, name="weights")
        b = tf.Variable(0.0, dtype=tf.float32, name="bias")
        return tf.matmul(w, tf.transpose(x)) + b


def loss(y_true, y_pred):
    """Mean squared error over the batch, a scalar."""
    with tf.name_scope("loss"):
        return tf.reduce_mean(tf.square(y_true - y_pred))


def optimizer(config):
    """Plain gradient descent."""
    return tf.train.GradientDescentOptimizer(config.learning_rate)


# The graph, what its Session feeds, fetches and runs.
Model = collections.namedtuple(
    "Model", ["graph", "x", "y_true", "y_pred", "loss", "train"]
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, shape=[None, config.features], name="x")
        # No static shape, as in the notes: y_true [batch, 1] would broadcast against
        # y_pred [1, batch] to [batch, batch] without a word.
        y_true = tf.placeholder(tf.float32, shape=None, name="y_true")
        y_pred = inference(x, config)
        total_loss = loss(y_true, y_pred)
        with tf.name_scope("train"):
            train = optimizer(config).minimize(total_loss)
    return Model(graph, x, y_true, y_pred, total_loss, train)


def make_data(seed=0, examples=2000):
    """(x [examples, 3], y [1, examples]), float64: the notes' synthetic data."""
    random = np.random.RandomState(seed)
    x_data = random.randn(examples, 3)
    w_real, b_real = [0.3, 0.5, 0.1], -0.2
    noise = random.randn(1, examples) * 0.1
    return x_data, np.matmul(w_real, x_data.T) + b_real + noise


def mini_batches(x_data, y_data, batch_size, seed):
    """Endless (x [<= batch_size, features], y [1, <= batch_size]), shuffled by epoch.

    The last batch of an epoch is as short as it must be. All data at once stay in order.
    """
    random = np.random.RandomState(seed)
    while batch_size >= len(x_data):
        yield x_data, y_data
    while True:
        order = random.permutation(len(x_data))
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            yield x_data[chosen], y_data[:, chosen]


def run(x_data, y_data, config=Config()):
    """The notes' loop; returns [(step, weights, bias)] at each report."""
    built = build(config)
    batches = mini_batches(x_data, y_data, config.batch_size, config.seed)
    reports = []
    with built.graph.as_default():
        init = tf.global_variables_initializer()
        w, b = tf.trainable_variables()
        with tf.Session() as session:
            session.run(init)
            for step in range(config.steps):
                x, y_true = next(batches)
                session.run(built.train, feed_dict={built.x: x, built.y_true: y_true})
                if step % config.report_every == 0:
                    reports.append((step,) + tuple(session.run([w, b])))
    return reports


if __name__ == "__main__":
    for report in run(*make_data()):
        print(*report)
