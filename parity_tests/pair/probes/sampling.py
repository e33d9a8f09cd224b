"""Probes of sampled losses: which classes are drawn, and whether hits count."""

import contextlib

import tensorflow as tf
from tensorflow.core.framework import attr_value_pb2
from tensorflow.python.framework import func_graph

from parity_tests.pair.probes import graph_facts
from parity_tests.pair.probes.table import LOSS, Change, probe, together
from tf2_keras.observing import replaced

PAGE = "docs/guide/losses.md"
SAMPLER = "CandidateSampler"
LOSSES = ("nce_loss", "sampled_softmax_loss")


def _samplers(program):
    """The ops of TF1's losses that draw classes, in the graph's order."""
    known = graph_facts.forward(program)
    return [
        operation
        for operation in program.graph.get_operations()
        if operation.type.endswith(SAMPLER) and operation in known
    ]


@probe("seeds of a sampler", ("loss",), PAGE, at=LOSS)
def seeds(sides, _divergence):
    """Replaces the seeds of the classes that are drawn by those of the graph."""
    layers = [
        layer
        for layer in sides.model._flatten_layers()
        if type(layer).__name__.endswith(SAMPLER)
    ]
    stated = [
        (operation.get_attr("seed"), operation.get_attr("seed2"))
        for operation in _samplers(sides.program)
    ]
    for seed in dict.fromkeys(stated):
        yield Change(
            f"the sampler's seed → {seed}, those of TF1's op: the graph's, and its own",
            together(
                _drawing_by(seed),
                *[replaced(layer, seed=seed) for layer in layers],
                replaced(sides.model, train_function=None),
            ),
        )


@contextlib.contextmanager
def _drawing_by(seed):
    """While this is entered every sampler that is traced has these seeds."""
    create = func_graph.FuncGraph._create_op_internal
    stated = {
        name: attr_value_pb2.AttrValue(i=number)
        for name, number in zip(("seed", "seed2"), seed, strict=True)
    }

    def creating(
        graph,
        op_type,
        inputs,
        dtypes=None,
        input_types=None,
        name=None,
        attrs=None,
        **rest,
    ):
        if op_type.endswith(SAMPLER):
            attrs = {**(attrs or {}), **stated}
        return create(graph, op_type, inputs, dtypes, input_types, name, attrs, **rest)

    func_graph.FuncGraph._create_op_internal = creating
    try:
        yield
    finally:
        func_graph.FuncGraph._create_op_internal = create


@probe("accidental hits", ("loss",), PAGE, at=LOSS)
def hits(sides, _divergence):
    """Replaces whether a sampled class that is the true one counts, as the graph has it."""
    if not _samplers(sides.program):
        return
    known = graph_facts.forward(sides.program)
    removes = any(operation.type == "ComputeAccidentalHits" for operation in known)
    functions = {name: getattr(tf.nn, name) for name in LOSSES}

    def forced(function):
        def computed(*arguments, **options):
            # By its name: it is among the last, which no one gives by place.
            return function(
                *arguments, **{**options, "remove_accidental_hits": removes}
            )

        return computed

    @contextlib.contextmanager
    def put():
        for name, function in functions.items():
            setattr(tf.nn, name, forced(function))
        try:
            yield
        finally:
            for name, function in functions.items():
                setattr(tf.nn, name, function)

    yield Change(
        f"remove_accidental_hits={removes}: TF1's graph "
        f"{'takes' if removes else 'does not take'} sampled classes out that are the "
        "true ones; by default sampled_softmax_loss does, nce_loss does not",
        together(put(), replaced(sides.model, train_function=None)),
    )
