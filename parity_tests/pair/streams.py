"""Random streams that no seed fixes, or that the other side can never draw."""

import keras
import tensorflow.compat.v1 as tf

from tf1_graph import seeds

UNSEEDED = (0, 0)
MOST_NAMED = 3
# What layers call how much they draw: a layer whose every amount is 0 draws nothing.
AMOUNTS = ("rate", "stddev", "dropout", "recurrent_dropout")


def notes(program, model):
    """Sentences about the streams of both sides that cannot agree.

    Args:
        program: a ``session.Program``, or None for what is not known.
        model: a ``keras.Model``, or None.
    """
    said = []
    if program is not None:
        said += of_graph(program.graph)
    if model is not None:
        said += of_model(model)
    return said


def of_graph(graph):
    """Sentences about the unseeded draws of a graph."""
    with graph.as_default():
        drawn = seeds.random_ops(tf.train.export_meta_graph(graph=graph))
    unseeded = [operation for operation in drawn if operation.seed == UNSEEDED]
    initial = [name for op in unseeded for name in op.initialises]
    others = [op.node for op in unseeded if not op.initialises]
    said = []
    if initial:
        said.append(
            f"TF1 draws the initial values of {_few(initial)} without a seed: they are "
            "others in every Session. Set tf.set_random_seed and the ops' seeds, or take "
            "them over with --init-from-tf1."
        )
    if others:
        said.append(
            f"TF1 draws {_few(others)} without a seed: no twin can draw the same. Give "
            "the op a seed, tf.nn.dropout(x, keep_prob, seed=14) say, and the twin the "
            "same two: tf1_semantics.layers.Dropout(keep_prob, seed=(graph seed, 14)); "
            "for a sampler, see `tf-parity seeds`; or compare with keep_prob 1."
        )
    return said


def of_model(model):
    """Sentences about layers that draw from Keras's own streams."""
    drawing = [
        layer
        for layer in model._flatten_layers()
        if any(
            isinstance(getattr(layer, name, None), keras.random.SeedGenerator)
            for name in ("seed_generator", "generator")
        )
        and _draws(layer)
    ]
    if not drawing:
        return []
    kinds = sorted({type(layer).__name__ for layer in drawing})
    return [
        f"The twin's {_few([layer.name for layer in drawing])} ({', '.join(kinds)}) draws "
        "from a stream of Keras's, which is never TF1's, whatever its seed. Use "
        "tf1_semantics.layers.Dropout(keep_prob, seed=(graph seed, op seed))."
    ]


def _draws(layer):
    """Whether a layer with a stream takes anything from it."""
    amounts = [getattr(layer, name) for name in AMOUNTS if hasattr(layer, name)]
    return not amounts or any(amounts)


def _few(names):
    names = list(dict.fromkeys(names))
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
