"""A wide and deep net, Cheng et al. 2016, arXiv:1606.07792, as the census tutorial had it.

Who earned more than 50 000 dollars a year? A linear model over words and pairs of words
remembers, a net over numbers and embeddings generalises; their logits are added. The
tutorial's canned estimator, tf.estimator.DNNLinearCombinedClassifier, is written out here:
its columns, names, optimizers and rates, and its loss, which is a sum.

Shapes: B people.
"""

import collections
import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf

NUMBERS = ("age", "education_num", "capital_gain", "capital_loss", "hours_per_week")
# fmt: off
VOCABULARIES = {
    "education": [
        "Bachelors", "HS-grad", "11th", "Masters", "9th", "Some-college", "Assoc-acdm",
        "Assoc-voc", "7th-8th", "Doctorate", "Prof-school", "5th-6th", "10th", "1st-4th",
        "Preschool", "12th"],
    "marital_status": [
        "Married-civ-spouse", "Divorced", "Married-spouse-absent", "Never-married",
        "Separated", "Married-AF-spouse", "Widowed"],
    "relationship": [
        "Husband", "Not-in-family", "Wife", "Own-child", "Unmarried", "Other-relative"],
    "workclass": [
        "Self-emp-not-inc", "Private", "State-gov", "Federal-gov", "Local-gov", "?",
        "Self-emp-inc", "Without-pay", "Never-worked"],
}
# fmt: on
WORDS = (*VOCABULARIES, "occupation")
AGES = (18.0, 25.0, 30.0, 35.0, 40.0, 45.0, 50.0, 55.0, 60.0, 65.0)


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


def input_fn(features, labels, batch_size, seed):
    """Endless ({column: [B]}, labels [B]), shuffled anew in each epoch, the last short."""
    random = np.random.RandomState(seed)
    while True:
        order = random.permutation(len(labels))
        for start in range(0, len(labels), batch_size):
            rows = order[start : start + batch_size]
            yield (
                {name: column[rows] for name, column in features.items()},
                labels[rows],
            )


def build_model_columns(config):
    """(wide columns, deep columns)."""
    column, buckets = tf.feature_column, config.hash_bucket_size
    numbers = {name: column.numeric_column(name) for name in NUMBERS}
    words = {
        name: column.categorical_column_with_vocabulary_list(name, vocabulary)
        for name, vocabulary in VOCABULARIES.items()
    }
    occupation = column.categorical_column_with_hash_bucket("occupation", buckets)
    age_buckets = column.bucketized_column(numbers["age"], AGES)
    crosses = [
        column.crossed_column(["education", "occupation"], buckets),
        column.crossed_column([age_buckets, "education", "occupation"], buckets),
    ]
    dimension = config.embedding_dimension
    embedding = column.embedding_column(
        occupation,
        dimension,
        initializer=tf.truncated_normal_initializer(stddev=dimension**-0.5, seed=11),
    )
    indicators = [column.indicator_column(known) for known in words.values()]
    wide = list(words.values()) + [occupation, age_buckets] + crosses
    return wide, list(numbers.values()) + indicators + [embedding]


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
    wide_columns, deep_columns = build_model_columns(config)
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
        features = {name: tf.placeholder(tf.float32, [None], name) for name in NUMBERS}
        for name in WORDS:
            features[name] = tf.placeholder(tf.string, [None], name)
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
        features: {column: [n]}, float32 of NUMBERS and str of WORDS.
        labels: [n], int32, whether more than 50 000 dollars.
    """
    built = build(config)
    batches = input_fn(features, labels, config.batch_size, config.seed)
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
