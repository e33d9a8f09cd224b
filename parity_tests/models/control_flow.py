"""What control_flow is run on: two short signals over six moments."""

import numpy as np

TEACHES = (
    "tf.cond, tf.while_loop, control_dependencies, py_func and gradients of one's own: "
    "Python in a tf.function, whose lines run in their order"
)
STEPS = 6
LEVELS = ("function",)


def configure(_data, _seed):
    """Fields of the chapter's Config for a run."""
    return {}


def load(_data, _seed):
    """(what both programs take, nothing to score on); float32 [length, batch]."""
    x = np.float32([[1, -1], [1, 0], [0, 1], [0, 1], [1, 0], [-1, 0]])
    y_true = np.zeros_like(x)
    for t in range(len(x)):
        y_true[t] = 0.5 * y_true[t - 1] * (t > 0) + x[t]
    return (x, np.maximum(y_true, 0)), ()
