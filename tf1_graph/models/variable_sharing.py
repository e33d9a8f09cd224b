"""Shared variables: scopes, reuse, partitions, getters, collections, regularizers.

Two words of a pair go through one encoder, made by two calls under the same scope. Its
table of words lies in two parts, as on two parameter servers; every variable of the scope
is regularized; predictions are made from moving averages, by a custom getter.

Run it: ``python -m tf1_graph.models.variable_sharing``
"""

import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 5
    words: int = 6
    width: int = 4
    parts: int = 2  # of the table
    learning_rate: float = 0.125
    weight_decay: float = 0.0625
    average_decay: float = 0.5
    seed: int = 1  # of the graph; each random op adds its own


def encode(words, config, getter=None):
    """[batch] int32 -> [batch, 2]: rows of a table, times a kernel, plus a bias."""
    with tf.variable_scope(
        "encoder",
        reuse=tf.AUTO_REUSE,  # made by the first call, found by the second
        regularizer=lambda weights: config.weight_decay * tf.nn.l2_loss(weights),
        custom_getter=getter,
        use_resource=True,
    ):
        table = tf.get_variable(
            "table",
            [config.words, config.width],
            initializer=tf.random_uniform_initializer(-1.0, 1.0, seed=11),
            partitioner=tf.fixed_size_partitioner(config.parts),
        )
        kernel = tf.get_variable(
            "kernel",
            [config.width, 2],
            initializer=tf.random_uniform_initializer(-1.0, 1.0, seed=12),
        )
        # It has no regularizer of its own, so it has the scope's.
        bias = tf.get_variable("bias", [2], initializer=tf.zeros_initializer())
    # Word i is row i // parts of part i % parts: strategy "mod", the default.
    embedded = tf.nn.embedding_lookup(table, words)
    return tf.matmul(embedded, kernel) + bias


def distances(left, right, config, getter=None):
    """[batch]: the squared distance of the two words of each pair."""
    difference = encode(left, config, getter) - encode(right, config, getter)
    return tf.reduce_sum(tf.square(difference), axis=1)


def averaged_by(averages):
    """A custom getter: what a variable's moving average holds instead of itself."""

    def average(getter, name, *arguments, **options):
        variable = getter(name, *arguments, **options)
        if hasattr(variable, "as_tensor"):  # it is partitioned
            return [averages.average(part) for part in variable]
        return averages.average(variable)

    return average


def names_of(variables):
    """The names of variables, an array of text."""
    return np.array([variable.op.name for variable in variables])


def run(left_words, right_words, y_data, config=Config()):
    """What was made, then what each step saw and left behind, by stage."""
    graph = tf.Graph()
    with graph.as_default():
        tf.set_random_seed(config.seed)
        left = tf.placeholder(tf.int32, [None], "left")
        right = tf.placeholder(tf.int32, [None], "right")
        y_true = tf.placeholder(tf.float32, [None], "y_true")
        y_pred = distances(left, right, config)
        variables = tf.trainable_variables()
        # One loss a variable, or a part of one, however often it is used. They are only
        # looked at: what nobody adds to the loss penalises nothing.
        penalties = tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
        stacked = tf.stack(penalties)
        loss = 0.5 * tf.reduce_sum(tf.square(y_true - y_pred))
        optimizer = tf.train.GradientDescentOptimizer(config.learning_rate)
        train = optimizer.minimize(loss)
        averages = tf.train.ExponentialMovingAverage(config.average_decay)
        with tf.control_dependencies([train]):
            update = averages.apply(variables)
        averaged = distances(left, right, config, averaged_by(averages))
        state = {variable.op.name: variable for variable in tf.global_variables()}
        initialise = tf.global_variables_initializer()
        made = {
            "trainable": names_of(variables),
            "all": np.sort(names_of(tf.global_variables())),
            "penalties": np.int64(len(penalties)),
        }
    with tf.Session(graph=graph) as session:
        session.run(initialise)
        history = [{"initial values": session.run(state), "collections": made}]
        for _ in range(config.steps):
            feed = {left: left_words, right: right_words, y_true: y_data}
            seen = {
                "outputs": {"y_pred": y_pred},
                "loss": {"loss": loss, "penalties": stacked},
            }
            # By a run of its own: beside an update, nothing says which of both is first.
            record = session.run(seen, feed)
            session.run(update, feed)
            record["outputs"]["averaged"] = session.run(averaged, feed)
            record["updates"] = session.run(state)
            history.append(record)
    return history


if __name__ == "__main__":
    words = np.int32([0, 1, 2, 3]), np.int32([1, 2, 5, 5])
    begun, *steps = run(*words, np.float32([0, 1, 0, 1]))
    print(*begun["collections"]["trainable"])
    for record in steps:
        loss, penalties = record["loss"].values()
        print(f"loss {loss:.5f}, penalties {penalties.sum():.5f}")
