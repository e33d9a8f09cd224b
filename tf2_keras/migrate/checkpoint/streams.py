"""How far TF1 had read its random streams, which no checkpoint says.

A dropout or a sampler of ``tf1_semantics``, or another layer that draws, keeps its place as
a weight. A TF1 program that was stopped and started again began its streams anew: there is
nothing to set. To go on as one that never stopped, say what it had run:

    handover.load("model.ckpt-1000", model, runs=[streams.Runs(1000, 50)])
"""

from typing import NamedTuple

import keras
import numpy as np

from tf2_keras.migrate.checkpoint.errors import mistake
from tf2_keras.tf1_semantics.layers.stream import StreamLayer
from tf2_keras.tf1_semantics.random.candidates import CandidateSampler


class Runs(NamedTuple):
    """So many ``session.run`` calls on batches of one size.

    count: how many. batch: the number of examples; or {name: array} or an array like
    those that were fed, where a model has other sizes that are open. training: whether
    dropouts dropped; one whose keep_prob was fed draws otherwise too.
    """

    count: int
    batch: object
    training: bool = True


def drawing(model):
    """The layers of a model that draw when it is called, dropouts above all."""
    return [
        layer for layer in _streams(model) if not isinstance(layer, CandidateSampler)
    ]


def samplers(model):
    """The candidate samplers of a model, which draw when its loss is computed."""
    return [layer for layer in _streams(model) if isinstance(layer, CandidateSampler)]


def _streams(model):
    return [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, StreamLayer) and layer.built
    ]


def advance(model, runs):
    """Moves the streams of a model to where so many runs leave them.

    A run is tried once to see how much its dropouts draw; everything else stays as it
    was. A sampler draws where a model is trained, the same for batches of any size.

    Args:
        model: a ``keras.Model``.
        runs: iterable of ``Runs``, from the beginning of the program on.
    """
    runs, layers = list(runs), drawing(model)
    trained = sum(run.count for run in runs if run.training)
    for sampler in samplers(model):
        sampler.drawn.assign(trained * sampler.blocks_of_a_draw)
    for layer in layers:
        layer.drawn.assign(0)
    places = [0] * len(layers)
    for run in runs if layers else ():
        for number, drawn in enumerate(_drawn_by(model, layers, run)):
            places[number] += run.count * drawn
    for layer, place in zip(layers, places, strict=True):
        layer.drawn.assign(place)


def _drawn_by(model, layers, run):
    """[how much each layer draws in one run]."""
    kept = [(variable, variable.numpy()) for variable in model.variables]
    try:
        model(_example(model, run.batch), training=run.training)
        before = {id(variable): value for variable, value in kept}
        return [
            int(layer.drawn.numpy()) - int(before.get(id(layer.drawn), 0))
            for layer in layers
        ]
    finally:
        for variable, value in kept:
            variable.assign(value)


def _example(model, batch):
    """What the model is called on: the batch, or zeros of that many examples."""
    if not isinstance(batch, (int, np.integer)):
        return batch
    inputs = model.inputs if getattr(model, "inputs", None) else []
    shapes = [tuple(tensor.shape)[1:] for tensor in inputs]
    if not inputs or any(size is None for shape in shapes for size in shape):
        raise mistake(
            "A batch must be arrays where a model's inputs have other sizes that are open",
            f"{batch} examples of {shapes or 'a model without declared inputs'}",
            "Use for instance streams.Runs(1000, {'x': array})",
        )
    zeros = {
        tensor.name: keras.ops.zeros((batch, *shape), tensor.dtype)
        for tensor, shape in zip(inputs, shapes, strict=True)
    }
    return zeros if len(zeros) > 1 else next(iter(zeros.values()))
