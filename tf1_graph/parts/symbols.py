"""TF1's symbols, contrib included, and what stands for those that are gone today."""

import importlib

import tensorflow.compat.v1 as tf

# The legacy Keras inside of today's TensorFlow keeps TF1's cells, line by line.
LEGACY_CELLS = "tensorflow.python.keras.layers.legacy_rnn.rnn_cell_impl"


def is_tf1():
    """Whether this TensorFlow is TF1 itself, which has every symbol."""
    return tf.__version__.startswith("1.")


def symbol(name):
    """The object of a TF1 symbol such as ``tf.contrib.layers.layer_norm``.

    Raises:
        AttributeError, ImportError: if this TensorFlow has none.
    """
    path = name.split(".")[1:]
    if path[0] == "contrib":  # compat.v1 has none even in 1.15
        package = importlib.import_module(".".join(["tensorflow"] + path[:-1]))
        return getattr(package, path[-1])
    if path[:2] == ["nn", "rnn_cell"] and not is_tf1():
        return getattr(importlib.import_module(LEGACY_CELLS), path[-1])
    found = tf
    for part in path:
        found = getattr(found, part)
    return found
