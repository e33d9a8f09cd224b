"""What summaries is run on: four pictures of four pixels, and one to test on."""

import numpy as np

TEACHES = (
    "FileWriter, scalar, histogram, image, merge_all, add_graph: the same event files, and "
    "what TensorBoard's own functions write instead"
)
STEPS = 6
LEVELS = ("function",)


def configure(_data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(_data, _seed):
    """(what both programs take, nothing to score on), float32 [rows, 4] and [rows, 1]."""
    x = np.float32([[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]])
    y_true = np.float32([[1], [1], [-1], [0]])
    return (x, y_true, np.float32([[0, 1, 1, 0]]), np.float32([[1]])), ()
