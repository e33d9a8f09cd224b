"""Batch normalisation whose updates a program runs, or leaves: see ``layers``."""

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import session
from tf1_graph.parts.normalizations import batch_normalization

UPDATE_OPS = "layers.update_ops"


def passes_program(problem):
    """Two passes of one batch normalisation, whose updates the moves run or leave.

    Each takes ``x`` and ``other``. Without an order between the two passes TF1 itself
    would race: both read the statistics as they were, and the second depended on luck.
    """
    with tf.Graph().as_default() as graph:
        x, other = (
            tf.placeholder(problem["dtype"], problem["sizes"], name=name)
            for name in ("x", "other")
        )
        first = batch_normalization(x, True, momentum=0.9)["y"]
        of_first = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        with tf.control_dependencies(of_first):
            second = batch_normalization(other, True, momentum=0.9)["y"]
            of_both = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        seen = {"y": first}
        moves = {
            "neither": session.move(outputs=seen),
            "first": session.move(of_first, outputs=seen),
            "both": session.move(of_both, outputs=dict(seen, second=second)),
        }
    return session.program(graph, {"x": x, "other": other}, **moves)


def passes(problem, seed=0):
    """[(move, batch)] of them: one of each, and again."""
    random = np.random.RandomState(seed)
    return [
        (
            move,
            {
                name: (
                    3 * random.standard_normal([size or 4 for size in problem["sizes"]])
                ).astype(problem["dtype"])
                for name in ("x", "other")
            },
        )
        for move in ("neither", "first", "both", "first", "both")
    ]
