"""Session basics: placeholder, feed, fetch, variables, name scopes, as in TF1.

The notes open with "module 'tensorflow' has no attribute 'Session'" and silence it with
``tf.compat.v1``. This is the smallest program that uses all that the fix brings back:
one weight and one bias fitted to points, with several things fetched from one run.

Run it: ``python -m tf1_graph.models.session_basics``
"""

import collections
import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf


@dataclasses.dataclass(frozen=True)
class Config:
    stddev: float = 1.0  # of the normal distribution that the weight starts from
    learning_rate: float = 0.1
    steps: int = 5
    seed: int = 1  # of the graph; each random op adds its own


def inference(x, config):
    """[batch] -> [batch], float32: weight * x + bias."""
    with tf.name_scope("inference"):
        weight = tf.Variable(
            tf.random_normal([], stddev=config.stddev, seed=11), name="weight"
        )
        bias = tf.Variable(0.0, name="bias")
        return weight * x + bias


def loss(y_true, y_pred):
    """Mean squared error, a scalar."""
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
        tf.set_random_seed(config.seed)
        x = tf.placeholder(tf.float32, shape=[None], name="x")
        y_true = tf.placeholder(tf.float32, shape=[None], name="y_true")
        y_pred = inference(x, config)
        total_loss = loss(y_true, y_pred)
        with tf.name_scope("train"):
            train = optimizer(config).minimize(
                total_loss, tf.train.get_or_create_global_step()
            )
    return Model(graph, x, y_true, y_pred, total_loss, train)


def run(x_data, y_data, config=Config()):
    """Fits the points; returns [(loss, weight, bias)] before each step."""
    built = build(config)
    history = []
    with built.graph.as_default():
        init = tf.global_variables_initializer()
        weight, bias = tf.trainable_variables()
        # The notes' fix: a Session that may place an op where it has a kernel.
        session_config = tf.ConfigProto(allow_soft_placement=True)
        with tf.Session(config=session_config) as session:
            session.run(init)  # nothing has a value before this
            for _ in range(config.steps):
                feed = {built.x: x_data, built.y_true: y_data}
                # Only what the fetches need is run: this fetch does not train.
                history.append(session.run([built.loss, weight, bias], feed_dict=feed))
                session.run(built.train, feed_dict=feed)
    return history


if __name__ == "__main__":
    x_points = np.linspace(-1.0, 1.0, 20, dtype=np.float32)
    for record in run(x_points, 2.0 * x_points - 0.5):
        print("loss {:.6f}  weight {:.6f}  bias {:.6f}".format(*record))
