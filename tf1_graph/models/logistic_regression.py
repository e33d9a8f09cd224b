"""Logistic regression by full-batch gradient descent, as in the TF1 notes.

    P(y = 1) = sigmoid(x w^T + b),    w = [0.3, 0.5, 0.1],    b = -0.2

The same inference as linear regression; only the loss differs, and a threshold turns the
probability into a class.

Run it: ``python -m tf1_graph.models.logistic_regression``
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
    threshold: float = 0.5  # of the probability, above which the class is 1


def inference(x, config):
    """[batch, features] -> logits [1, batch], float32: w x^T + b."""
    with tf.name_scope("inference"):
        w = tf.Variable([[0.0] * config.features], dtype=tf.float32, name="weights")
        b = tf.Variable(0.0, dtype=tf.float32, name="bias")
        return tf.matmul(w, tf.transpose(x)) + b


def loss(y_true, y_pred):
    """Mean sigmoid cross-entropy of logits ``y_pred``, a scalar."""
    with tf.name_scope("loss"):
        return tf.reduce_mean(
            tf.nn.sigmoid_cross_entropy_with_logits(labels=y_true, logits=y_pred)
        )


def optimizer(config):
    """Plain gradient descent."""
    return tf.train.GradientDescentOptimizer(config.learning_rate)


def classify(logits, config):
    """The threshold classifier: logits [1, batch] -> classes 0.0 or 1.0 [1, batch]."""
    with tf.name_scope("classify"):
        return tf.cast(tf.sigmoid(logits) > config.threshold, tf.float32)


# The graph, what its Session feeds, fetches and runs.
Model = collections.namedtuple(
    "Model", ["graph", "x", "y_true", "y_pred", "loss", "train"]
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, shape=[None, config.features], name="x")
        # No static shape, as in the notes. With shapes that exclude each other, the loss
        # would refuse a column of labels; as it is, it broadcasts.
        y_true = tf.placeholder(tf.float32, shape=None, name="y_true")
        y_pred = inference(x, config)
        total_loss = loss(y_true, y_pred)
        with tf.name_scope("train"):
            train = optimizer(config).minimize(total_loss)
    return Model(graph, x, y_true, y_pred, total_loss, train)


def make_data(seed=0, examples=2000):
    """(x [examples, 3], y [1, examples] in {0, 1}), float64."""
    random = np.random.RandomState(seed)
    x_data = random.randn(examples, 3)
    w_real, b_real = [0.3, 0.5, 0.1], -0.2
    probability = 1 / (1 + np.exp(-(np.matmul(w_real, x_data.T) + b_real)))
    return x_data, random.binomial(1, probability).reshape(1, -1).astype(np.float64)


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
    """Returns ([(step, weights, bias)] at each report, accuracy on the data)."""
    built = build(config)
    batches = mini_batches(x_data, y_data, config.batch_size, config.seed)
    reports = []
    with built.graph.as_default():
        classes = classify(built.y_pred, config)
        init = tf.global_variables_initializer()
        w, b = tf.trainable_variables()
        with tf.Session() as session:
            session.run(init)
            for step in range(config.steps):
                x, y_true = next(batches)
                session.run(built.train, feed_dict={built.x: x, built.y_true: y_true})
                if step % config.report_every == 0:
                    reports.append((step,) + tuple(session.run([w, b])))
            predicted = session.run(classes, feed_dict={built.x: x_data})
    return reports, np.mean(predicted == y_data)


if __name__ == "__main__":
    parameters, share = run(*make_data())
    for report in parameters:
        print(*report)
    print("accuracy", share)
