"""What is recorded of a part, and where its TF1 symbol is."""

import collections
import importlib

import tensorflow.compat.v1 as tf

Case = collections.namedtuple(
    "Case",
    [
        "part",  # such as 'optimizers.Adam'
        "arguments",  # of the part, plain data
        "problem",  # what the part is played on, as its kind's file says
        "kept",  # numbers of the records that are kept; None for all
    ],
)


def samples(cases, part):
    """The different arguments with which a part is recorded, in order."""
    arguments = []
    for case in cases.values():
        if case.part == part and case.arguments not in arguments:
            arguments.append(case.arguments)
    return tuple(arguments)


def kept(case, records):
    """Yields those of a play's records that are kept."""
    for number, record in enumerate(records):
        if case.kept is None or number in case.kept:
            yield record


def genuine(symbol, lost=None):
    """The object of a TF1 symbol such as 'tf.train.AdamOptimizer'.

    Args:
        symbol: with its path from ``tf``.
        lost: what stands for it where TensorFlow has lost tf.contrib.
    """
    module, _, name = symbol.rpartition(".")
    if module.startswith("tf.contrib."):  # not in compat.v1, not even in that of 1.15.5
        try:
            return getattr(importlib.import_module("tensorflow" + module[2:]), name)
        except ImportError:
            return lost
    known = tf
    for step in symbol.split(".")[1:]:
        known = getattr(known, step)
    return known
