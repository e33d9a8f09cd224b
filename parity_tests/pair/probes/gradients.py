"""Probes between backpropagation and update: clips, and gradients that TF1 stops."""

import contextlib

import tensorflow as tf
from tensorflow.python.framework import func_graph

from parity_tests.pair import tapping
from parity_tests.pair.probes import graph_facts
from parity_tests.pair.probes.table import GRADIENTS, Change, probe, together
from tf2_keras import training
from tf2_keras.observing import replaced
from tf2_keras.tf1_semantics import clipping

PAGE = "docs/guide/optimizers.md"
ROUNDED = 16.0  # ULPs, up to which an op's output is that of TF1's
CLIPS = ("clip_by_norm", "clip_by_global_norm", "clip_by_average_norm")


@contextlib.contextmanager
def _unclipped():
    """While this is entered nothing clips by a norm, wherever the program does it."""
    kept = {name: getattr(tf, name) for name in CLIPS if hasattr(tf, name)}
    parts = [clipping.Clip, clipping.ByGlobalNorm]
    calls = [part.__call__ for part in parts]
    try:
        for name in kept:
            several = name == "clip_by_global_norm"
            setattr(
                tf,
                name,
                (lambda t, *_, **__: (t, tf.linalg.global_norm(t)))
                if several
                else (lambda t, *_, **__: t),
            )
        for part in parts:
            part.__call__ = lambda _, gradients: gradients
        yield
    finally:
        for name, function in kept.items():
            setattr(tf, name, function)
        for part, call in zip(parts, calls, strict=True):
            part.__call__ = call


@probe("clip of the gradients", ("gradients",), PAGE, at=GRADIENTS)
def clips(sides, _divergence):
    """Replaces every clip of the twin by TF1's: Keras's clipnorm is of one variable."""
    wanted = graph_facts.clips_of(sides.program)
    parts = [getattr(clipping, name)(*arguments) for name, arguments in wanted]
    calls = [type(part).__call__ for part in parts]

    def clip(gradients):
        for part, call in zip(parts, calls, strict=True):
            gradients = call(part, list(gradients))
        return gradients

    told = ", ".join(f"{name}({', '.join(map(str, a))})" for name, a in wanted)
    changes = [_unclipped()]
    for optimizer in training.optimizers_of(sides.model):
        changes.append(
            replaced(
                optimizer, _clip_gradients=clip, clipnorm=None, global_clipnorm=None
            )
        )
    yield Change(
        f"clip the gradients as TF1 does, clipping.{told}, before the update"
        if wanted
        else "leave the gradients as they are: TF1 clips none",
        together(*changes),
    )


@probe("stop_gradient", ("gradients",), PAGE, at=GRADIENTS)
def stops(sides, divergence):
    """Replaces a tensor by itself without a gradient, where TF1 stops it."""
    known = graph_facts.forward(sides.program)
    stopped = [
        operation.outputs[0]
        for operation in sides.program.graph.get_operations()
        if operation.type == "StopGradient" and operation in known
    ]
    if not stopped:
        return
    name, batch = sides.moves[divergence.step - 1]
    values = {key: v for key, v in sides.initial.items() if key in sides.matches}
    arrays = tapping.graph_arrays(sides.program, name, batch, values, stopped)
    sides.twin.reset()
    operations = tapping.of_function(sides.twin, name, batch)
    sides.twin.reset()
    for array in arrays:
        for tap in operations:
            if tap.output is None:
                continue
            place, distance = tapping.nearest(tap.output, [array])
            if place is None or distance > ROUNDED:
                continue
            line = f" ({tap.line})" if tap.line else ""
            yield Change(
                f"tf.stop_gradient of {tap.kind} {tap.layer}{line}: TF1 lets no gradient "
                "through it",
                _stopped(tap.number),
            )


@contextlib.contextmanager
def _stopped(number):
    """The ``number``-th op of a function of the twin takes inputs without gradients.

    So what a tape records of it, and what tf.gradients finds behind it, ends there.
    """
    create = func_graph.FuncGraph._create_op_internal
    stopping = []

    def creating(graph, op_type, inputs, *arguments, **options):
        if len(graph.get_operations()) == number and not stopping:
            stopping.append(graph)
            inputs = [tf.raw_ops.StopGradient(input=tensor) for tensor in inputs]
            stopping.clear()
        return create(graph, op_type, inputs, *arguments, **options)

    func_graph.FuncGraph._create_op_internal = creating
    try:
        yield
    finally:
        func_graph.FuncGraph._create_op_internal = create
