"""What input_iterators is run on: shards of rows to train on, and rows to test on."""

import numpy as np

TEACHES = (
    "initializable, feedable and one-shot iterators, parallel_interleave, shuffle: a data "
    "set is read by a for, and an epoch's order has to be kept by hand"
)
STEPS = 2
LEVELS = ("eager",)  # a for in Python; what is mapped is a graph in any case


def configure(_data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(_data, _seed):
    """(what both programs take, nothing to score on), int64 [shards, rows] and [rows]."""
    return (np.arange(12).reshape(3, 4), -np.arange(6)), ()
