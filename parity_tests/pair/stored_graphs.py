"""The graph of a recorded play, so that the cause can be looked for without its process.

What is stored is a ``MetaGraphDef`` and, by names, what was fed and what was seen; of it
this TensorFlow makes a ``session.Program`` again. Numbers are compared with those that
were recorded; the graph only says what TF1 had, and where.

Runs under Python 3.7 with TensorFlow 1.15.5 as well.
"""

import collections

import numpy as np
import tensorflow.compat.v1 as tf

from parity_tests.pair import tracebacks
from tf1_graph import exported, updates
from tf1_graph import session as tf1_session

MOST_BYTES = 2**26  # of a graph that is stored: weights as constants make it large
PARTS = ("values", "indices", "dense_shape")


def stored(program, keep):
    """What ``restored`` takes, JSON-valid; or the sentence that says why there is none.

    Args:
        program: a ``session.Program``.
        keep: (name, array) -> what stands for the array.
    """
    with program.graph.as_default():
        meta_graph = tf.train.export_meta_graph(graph=program.graph)
    data = meta_graph.SerializeToString()
    if len(data) > MOST_BYTES:
        return f"the graph is of {len(data) >> 20} MB"
    described = {
        "meta": keep("graph", np.frombuffer(data, np.uint8)),
        "inputs": [[name, _named(t)] for name, t in program.inputs.items()],
        "moves": [],
        "lines": {},
    }
    for name, move in program.moves.items():
        operations = updates.operations_of(move.op)
        described["moves"].append(
            [
                name,
                {
                    "op": [operation.name for operation in operations],
                    "seen": [
                        [stage, [[key, _named(t)] for key, t in named.items()]]
                        for stage, named in move.seen.items()
                    ],
                    "feed": [
                        [_named(t), keep(t.name, np.asarray(value))]
                        for t, value in move.feed.items()
                    ],
                    "slots": sorted(move.slots),
                },
            ]
        )
    for operation in program.graph.get_operations():
        line = tracebacks.line_of(operation)
        if line is not None:
            described["lines"].setdefault(line, []).append(operation.name)
    return described


def _named(value):
    """The name of a tensor, or those of the parts of a sparse one."""
    if hasattr(value, "indices"):
        parts = [getattr(value, part, None) for part in PARTS]
        return [None if part is None else part.name for part in parts]
    return value.name


def restored(described, array_of):
    """The ``session.Program`` of what ``stored`` gave.

    Args:
        described: a dictionary.
        array_of: what stands for an array -> the array.

    Raises:
        ValueError: for a graph that this TensorFlow cannot import.
    """
    meta_graph = tf.MetaGraphDef.FromString(array_of(described["meta"]).tobytes())
    graph = exported.imported(meta_graph)

    def element(named):
        if not isinstance(named, list):
            return graph.get_tensor_by_name(named)
        values, indices, shape = [
            None if name is None else graph.get_tensor_by_name(name) for name in named
        ]
        # Gradients of rows know no shape; sparse inputs do.
        return tf.IndexedSlices(values, indices, shape)

    moves = collections.OrderedDict()
    for name, move in described["moves"]:
        moves[name] = tf1_session.Move(
            [graph.get_operation_by_name(operation) for operation in move["op"]],
            collections.OrderedDict(
                (stage, collections.OrderedDict((key, element(t)) for key, t in named))
                for stage, named in move["seen"]
            ),
            {element(t): array_of(value) for t, value in move["feed"]},
            frozenset(move["slots"]),
        )
    inputs = collections.OrderedDict(
        (name, element(named)) for name, named in described["inputs"]
    )
    tracebacks.remember(
        graph,
        {
            operation: line
            for line, operations in described["lines"].items()
            for operation in operations
        },
    )
    with graph.as_default():
        return tf1_session.program(graph, inputs, **moves)
