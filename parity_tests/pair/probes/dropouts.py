"""The probe of a dropout's draws: whose stream, when it is read, how what is kept scales."""

import itertools

import keras

from parity_tests.pair.probes import graph_facts
from parity_tests.pair.probes.layers import named, suspected
from parity_tests.pair.probes.table import FORWARD, LAYERS, Change, probe, together
from tf2_keras.observing import replaced
from tf2_keras.tf1_semantics import layers as parts
from tf2_keras.tf1_semantics.layers.dropout import SCALINGS


@probe(
    "draws of a dropout", (*FORWARD, "gradients"), "docs/guide/numbers.md", at=LAYERS
)
def dropouts(sides, divergence):
    """Replaces a dropout by TF1's: Keras's stream, a fed keep_prob, an older scaling."""

    def fits(layer):
        return type(layer) in (keras.layers.Dropout, parts.Dropout)

    seeds = graph_facts.seeds_of(sides.program)
    for layers in suspected(sides, divergence, fits):
        is_keras = any(type(layer) is keras.layers.Dropout for layer in layers)
        for seed, scaling, fed in itertools.product(
            seeds if is_keras else [None], reversed(SCALINGS), (False, True)
        ):
            options = [_options(layer, seed, scaling, fed) for layer in layers]
            if options == [_options(layer) for layer in layers]:
                continue
            told = "; ".join(
                _told(layer, stated)
                for layer, stated in zip(layers, options, strict=True)
            )
            changes, on_twin = _with_parts(layers, options)
            changes.append(replaced(sides.model, train_function=None))
            yield Change(told, together(*changes), on_twin)


def _options(layer, seed=None, scaling=None, fed=None):
    """The arguments of our Dropout that a layer stands for, some of them stated."""
    if type(layer) is keras.layers.Dropout:
        kept, known = 1 - layer.rate, (None, None, None)
    else:
        kept, known = layer.keep_prob, (layer.seed, layer.scaling, layer.fed)
    stated = (seed, scaling, fed)
    names = ("seed", "scaling", "fed")
    chosen = [
        own if value is None else value
        for own, value in zip(known, stated, strict=True)
    ]
    return {"keep_prob": float(f"{kept:.7g}"), **dict(zip(names, chosen, strict=True))}


def _told(layer, options):
    """The change to make of one layer."""
    known = _options(layer)
    if known["seed"] is None:
        stated = ", ".join(f"{key}={value!r}" for key, value in options.items())
        return (
            f"{named([layer])} → tf1_semantics.layers.Dropout({stated}): Keras draws "
            "from a stream of its own, whatever its seed"
        )
    differing = [key for key in options if options[key] != known[key]]
    said = f"{named([layer])}: " + ", ".join(
        f"{key}={known[key]!r} → {options[key]!r}" for key in differing
    )
    if "fed" in differing:
        said += (
            ". Where TF1 feeds keep_prob its one op draws when it predicts as well, "
            "which moves the stream on"
        )
    return said


def _with_parts(layers, options):
    """(changes, on_twin) that put our Dropout in the place of layers."""
    changes, drawn = [], []
    for layer, stated in zip(layers, options, strict=True):
        part = parts.Dropout(**stated)
        part.build(None)  # of any shape
        drawn.append(part.drawn)

        def call(x, training=False, part=part, **_):
            return part.call(x, training=training)

        changes.append(replaced(layer, call=call))

    def on_twin(twin):
        twin._start += [(variable, 0) for variable in drawn]

    return changes, on_twin
