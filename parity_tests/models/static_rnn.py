"""What static_rnn is run on: real digits as rows, one-hot labels."""

import numpy as np

from parity_tests.datasets import mnist
from parity_tests.models import supervised

TEACHES = "BasicLSTMCell in static_rnn, one way and both: an image as its rows"
STEPS = 20
LEARNING_RATE = "GradientDescent/learning_rate:0"
METRIC = "test accuracy"
SCORED = 1000  # examples in a run
DATA_SETS = (mnist,)
SOURCES = (
    "tf1_graph/models/mnist_cnn.py",  # whose next_batch it takes
    "tf1_graph/rnn.py",
    "tf1_graph/rnn_cell.py",
)


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(data, seed):
    """((images [n, 28, 28], float32; one-hot [n, 10]) to train on, the same to score on).

    Scaled and split as ``input_data.read_data_sets`` did.
    """
    train, test = mnist.read_data_sets(data)
    return tuple(
        (x.reshape(-1, 28, 28), mnist.one_hot(labels)) for x, labels in (train, test)
    )


def program(built, _config):
    """The TF1 side's moves ``train`` and ``predict``, of what its ``build`` returned."""
    from tf1_graph import session

    return session.supervised(built, learning_rate=LEARNING_RATE)


moves, dataset = supervised.moves_and_dataset("static_rnn", "next_batch")


def evaluation(test, _config):
    """The moves whose outputs are scored."""
    return [("predict", {"x": block}) for block in np.array_split(test[0], 4)]


def score(test, outputs):
    """Accuracy, as a float."""
    return supervised.accuracy(test[1], outputs)
