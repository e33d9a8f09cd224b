"""The probe of initial values: initializers that draw TF1's, by TF1's own seeds."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from parity_tests.pair.probes.table import LAYERS, VALUES, Change, probe, shortest
from tf1_graph import seeds
from tf2_keras import tf1_semantics
from tf2_keras.observing import key_of


@probe("seeds and initializers", (VALUES,), "docs/guide/variables.md", at=LAYERS)
def initial_values(sides, _divergence):
    """Replaces what variables begin with by what an initializer of ours draws.

    Only where one draws the very numbers of TF1, for each variable that differs.
    """
    drawn = {}
    graph = sides.program.graph
    with graph.as_default():
        meta_graph = tf.compat.v1.train.export_meta_graph(graph=graph)
    for operation in seeds.random_ops(meta_graph):
        for name in operation.initialises:
            drawn[name] = operation.tf2
    sides.twin.reset()
    changes, starts = [], {}
    for name, match in sides.matches.items():
        arrays = [sides.twin.state[source].numpy() for source in match.sources]
        value = sides.initial[name]
        if match.to_tf1(arrays).tobytes() == value.tobytes():
            continue
        written = drawn.get(name) or _constant(value)
        if not written or not _draws(written, value):
            return
        changes.append(f"{name} → {written}")
        for source, array in zip(
            match.sources, match.to_twin(value, arrays), strict=True
        ):
            starts[source] = array
    if not changes:
        return

    def on_twin(twin):
        by_key = {key_of(twin.state[name]): value for name, value in starts.items()}
        twin._start = [
            (variable, by_key.get(key_of(variable), value))
            for variable, value in twin._start
        ]

    more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
    yield Change("; ".join(changes[:3]) + more, contextlib.nullcontext(), on_twin)


def _constant(value):
    """The initializer of a value that is one number everywhere, or None."""
    if not value.size or (value != value.flat[0]).any() or value.dtype.kind != "f":
        return None
    number = shortest(value.flat[0])
    named = {0.0: "keras.initializers.Zeros()", 1.0: "keras.initializers.Ones()"}
    return named.get(number, f"keras.initializers.Constant({number!r})")


def _draws(written, value):
    """Whether an initializer, as Python, gives these very numbers."""
    namespace = {"initializers": tf1_semantics.initializers, "keras": keras}
    try:
        made = eval(written, namespace)(value.shape, value.dtype.name)
    except Exception:  # what seeds writes for a shape that the graph changed
        return False
    return np.asarray(made).tobytes() == value.tobytes()
