"""What logistic_regression is run on: 2000 synthetic examples of two classes."""

import numpy as np

from parity_tests.models import supervised

TEACHES = "sigmoid cross-entropy on logits, saturated ones included, and a threshold"
STEPS = 11
LEARNING_RATE = "train/GradientDescent/learning_rate:0"
METRIC = "accuracy"


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(data, seed):
    """((x [2000, 3], y [1, 2000]) to train on, the same to score on), float32."""
    from tf1_graph.models.logistic_regression import make_data

    examples = tuple(part.astype(np.float32) for part in make_data(seed))
    return examples, examples


def first(train, examples, _batch_size):
    """The first so many examples, which stand along the second axis of the targets."""
    return train[0][:examples], train[1][:, :examples]


def program(built, _config):
    """The TF1 side's moves ``train`` and ``predict``, of what its ``build`` returned."""
    from tf1_graph import session

    return session.supervised(built, learning_rate=LEARNING_RATE)


moves, dataset = supervised.moves_and_dataset("logistic_regression", "mini_batches")


def evaluation(test, _config):
    """The moves whose outputs are scored."""
    return [("predict", {"x": test[0]})]


def score(test, outputs):
    """The share of right classes; probability above one half is logit above zero."""
    return float(np.mean((outputs[0]["y_pred"] > 0) == test[1]))
