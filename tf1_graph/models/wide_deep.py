"""A wide and deep net, Cheng et al. 2016, arXiv:1606.07792, as the census tutorial had it.

Who earned more than 50 000 dollars a year? A linear model over words and pairs of words
remembers, a net over numbers and embeddings generalises; their logits are added. What
both halves are given of a person is in feature_columns.py. The tutorial's canned estimator,
tf.estimator.DNNLinearCombinedClassifier, is written out here: its names, optimizers and
rates, and its loss, which is a sum.

Shapes: B people.
"""

import collections
import dataclasses

import tensorflow.compat.v1 as tf

from tf1_graph.models import feature_columns


@dataclasses.dataclass(frozen=True)
class Config:
    hash_bucket_size: int = 1000  # of occupations and of each cross
    embedding_dimension: int = 8  # of an occupation
    hidden_units: tuple = (100, 75, 50, 25)
    linear_learning_rate: float = 0.005  # the estimator's own, for as many columns
    dnn_learning_rate: float = 0.001
    batch_size: int = 40
    train_epochs: int = 40
    seed: int = 1  # of the graph; each variable adds its own


def dense(net, units, name, seed, activation=None):
    """[B, n] -> [B, units]; tf.layers.dense by hand."""
    with tf.variable_scope(name):
        kernel = tf.get_variable(
            "kernel",
            [int(net.get_shape()[1]), units],
            initializer=tf.glorot_uniform_initializer(seed=seed),
        )
        bias = tf.get_variable("bias", [units], initializer=tf.zeros_initializer())
        net = tf.nn.bias_add(tf.matmul(net, kernel), bias)
        return net if activation is None else activation(net)


def linear(features, wide_columns):
    """A weight for each word, number range and pair: logits [B, 1]."""
    # An unknown word has no weight, and nor has an empty one.
    with tf.variable_scope("linear"):
        return tf.feature_column.linear_model(features, wide_columns)


def dnn(features, deep_columns, config):
    """Logits [B, 1]."""
    with tf.variable_scope("dnn"):
        with tf.variable_scope("input_from_feature_columns"):
            # Side by side in the order of the columns' names, whatever the list's.
            net = tf.feature_column.input_layer(features, deep_columns)
        for number, units in enumerate(config.hidden_units):
            name = f"hiddenlayer_{number}"
            net = dense(net, units, name, 12 + number, tf.nn.relu)
        return dense(net, 1, "logits", 12 + len(config.hidden_units))


def inference(features, config):
    """{column: [B]} -> logits [B, 1]."""
    wide_columns, deep_columns = feature_columns.build_model_columns(config)
    return dnn(features, deep_columns, config) + linear(features, wide_columns)


def loss(labels, logits):
    """Cross-entropy of labels [B] and logits [B, 1], summed over the batch, a scalar."""
    # What canned estimators minimised: a batch twice as large takes a step twice as far.
    labels = tf.expand_dims(tf.to_float(labels), 1)
    return tf.losses.sigmoid_cross_entropy(
        labels, logits, reduction=tf.losses.Reduction.SUM
    )


def optimizer(config):
    """{scope: the optimizer of its variables}."""
    return {
        "linear": tf.train.FtrlOptimizer(config.linear_learning_rate),
        "dnn": tf.train.AdagradOptimizer(config.dnn_learning_rate),
    }


# The graph, what its Session feeds, fetches and runs.
Model = collections.namedtuple(
    "Model", ["graph", "features", "y_true", "y_pred", "loss", "train"]
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(config.seed)
        features = feature_columns.inputs()
        y_true = tf.placeholder(tf.int32, [None], name="y_true")
        y_pred = inference(features, config)
        cost = loss(y_true, y_pred)
        # One loss, and each optimizer trains its own half.
        updates = [
            half.minimize(
                cost, var_list=tf.get_collection("trainable_variables", scope)
            )
            for scope, half in optimizer(config).items()
        ]
        train = tf.group(*updates)
    return Model(graph, features, y_true, y_pred, cost, train)


def run(features, labels, config=Config()):
    """Returns [mean loss of an example in each epoch].

    Args:
        features: {column: [n]}, float32 of numbers and str of words.
        labels: [n], int32, whether more than 50 000 dollars.
    """
    built = build(config)
    batches = feature_columns.input_fn(features, labels, config.batch_size, config.seed)
    losses = []
    with built.graph.as_default():
        init = [tf.global_variables_initializer(), tf.tables_initializer()]
        with tf.Session() as session:
            session.run(init)
            for _ in range(config.train_epochs):
                total = 0
                for _ in range(-(-len(labels) // config.batch_size)):
                    x, y = next(batches)
                    feed_dict = {built.features[name]: x[name] for name in x}
                    feed_dict[built.y_true] = y
                    _, cost = session.run([built.train, built.loss], feed_dict)
                    total += cost
                losses.append(total / len(labels))
    return losses
