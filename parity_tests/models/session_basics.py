"""What session_basics is run on: twenty points of a line."""

import numpy as np

TEACHES = (
    "placeholder, feed, fetch, Session: what became of each line of the notes' fix"
)
STEPS = 5
LEARNING_RATE = "train/GradientDescent/learning_rate:0"
METRIC = "loss"


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(data, seed):
    """((x, y) to train on, (x, y) to score on), float32."""
    x = np.linspace(-1.0, 1.0, 20, dtype=np.float32)
    points = x, np.float32(2.0) * x - np.float32(0.5)
    return points, points


def program(built, _config):
    """The TF1 side's moves ``train`` and ``predict``, of what its ``build`` returned."""
    from tf1_graph import session

    return session.supervised(built, learning_rate=LEARNING_RATE)


def moves(train, config):
    """Endless training on the same points."""
    x, y_true = train
    while True:
        yield "train", {"x": x, "y_true": y_true}


def dataset(train, config):
    """The same batches as the twin takes them, an endless tf.data.Dataset."""
    import tensorflow as tf

    return tf.data.Dataset.from_tensors(train).repeat()


def evaluation(test, _config):
    """The moves whose outputs are scored."""
    return [("predict", {"x": test[0]})]


def score(test, outputs):
    """Mean squared error, as a float."""
    return float(np.mean((outputs[0]["y_pred"] - test[1]) ** 2))
