"""What a draft is made of: a ``.meta``, a SavedModel, or a program that builds a graph."""

import os

import tensorflow.compat.v1 as tf

from parity_tests.pair import tf1_sides
from parity_tests.pair.errors import mistake, theirs
from tf1_graph import exported
from tf2_keras.migrate.checkpoint import exports


def read(source, names):
    """(MetaGraphDef, ``finding.Names``) of a graph.

    Args:
        source: a path of a ``.meta`` or of a SavedModel's folder; 'program.py:build',
            or 'program.py' that builds its graph while it is imported.
        names: ``finding.Names``; what a signature says is taken where they leave it open.

    Raises:
        PairError: for a program that fails, or that builds no graph.
        HandoverError, ValueError: for a file that is no export, or not whole.
    """
    path, function = tf1_sides.split(source)
    if path.endswith(".py"):
        return _built(path, function), names
    if not os.path.isdir(path):
        return exported.read(path), names
    export = exports.opened(path)
    trains = names.train is not None or names.loss is not None
    if len(export.signatures) == 1 and names.y_pred is None and not trains:
        (signature,) = export.signatures.values()
        outputs = list(signature.outputs.values())
        if len(outputs) == 1:
            names = names._replace(
                y_pred=outputs[0], inputs=names.inputs or dict(signature.inputs)
            )
    return export.meta_graph, names


def _built(path, function):
    """The MetaGraphDef of what a program builds."""
    graph = tf.Graph()
    with graph.as_default(), tf1_sides.resets_of_an_empty_graph():
        module = tf1_sides.load(path)
        if function is not None:
            build = getattr(module, function, None)
            if not callable(build):
                raise mistake(
                    "MODEL must name a function of its file",
                    f"{path}:{function}",
                    "Write it after the colon, FILE.py:build",
                )
            with theirs("MODEL must build its graph"):
                returned = build()
            own = [returned, getattr(returned, "graph", None)]
            graph = next((g for g in own if isinstance(g, tf.Graph)), graph)
    if not graph.get_operations():
        raise mistake(
            "MODEL must build a graph",
            f"{path}, after which the default graph is empty",
            "Name the function that builds it, FILE.py:build",
        )
    with graph.as_default():
        return tf.train.export_meta_graph(graph=graph)
