"""A denoising autoencoder on digits, as TensorFlow's own models had it.

One hidden layer of softplus units rebuilds a digit from a noisy one. The loss is a sum
over pixels and examples; the noise is part of the graph, so that every run draws some,
evaluation included.

Shapes: B batch, P = 784 pixels, H = 200 hidden units.
"""

import collections
import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf


@dataclasses.dataclass(frozen=True)
class Config:
    n_input: int = 784  # P
    n_hidden: int = 200  # H
    scale: float = 0.01  # of the noise; pixels have a standard deviation of one
    learning_rate: float = 0.001
    batch_size: int = 128
    training_epochs: int = 20
    seed: int = 1  # of the graph; each random op adds its own


def standard_scale(train, test):
    """Pixels [n, P] and [m, P] without the mean and the spread of those to train on."""
    mean, deviation = train.mean(0), train.std(0)
    deviation[deviation == 0] = 1.0  # of pixels that no digit reaches
    return (train - mean) / deviation, (test - mean) / deviation


def random_blocks(data, batch_size, seed):
    """Endless batches [B, P]: neighbours in the data, from a random place on."""
    random = np.random.RandomState(seed)
    while True:
        start_index = random.randint(0, len(data) - batch_size)
        yield data[start_index : start_index + batch_size]


def noisy(x, config):
    """[B, P] -> [B, P]: one row of noise for all examples of a batch."""
    noise = tf.random_normal((config.n_input,), seed=21)
    return x + config.scale * noise


def inference(x, config):
    """[B, P] -> reconstruction [B, P], float32."""
    w1 = tf.get_variable(
        "w1",
        [config.n_input, config.n_hidden],
        initializer=tf.glorot_uniform_initializer(seed=11),
    )
    b1 = tf.Variable(tf.zeros([config.n_hidden]), name="b1")
    w2 = tf.Variable(tf.zeros([config.n_hidden, config.n_input]), name="w2")
    b2 = tf.Variable(tf.zeros([config.n_input]), name="b2")
    hidden = tf.nn.softplus(tf.add(tf.matmul(noisy(x, config), w1), b1))
    return tf.add(tf.matmul(hidden, w2), b2)


def loss(x, reconstruction):
    """Half of all squared errors of the batch, a scalar: a sum, no mean."""
    return 0.5 * tf.reduce_sum(tf.pow(tf.subtract(reconstruction, x), 2.0))


def optimizer(config):
    """Adam with TF1's epsilon of 1e-8."""
    return tf.train.AdamOptimizer(learning_rate=config.learning_rate)


# The graph, what its Session feeds, fetches and runs.
Model = collections.namedtuple("Model", ["graph", "x", "y_pred", "loss", "train"])


def build(config=Config()):
    """The whole graph, nothing run yet."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(config.seed)
        x = tf.placeholder(tf.float32, [None, config.n_input], name="x")
        reconstruction = inference(x, config)
        cost = loss(x, reconstruction)
        train = optimizer(config).minimize(cost)
    return Model(graph, x, reconstruction, cost, train)


def run(train_digits, test_digits, config=Config()):
    """Returns ([average cost of each epoch], total cost of the test digits).

    Args:
        train_digits, test_digits: [n, P], float32, scaled by ``standard_scale``.
    """
    built = build(config)
    n_samples = len(train_digits)
    total_batch = n_samples // config.batch_size
    blocks = random_blocks(train_digits, config.batch_size, config.seed)
    averages = []
    with built.graph.as_default():
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)
            for _ in range(config.training_epochs):
                avg_cost = 0.0
                for _ in range(total_batch):
                    cost, _ = session.run(
                        [built.loss, built.train], feed_dict={built.x: next(blocks)}
                    )
                    avg_cost += cost / n_samples * config.batch_size
                averages.append(avg_cost)
            # Of noisy digits as well: the noise is in the graph.
            total_cost = session.run(built.loss, feed_dict={built.x: test_digits})
    return averages, total_cost
