"""What nearest neighbours are looked up in: real digits."""

import numpy as np

from parity_tests.datasets import mnist

TEACHES = "a graph without variables: a distance, and of equally near ones the first"
STEPS = 200
LEVELS = ("eager", "function")
DATA_SETS = (mnist,)
KNOWN = 250


def configure(_data, _seed):
    """Fields of the chapter's Config for a run."""
    return {}


def load(data, _seed):
    """((known images [500, 784], labels; test images, labels), nothing to score on).

    Each known digit stands there twice, so that every answer is one of two equally near.
    """
    (digits, labels), test = mnist.read_data_sets(data)
    known = np.tile(digits[:KNOWN], [2, 1]), np.tile(labels[:KNOWN], 2)
    return (*known, *(part[:STEPS] for part in test)), ()
