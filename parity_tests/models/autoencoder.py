"""What the autoencoder is run on: real digits, each pixel scaled by its own spread."""

import numpy as np

from parity_tests.datasets import mnist
from parity_tests.models import supervised

TEACHES = "noise in the forward pass, evaluation included, and a loss that is a sum"
STEPS = 30
LEARNING_RATE = "Adam/learning_rate:0"
METRIC = "squared error of a test digit"
DATA_SETS = (mnist,)
TEST_DIGITS = 2000  # scored in a run


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(data, seed):
    """((x [n, 784],) to train on, (x [m, 784],) to score on), float32."""
    from tf1_graph.models.autoencoder import standard_scale

    (train, _), (test, _) = mnist.read_data_sets(data)
    train, test = standard_scale(train, test[:TEST_DIGITS])
    return (train,), (test,)


def first(train, examples, batch_size):
    """The first so many examples, more than a batch: none is ever short."""
    return (train[0][: max(examples, batch_size + 1)],)


def program(built, _config):
    """The TF1 side's moves ``train`` and ``predict``, of what its ``build`` returned."""
    from tf1_graph import session

    return session.program(
        built.graph,
        {"x": built.x, "y_true": built.x},  # the input is the target
        {"learning_rate": built.graph.get_tensor_by_name(LEARNING_RATE)},
        train=session.train(built.train, built.loss),
        predict=session.move(outputs={"y_pred": built.y_pred}),
    )


def moves(train, config):
    """Endless training as the chapter's own loop does it."""
    from tf1_graph.models.autoencoder import random_blocks

    for x in random_blocks(*train, config.batch_size, config.seed):
        yield "train", {"x": x, "y_true": x}


_, dataset = supervised.moves_and_dataset("autoencoder", "random_blocks")


def evaluation(test, _config):
    """The moves whose outputs are scored."""
    return [("predict", {"x": test[0]})]


def score(test, outputs):
    """Half of the squared errors of a digit, as a float."""
    return float(0.5 * np.square(outputs[0]["y_pred"] - test[0]).sum(1).mean())
