"""``tf.contrib.rnn``, as far as chapters need it.

1.15.5 has it. Of today's compat.v1 the cells are lost, see ``rnn_cell``, and what unrolls
them is where 1.15 had it as well, in ``tf.nn``.
"""

import contextlib
import warnings

import tensorflow.compat.v1 as tf

from tf1_graph.rnn_cell import cell_class


def BasicLSTMCell(*arguments, **options):
    """``tf.contrib.rnn.BasicLSTMCell``."""
    return _made("BasicLSTMCell", arguments, options)


def BasicRNNCell(*arguments, **options):
    """``tf.contrib.rnn.BasicRNNCell``."""
    return _made("BasicRNNCell", arguments, options)


def DropoutWrapper(*arguments, **options):
    """``tf.contrib.rnn.DropoutWrapper``."""
    return _made("DropoutWrapper", arguments, options)


def MultiRNNCell(*arguments, **options):
    """``tf.contrib.rnn.MultiRNNCell``."""
    return _made("MultiRNNCell", arguments, options)


def static_rnn(cell, inputs, **options):
    """``tf.contrib.rnn.static_rnn``: (outputs, one a step; last state)."""
    with _quiet():
        return tf.nn.static_rnn(cell, inputs, **options)


def static_bidirectional_rnn(cell_fw, cell_bw, inputs, **options):
    """``tf.contrib.rnn.static_bidirectional_rnn``: (outputs, two last states)."""
    with _quiet():
        return tf.nn.static_bidirectional_rnn(cell_fw, cell_bw, inputs, **options)


def _made(name, arguments, options):
    with _quiet():
        return cell_class(name)(*arguments, **options)


@contextlib.contextmanager
def _quiet():
    """Without what TF1's own cells say of themselves when they are made and built."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is deprecated and will be")
        yield
