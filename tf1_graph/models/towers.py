"""Towers: one graph, a replica of the model on each device, the mean of their gradients.

As ``cifar10_multi_gpu_train`` had it: the variables stand on the first device, each tower
reads them, and a batch is split among the towers. They normalise by their own part of the
batch, and the moving statistics move by that of the first.

Shapes: B examples of I inputs, a share of them on each tower; H hidden units; K classes.

Run it: ``python -m tf1_graph.models.towers``
"""

import collections
import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 6
    towers: int = 2  # a device each
    batch_size: int = 8  # of all towers together
    hidden: int = 5  # H
    classes: int = 3  # K
    decay: float = 0.9  # of the moving statistics
    epsilon: float = 0.001
    learning_rate: float = 0.25
    momentum: float = 0.5
    seed: int = 1  # of the graph; each random op adds its own


def variable_on_first(name, shape, initializer, trainable=True):
    """A variable where all towers find it."""
    with tf.device("/cpu:0"):
        return tf.get_variable(
            name, shape, initializer=initializer, trainable=trainable
        )


def dense(x, units, seed, name, has_bias=True):
    """[B, inputs] -> [B, units]."""
    with tf.variable_scope(name):
        normal = tf.truncated_normal_initializer(stddev=0.5, seed=seed)
        kernel = variable_on_first("kernel", [int(x.shape[1]), units], normal)
        if not has_bias:
            return tf.matmul(x, kernel)
        bias = variable_on_first("bias", [units], tf.zeros_initializer())
        return tf.nn.bias_add(tf.matmul(x, kernel), bias)


def batch_norm(x, training, config):
    """Normalises by the tower's own examples; adds its updates to UPDATE_OPS."""
    units, ones = [int(x.shape[1])], tf.ones_initializer()
    with tf.variable_scope("norm"):
        gamma = variable_on_first("gamma", units, ones)
        beta = variable_on_first("beta", units, tf.zeros_initializer())
        zeros = tf.zeros_initializer()
        moving_mean = variable_on_first("moving_mean", units, zeros, trainable=False)
        moving_variance = variable_on_first(
            "moving_variance", units, ones, trainable=False
        )
        if not training:
            return tf.nn.batch_normalization(
                x, moving_mean, moving_variance, beta, gamma, config.epsilon
            )
        mean, variance = tf.nn.moments(x, [0])
        for moving, batch in ((moving_mean, mean), (moving_variance, variance)):
            update = tf.assign_sub(moving, (moving - batch) * (1.0 - config.decay))
            tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, update)
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, config.epsilon)


def inference(x, training, config):
    """[B, I] -> logits [B, K]."""
    # Batch norm adds the bias.
    hidden = dense(x, config.hidden, 11, "hidden", has_bias=False)
    hidden = tf.nn.relu(batch_norm(hidden, training, config))
    return dense(hidden, config.classes, 12, "logits")


def loss(y_true, y_pred):
    """Mean cross-entropy of labels [B] and logits [B, K], a scalar."""
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y_true, logits=y_pred)
    )


def average_gradients(tower_gradients):
    """[(gradient, variable)] of each tower -> the same of their means."""
    averages = []
    for pairs in zip(*tower_gradients):
        gradients = tf.stack([gradient for gradient, _ in pairs])
        # The variables are shared: those of the first tower are those of all.
        averages.append((tf.reduce_mean(gradients, axis=0), pairs[0][1]))
    return averages


def optimizer(config):
    return tf.train.MomentumOptimizer(config.learning_rate, config.momentum)


Model = collections.namedtuple(
    "Model", ["graph", "x", "y_true", "losses", "loss", "gradients", "train", "predict"]
)


def build(inputs, config):
    """The graph of all towers, and a last one to predict with."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(config.seed)
        x = tf.placeholder(tf.float32, [None, inputs], name="x")
        y_true = tf.placeholder(tf.int64, [None], name="y_true")
        shares = zip(tf.split(x, config.towers), tf.split(y_true, config.towers))
        momentum = optimizer(config)
        losses, tower_gradients, update_ops = [], [], []
        for tower, (x_share, y_share) in enumerate(shares):
            with tf.device(f"/cpu:{tower}"), tf.name_scope(f"tower_{tower}") as scope:
                with tf.variable_scope("", reuse=tower > 0):
                    losses.append(loss(y_share, inference(x_share, True, config)))
                tower_gradients.append(momentum.compute_gradients(losses[-1]))
            if tower == 0:
                update_ops = tf.get_collection(tf.GraphKeys.UPDATE_OPS, scope)
        with tf.device("/cpu:0"):
            average = average_gradients(tower_gradients)
            step = tf.train.get_or_create_global_step()
            train = tf.group(momentum.apply_gradients(average, step), *update_ops)
            with tf.variable_scope("", reuse=True):
                predict = inference(x, False, config)
            mean_loss = tf.reduce_mean(tf.stack(losses))
    gradients = {variable.op.name: gradient for gradient, variable in average}
    return Model(graph, x, y_true, losses, mean_loss, gradients, train, predict)


def run(x_data, y_data, config=Config()):
    """A record of each step, and at last what is predicted of all examples."""
    built = build(x_data.shape[1], config)
    with built.graph.as_default():
        state = {variable.op.name: variable for variable in tf.global_variables()}
        initialise = tf.global_variables_initializer()
    seen = {
        "loss": dict(
            {f"tower {tower}": value for tower, value in enumerate(built.losses)},
            loss=built.loss,
        ),
        "gradients": built.gradients,
    }
    # Where there are GPUs, each is a device; processors are counted out here.
    devices = tf.ConfigProto(device_count={"CPU": config.towers})
    with tf.Session(graph=built.graph, config=devices) as session:
        session.run(initialise)
        history = [{"initial values": session.run(state)}]
        for step in range(config.steps):
            batch = np.arange(config.batch_size) + step * config.batch_size
            rows = batch % len(x_data)
            feed = {built.x: x_data[rows], built.y_true: y_data[rows]}
            record, _ = session.run([seen, built.train], feed)
            history.append(dict(record, updates=session.run(state)))
        logits = session.run(built.predict, {built.x: x_data})
    return history + [{"outputs": {"logits": logits}}]


def examples():
    """(float32 [20, 4], int64 [20]): three clusters, the larger the rarer."""
    random = np.random.RandomState(0)
    labels = np.int64([0, 1, 0, 2, 1] * 4)
    centres = np.float32([[1, 0, 0, 0], [0, 2, 0, 0], [0, 0, 3, 1]])
    noise = random.uniform(-0.5, 0.5, [20, 4]).astype(np.float32)
    return centres[labels] + noise, labels


if __name__ == "__main__":
    for record in run(*examples())[1:-1]:
        print(
            "loss {loss:.5f}, of the towers {tower 0:.5f} and {tower 1:.5f}".format(
                **record["loss"]
            )
        )
