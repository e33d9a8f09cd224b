"""What variable_sharing is run on: pairs of words, and how far apart they are to be."""

import numpy as np

TEACHES = (
    "variable_scope, AUTO_REUSE, partitions, custom getters, collections, regularizers: "
    "a layer is shared by being the same object"
)
STEPS = 5
LEVELS = ("function",)


def configure(_data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(_data, _seed):
    """(what both programs take, nothing to score on): int32 words, float32 distances."""
    left, right = np.int32([0, 1, 2, 3]), np.int32([1, 2, 5, 5])
    return (left, right, np.float32([0, 1, 0, 1])), ()
