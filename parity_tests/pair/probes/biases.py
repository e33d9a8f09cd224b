"""The probe of a bias: how it is added, which is how its gradient is summed."""

import keras

from parity_tests.pair.probes.layers import named
from parity_tests.pair.probes.table import GRADIENTS, Change, probe, together
from tf1_graph import updates
from tf2_keras.observing import replaced
from tf2_keras.tf1_semantics import layers as parts

# {TF1's op that adds a bias: the layer of tf1_semantics that does the same}.
FORMS = {"BiasAdd": "BiasAdd", "Add": "AddBias", "AddV2": "AddBias"}


@probe("how a bias is added", ("gradients",), "docs/guide/layers.md", at=GRADIENTS)
def biases(sides, _divergence):
    """Replaces the bias of Keras's layers by a layer that adds it as TF1's op did."""
    changes, told = [], []
    for layer in sides.model._flatten_layers():
        bias = getattr(layer, "bias", None)
        is_known = isinstance(layer, (keras.layers.Dense, keras.layers.Conv1D))
        is_known = is_known or hasattr(layer, "convolution_op")
        form = is_known and bias is not None and _form(sides, bias.path)
        if not form:
            continue
        part = getattr(parts, form)()
        part.built, part.bias = True, bias

        def call(x, layer=layer, compute=layer.call, part=part, **options):
            activation = layer.activation or keras.activations.linear
            without = {"use_bias": False, "bias": None, "activation": None}
            with replaced(layer, **without):
                outputs = compute(x, **options)
            return activation(part.call(outputs))

        changes.append(replaced(layer, call=call))
        told.append((layer, form))
    if changes:
        forms = sorted({form for _, form in told})
        yield Change(
            f"{named([layer for layer, _ in told])}: use_bias=False, and "
            f"{' or '.join(f'tf1_semantics.layers.{form}()' for form in forms)} after "
            f"{'it' if len(told) == 1 else 'each'}: Keras adds a bias otherwise than "
            "TF1 did, and so sums its gradient in another order",
            together(*changes, replaced(sides.model, train_function=None)),
        )


def _form(sides, path):
    """The layer of tf1_semantics that adds a bias as TF1 does, or None."""
    names = [name for name, match in sides.matches.items() if path in match.sources]
    waiting = [sides.program.variables[name].op for name in names]
    while waiting:
        for tensor in waiting.pop().outputs:
            for consumer in tensor.consumers():
                if consumer.type in updates.READS:
                    waiting.append(consumer)
                elif consumer.type in FORMS:
                    return FORMS[consumer.type]
    return None
