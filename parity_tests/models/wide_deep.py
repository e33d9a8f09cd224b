"""What the wide and deep net is run on: rows of the census of 1994."""

import numpy as np

from parity_tests.datasets import adult

TEACHES = (
    "feature columns as preprocessing layers: the same ids; an optimizer for each half"
)
SOURCES = ("tf1_graph/models/feature_columns.py",)
STEPS = 24
METRIC = "accuracy"
TRAIN, TEST = 1000, 500  # rows


def configure(data, seed):
    """Fields of the chapter's Config for a run: rates at which so few steps tell."""
    return {
        "seed": seed,
        "hash_bucket_size": 200,
        "linear_learning_rate": 0.1,
        "dnn_learning_rate": 0.02,
    }


def load(data, seed):
    """((columns, labels) to train on, (columns, labels) to test on).

    Gains and losses as logarithms: of a net that is given 99 999 dollars little is left.
    """
    columns, labels = adult.load()
    for name in ("capital_gain", "capital_loss"):
        columns[name] = np.log1p(columns[name])
    return tuple(
        ({name: column[rows] for name, column in columns.items()}, labels[rows])
        for rows in (slice(TRAIN), slice(TRAIN, TRAIN + TEST))
    )


def first(train, examples, batch_size):
    """The first so many people."""
    columns, labels = train
    columns = {name: column[:examples] for name, column in columns.items()}
    return columns, labels[:examples]


def program(built, _config):
    """The TF1 side's moves ``train``, of both optimizers, and ``predict``."""
    from tf1_graph import session

    return session.program(
        built.graph,
        dict(built.features, y_true=built.y_true),
        train=session.train(built.train, built.loss),
        predict=session.move(outputs={"y_pred": built.y_pred}),
    )


def moves(train, config):
    """Endless training as the chapter's own loop does it."""
    from tf1_graph.models.feature_columns import input_fn

    for columns, labels in input_fn(*train, config.batch_size, config.seed):
        yield "train", dict(columns, y_true=labels)


def dataset(train, config):
    """The same batches as the twin takes them, an endless tf.data.Dataset."""
    from tf2_keras.models.feature_columns import input_fn

    return input_fn(*train, config.batch_size, config.seed)


def evaluation(test, _config):
    """The moves whose outputs are scored."""
    return [("predict", test[0])]


def score(test, outputs):
    """The share of people whose logit has the right sign."""
    return float(np.mean((outputs[0]["y_pred"][:, 0] > 0) == test[1]))
