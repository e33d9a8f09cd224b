"""The line of the user's code that made an op.

Runs under Python 3.7 with TensorFlow 1.15.5 as well.
"""

import os
import weakref

from parity_tests.pair.errors import OURS, is_theirs

HARNESS, _, TWINS = OURS
SEMANTICS = TWINS + "tf1_semantics" + os.sep
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
    frames = _frames(operation)
    if any(path.endswith(IMPORTERS) for path, _, _ in frames):
        return None
    for path, line, _ in reversed(frames):
        if is_theirs(path) and not path.startswith("<"):
            return f"{path}:{line}"
    return None


def origin_of(operation):
    """What made an op that no line of the user's did, "Keras's compute_loss"; or None."""
    frames = _frames(operation)
    for path, _, function in reversed(frames):
        if path.startswith(SEMANTICS):
            return f"tf1_semantics' {function}"
    for path, _, function in frames:
        if f"{os.sep}keras{os.sep}" in path and not function.startswith("_"):
            return f"Keras's {function}"
    return None


def _frames(operation):
    """[(file, line, function)] of an op, from where the harness has called something.

    What called the harness made nothing: a launcher, a test of its own; nor does what of the harness
    stands between the user's code and the op, where a probe changes what is traced.
    """
    frames = [tuple(frame)[:3] for frame in operation.traceback or []]
    ours = [
        number
        for number, (path, _, _) in enumerate(frames)
        if path.startswith(HARNESS) and not path.endswith("_test.py")
    ]
    for number in reversed(ours):
        called = frames[number + 1 :]
        if any(is_theirs(path) for path, _, _ in called):
            return called
    return frames[ours[-1] + 1 :] if ours else frames
