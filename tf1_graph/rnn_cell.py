"""``tf.nn.rnn_cell`` and the while loop that TF1's programs ran in.

1.15.5 has both. Today's compat.v1 lost the cells with Keras 3, but the legacy Keras
inside of TensorFlow keeps their source, line by line; and its loops are TF2's, unless
they are asked to be TF1's.
"""

import contextlib
import importlib
import warnings

import tensorflow.compat.v1 as tf

from tf1_graph.parts.cases import genuine

LEGACY_CELLS = "tensorflow.python.keras.layers.legacy_rnn.rnn_cell_impl"


def cell_class(name):
    """TF1's own class of a cell."""
    if tf.__version__.startswith("1."):
        return genuine("tf.nn.rnn_cell." + name)
    return getattr(importlib.import_module(LEGACY_CELLS), name)


def LSTMCell(*arguments, **options):
    """``tf.nn.rnn_cell.LSTMCell``."""
    return cell_class("LSTMCell")(*arguments, **options)


def GRUCell(*arguments, **options):
    """``tf.nn.rnn_cell.GRUCell``."""
    return cell_class("GRUCell")(*arguments, **options)


def MultiRNNCell(*arguments, **options):
    """``tf.nn.rnn_cell.MultiRNNCell``."""
    return cell_class("MultiRNNCell")(*arguments, **options)


@contextlib.contextmanager
def while_loops():
    """Graphs get TF1's while loop of Enter, Merge and Exit, not TF2's functional one.

    Of that one's gradients Grappler adds those of one tensor in another order.
    """
    kept = tf.control_flow_v2_enabled()
    tf.disable_control_flow_v2()
    try:
        with warnings.catch_warnings():
            # What TF1's own cells say of themselves when they are made and built.
            warnings.filterwarnings("ignore", message=".*is deprecated and will be")
            yield
    finally:
        if kept:
            tf.enable_control_flow_v2()
