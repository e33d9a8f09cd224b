"""What mnist_cnn is run on: real digits."""

import numpy as np

from parity_tests.datasets import mnist
from parity_tests.models import supervised

TEACHES = "a CNN: initialisers by seed, bias by broadcasting, dropout, Adam, next_batch"
STEPS = 20
LEARNING_RATE = "Adam/learning_rate:0"
METRIC = "test accuracy"
DATA_SETS = (mnist,)
BLOCKS = 10  # what is scored is so in ten blocks, as in the notes
SCORED = 1000  # examples in a run; ten thousand take longer than the training


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(data, seed):
    """((images [n, 784], one-hot [n, 10]) to train on, the same to score on), float32.

    Scaled, encoded and split as ``input_data.read_data_sets(..., one_hot=True)`` did.
    """
    train, test = mnist.read_data_sets(data)
    return tuple((x, mnist.one_hot(labels)) for x, labels in (train, test))


def program(built, config):
    """The TF1 side's moves ``train`` and ``predict``, of what its ``build`` returned."""
    from tf1_graph import session

    return session.supervised(
        built,
        training_feed={built.keep_prob: config.keep_prob},
        inference_feed={built.keep_prob: 1.0},
        learning_rate=LEARNING_RATE,
    )


moves, dataset = supervised.moves_and_dataset("mnist_cnn", "next_batch")


def evaluation(test, _config):
    """The moves whose outputs are scored: ten blocks of test digits, as in the notes."""
    blocks = np.array_split(test[0], BLOCKS)
    return [("predict", {"x": block}) for block in blocks if len(block)]


def score(test, outputs):
    """Accuracy as the mean over ten blocks, as a float."""
    labels = np.array_split(test[1], BLOCKS)
    shares = [
        np.mean(block["y_pred"].argmax(1) == labels[number].argmax(1))
        for number, block in enumerate(outputs)
    ]
    return float(np.mean(shares))
