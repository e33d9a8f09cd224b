"""The probe of two layers that stand in each other's place."""

import keras

from parity_tests.pair.probes.layers import NORMS, PAGE, named
from parity_tests.pair.probes.table import FORWARD, LAYERS, Change, probe, together
from tf2_keras.observing import replaced


@probe("order of two layers", FORWARD, PAGE, at=LAYERS)
def orders(sides, _divergence):
    """Replaces a layer and the one after it by each other, where shapes allow it."""
    pairs = _pairs(sides.model)
    for pair in pairs:
        if sides.place is None or pair[0].name != sides.place.layer:
            continue
        alike = [other for other in pairs if _kinds(other) == _kinds(pair)]
        for chosen in [pair], alike:
            told, changes = [], [replaced(sides.model, train_function=None)]
            for first, second in chosen:
                if _keeps_shape(first):
                    told.append(f"{named([second])} comes before {named([first])}")
                    changes += _exchanged(first, second)
                elif isinstance(second, NORMS) and getattr(first, "activation", None):
                    told.append(
                        f"{named([first])}: the activation, {first.activation.__name__}, "
                        f"comes after {named([second])}"
                    )
                    changes += _activated_after(first, second)
            if told:
                yield Change("; ".join(told) + ", as TF1 has them", together(*changes))


def _activated_after(first, second):
    """[change] by which the activation of a layer comes behind the next one."""
    compute, activation = second.call, first.activation

    def call(x, **options):
        return activation(compute(x, **options))

    return [replaced(first, activation=None), replaced(second, call=call)]


def _pairs(model):
    """[(layer, the one behind it)], the second of which keeps the shape."""
    pairs = []
    for first in model._flatten_layers(include_self=False):
        after = [node.operation for node in getattr(first, "_outbound_nodes", ())]
        second = after[0] if len(after) == 1 else None
        if isinstance(second, keras.layers.Layer) and _keeps_shape(second):
            pairs.append((first, second))
    return pairs


def _kinds(layers):
    return [type(layer) for layer in layers]


def _keeps_shape(layer):
    """Whether a layer takes one tensor, and returns one of its shape."""
    try:
        return layer.input.shape == layer.output.shape
    except (AttributeError, ValueError):  # several, or not called yet
        return False


def _exchanged(first, second):
    """[change] by which each of two layers is called in the other's place."""

    def calling(other, compute):
        def call(x, **_):
            # As a call of the layer itself: it asks Keras whether it is training.
            with replaced(other, call=compute):
                return other(x)

        return call

    computes = first.call, second.call
    return [
        replaced(first, call=calling(second, computes[1])),
        replaced(second, call=calling(first, computes[0])),
    ]
