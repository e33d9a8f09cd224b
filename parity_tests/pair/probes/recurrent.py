"""Probes of recurrent layers: the forget bias, the order of gates, the state."""

import tensorflow as tf

from parity_tests.pair.probes import graph_facts
from parity_tests.pair.probes.layers import changed, named, suspected
from parity_tests.pair.probes.table import FORWARD, LAYERS, Change, probe, together
from tf2_keras.observing import replaced

PAGE = "docs/guide/layers.md"
SIGMOIDS = 3  # gates of an LSTM that end in one


@probe("forget bias", FORWARD, PAGE, at=LAYERS)
def forget_biases(sides, _divergence):
    """Replaces what is added to the forget gate by what TF1 adds."""
    stated = [1.0, 0.0]
    for operation in sides.program.graph.get_operations():
        if operation.type == "Sigmoid":
            stated += graph_facts.scalars_before(operation, 1)
    layers = [
        layer
        for layer in sides.model._flatten_layers()
        if isinstance(vars(layer).get("forget_bias"), (int, float))
    ]
    for value in dict.fromkeys(stated) if layers else ():
        if any(layer.forget_bias != value for layer in layers):
            yield Change(
                f"{named(layers)}: forget_bias={layers[0].forget_bias!r} → {value!r}",
                changed(sides, layers, forget_bias=value),
            )


# {gates: [(order of the columns, what is told)]}; TF1 has i, j, f, o and r, u.
ORDERS = {
    4: [
        ((0, 2, 1, 3), "i, j, f, o in TF1 where Keras has i, f, j, o"),
        ((2, 0, 1, 3), "another than TF1's i, j, f, o"),
        ((0, 2, 3, 1), "another than TF1's i, j, f, o"),
    ],
    3: [((1, 0, 2), "r, u in TF1 where Keras has u, r")],
    2: [((1, 0), "r, u in TF1 where Keras has u, r")],
}


@probe("order of gates", FORWARD, PAGE, at=LAYERS)
def gate_orders(sides, _divergence):
    """Replaces the columns of a cell's kernel and bias by the same in another order."""
    for layer in sides.model._flatten_layers():
        gates = _gates(layer)
        if gates is None or list(layer._flatten_layers(include_self=False)):
            continue
        outer = _outermost(sides.model, layer)
        for order, told in ORDERS.get(gates, ()):
            yield Change(
                f"{named([layer])}: the gates come in the order {told}; reorder the "
                "columns of kernel and bias, tf1_semantics.recurrent has converters",
                together(
                    _reordered(outer, layer, gates, order),
                    replaced(sides.model, train_function=None),
                ),
            )


def _gates(layer):
    """How many gates a cell has, by the widths of its weights; or None."""
    kernel, bias = (getattr(layer, name, None) for name in ("kernel", "bias"))
    units = getattr(layer, "num_units", getattr(layer, "units", None))
    shapes = [getattr(weight, "shape", None) for weight in (kernel, bias)]
    if not units or None in shapes or len(shapes[0]) != 2:
        return None
    gates = shapes[0][1] // units
    return gates if gates in ORDERS and gates > 1 else None


def _outermost(model, layer):
    """The layer below the model whose call runs this one."""
    for outer in model._flatten_layers(include_self=False):
        inner = outer._flatten_layers(include_self=False)
        is_model = hasattr(outer, "train_step")
        if not is_model and any(each is layer for each in inner):
            return outer
    return layer


def _reordered(outer, layer, gates, order):
    call = outer.call

    def reordering(*arguments, **options):
        weights = {}
        for name in ("kernel", "recurrent_kernel", "bias"):
            weight = getattr(layer, name, None)
            if weight is None:
                continue
            parts = tf.split(tf.convert_to_tensor(weight), gates, -1)
            weights[name] = tf.concat([parts[place] for place in order], -1)
        with replaced(layer, **weights):
            return call(*arguments, **options)

    return replaced(outer, call=reordering)


@probe("state that is carried", FORWARD, PAGE, at=LAYERS)
def carried_states(sides, divergence):
    """Replaces zeros by the state of the step before, where TF1 feeds it back."""
    carried = [
        name
        for move in sides.program.moves.values()
        for name in move.seen.get("carried", {})
    ]
    if not carried:
        return

    def fits(layer):
        return hasattr(layer, "cell") and not hasattr(layer, "train_step")

    for layers in suspected(sides, divergence, fits):
        fed = {}

        def on_twin(twin, fed=fed):
            train = twin.moves["train"]

            def with_state(**batch):
                fed.update({name: batch[name] for name in carried})
                return train(**batch)

            twin.moves["train"] = with_state

        changes = []
        for layer in layers:
            call = layer.call

            def stateful(*arguments, call=call, layer=layer, fed=fed, **options):
                states = tf.nest.pack_sequence_as(
                    layer.cell.state_size, [fed[name] for name in carried]
                )
                return call(*arguments, **{**options, "initial_state": states})

            changes.append(replaced(layer, call=stateful))
        yield Change(
            f"{named(layers)}: initial_state=({', '.join(carried)}), what TF1 feeds back "
            "from the step before; the twin begins each batch at zeros",
            together(*changes, replaced(sides.model, train_function=None)),
            on_twin,
        )
