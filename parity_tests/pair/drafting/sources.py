"""What a draft is made of: a ``.meta``, a SavedModel, or a program that builds a graph."""

import inspect
import os

import tensorflow.compat.v1 as tf

from parity_tests.pair import tf1_sides
from parity_tests.pair.drafting import shapes
from parity_tests.pair.errors import mistake, theirs
from tf1_graph import exported, updates
from tf2_keras.migrate.checkpoint import exports


def read(source, names):
    """(MetaGraphDef with shapes ``completed``, ``finding.Names``) of a graph.

    Args:
        source: a path of a ``.meta`` or of a SavedModel's folder; 'program.py:build',
            or 'program.py' that builds its graph while it is imported.
        names: ``finding.Names``; what a signature says is taken where they leave it open.

    Raises:
        PairError: for a program that fails, or that builds no graph.
        HandoverError, ValueError: for a file that is no export, or not whole.
    """
    meta_graph, names = _read(source, names)
    return shapes.completed(meta_graph, names.training_feed or ()), names


def _read(source, names):
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
        returned, told = None, path
        if function is not None:
            build = _function(module, path, function)
            with theirs("MODEL must build its graph"):
                returned = build()
            told = f"{path}:{function}, which returned {repr(returned):.40} and"
            own = [returned, getattr(returned, "graph", None)]
            graph = next((g for g in own if isinstance(g, tf.Graph)), graph)
    if not graph.get_operations():
        left = "after which the default graph is empty"
        if function is not None:
            left = "left the default graph empty"
        raise mistake(
            "MODEL must build a graph",
            f"{told}, {left}" if function is None else f"{told} {left}",
            "Name the function that builds it, FILE.py:build; it may return its graph",
        )
    with graph.as_default():
        return tf.train.export_meta_graph(graph=graph)


def _function(module, path, name):
    """The function of a module that builds a graph, without arguments."""
    build = getattr(module, name, None)
    if not callable(build):
        functions = tf1_sides.functions(module)
        raise mistake(
            "MODEL must name a function of its file",
            f"{path}:{name} (nearest: {updates.nearest(name, functions)}), of "
            f"{', '.join(functions) or 'none'}",
            "Write it after the colon, FILE.py:build",
        )
    try:
        inspect.signature(build).bind()
    except TypeError as error:
        raise mistake(
            "MODEL must name a function that takes no arguments",
            f"{path}:{name}{inspect.signature(build)} ({error})",
            f"Name one that calls it, such as def small(): return {name}(...)",
        ) from None
    except ValueError:  # one without a signature: it is called as it is
        pass
    return build
