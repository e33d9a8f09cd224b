"""The line of the user's code that made an op.

Runs under Python 3.7 with TensorFlow 1.15.5 as well.
"""

import os
import weakref

import tensorflow.compat.v1 as tf

from parity_tests.pair.errors import OURS

LIBRARIES = (os.path.dirname(tf.__file__), os.path.dirname(os.__file__))
IMPORTERS = ("importer.py", "meta_graph.py")  # of a graph that was made elsewhere
_REMEMBERED = weakref.WeakKeyDictionary()  # {graph: {name of an op: line}}


def remember(graph, lines):
    """Says which lines made the ops of an imported graph: {name: "file:line"}."""
    _REMEMBERED[graph] = lines


def line_of(operation):
    """The user's "file:line" that made an op, or None; an import made none."""
    known = _REMEMBERED.get(operation.graph)
    if known is not None:
        return known.get(operation.name)
    frames = [(frame[0], frame[1]) for frame in operation.traceback or []]
    if any(path.endswith(IMPORTERS) for path, _ in frames):
        return None
    for path, line in reversed(frames):
        is_library = path.startswith(OURS + LIBRARIES + ("<",))
        if not is_library and "site-packages" not in path:
            return f"{path}:{line}"
    return None
