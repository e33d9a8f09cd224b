"""Probes of layers: their numbers, their edges, their statistics, their masks."""

import functools

import keras
import tensorflow as tf

from parity_tests.pair.probes import graph_facts
from parity_tests.pair.probes.table import (
    FORWARD,
    LAYERS,
    STATISTICS,
    Change,
    probe,
    together,
)
from tf1_graph import updates
from tf2_keras.observing import replaced
from tf2_keras.tf1_semantics import layers as parts

PAGE = "docs/guide/layers.md"
NORMS = (
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    parts.BatchNormalization,
    parts.LayerNormalization,
)
BATCH_NORMS = (keras.layers.BatchNormalization, parts.BatchNormalization)
FUSED_NORMS = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
ACTIVATIONS = {
    "Relu": "relu",
    "Relu6": "relu6",
    "Elu": "elu",
    "Selu": "selu",
    "Tanh": "tanh",
    "Sigmoid": "sigmoid",
    "Softmax": "softmax",
    "Softplus": "softplus",
    "Softsign": "softsign",
}


def suspected(sides, divergence, fits):
    """[[layer]] to change together: the one that is named, the variable's, all that fit."""
    fitting = [layer for layer in sides.model._flatten_layers() if fits(layer)]
    match = sides.matches.get(divergence.tensor)
    sources = match.sources if match is not None else ()
    groups = [
        [layer for layer in fitting if sides.place and layer.name == sides.place.layer],
        [
            layer
            for layer in fitting
            if any(variable.path in sources for variable in layer.variables)
        ],
        fitting,
    ]
    listed = []
    for group in groups:
        if group and group not in listed:
            listed.append(group)
    return listed


def changed(sides, layers, **attributes):
    """The layers with other attributes; what was traced of the model is forgotten."""
    return together(
        *[replaced(layer, **attributes) for layer in layers],
        replaced(sides.model, train_function=None),
    )


def named(layers):
    return ", ".join(f"{layer.name} ({type(layer).__name__})" for layer in layers)


@probe("epsilon of a norm", FORWARD, PAGE, at=LAYERS)
def epsilons(sides, divergence):
    """Replaces the epsilon of a normalisation by those that the graph has."""
    stated = graph_facts.attributes(sides.program, FUSED_NORMS, "epsilon")
    known = graph_facts.forward(sides.program)
    for operation in sides.program.graph.get_operations():
        if operation.type == "Rsqrt" and operation in known:
            stated += graph_facts.scalars_before(operation, 1)
    for layers in suspected(sides, divergence, lambda each: isinstance(each, NORMS)):
        for epsilon in dict.fromkeys(stated):
            if all(layer.epsilon == epsilon for layer in layers):
                continue
            yield Change(
                f"{named(layers)}: epsilon={layers[0].epsilon!r} → {epsilon!r}",
                changed(sides, layers, epsilon=epsilon),
            )


def _moving_rates(program, matches, layers):
    """Shares of the old value that the graph keeps of these layers' statistics."""
    paths = {v.path for layer in layers for v in layer.non_trainable_variables}
    names = {name for name, m in matches.items() if set(m.sources) & paths}
    rates = [
        1 - value if value < 0.5 else value
        for operation, name in graph_facts.changes_of_train(program)
        if name in names and not updates.APPLY.match(operation.type)
        for value in graph_facts.scalars_before(operation)
        if 0 < value < 1
    ]
    return [float(f"{rate:.7g}") for rate in dict.fromkeys(rates)], bool(rates)


@probe("momentum of moving statistics", (STATISTICS,), PAGE, at=LAYERS)
def momenta(sides, divergence):
    """Replaces how much of the old statistics is kept by what the graph keeps."""

    def fits(layer):
        return isinstance(layer, BATCH_NORMS)

    for layers in suspected(sides, divergence, fits):
        rates, _ = _moving_rates(sides.program, sides.matches, layers)
        for momentum in rates:
            if any(abs(layer.momentum - momentum) > 1e-6 for layer in layers):
                yield Change(
                    f"{named(layers)}: momentum={layers[0].momentum!r} → {momentum!r}",
                    changed(sides, layers, momentum=momentum),
                )


@probe("UPDATE_OPS that never run", (STATISTICS,), PAGE, at=LAYERS)
def forgotten_updates(sides, divergence):
    """Replaces moving statistics by such as stand still, as where TF1 forgot them."""

    def fits(layer):
        return isinstance(layer, BATCH_NORMS)

    for layers in suspected(sides, divergence, fits):
        if not _moving_rates(sides.program, sides.matches, layers)[1]:
            yield Change(
                f"{named(layers)}: momentum={layers[0].momentum!r} → 1.0. TF1's train op "
                "runs no UPDATE_OPS: its statistics never move, and it predicts by those "
                "of the start. Or mend TF1's side first",
                changed(sides, layers, momentum=1.0),
            )


@probe("Bessel's correction", (*FORWARD, "gradients", STATISTICS), PAGE, at=LAYERS)
def bessel(sides, divergence):
    """Replaces Keras's batch norm by TF1's: N / (N - 1) in the moving variance."""

    def fits(layer):
        return type(layer) is keras.layers.BatchNormalization

    for layers in suspected(sides, divergence, fits):
        changes = []
        for layer in layers:
            part = parts.BatchNormalization(
                axis=layer.axis,
                momentum=layer.momentum,
                epsilon=layer.epsilon,
                center=layer.center,
                scale=layer.scale,
            )
            _build_like(part, layer)
            names = ("gamma", "beta", "moving_mean", "moving_variance")
            for name in names:
                vars(part)[name] = getattr(layer, name, None)

            def call(x, training=False, mask=None, part=part):
                del mask
                return part.call(x, training=training)

            changes.append(replaced(layer, call=call))
        yield Change(
            f"{named(layers)} → tf1_semantics.layers.BatchNormalization: the fused op's "
            "moving variance gathers N / (N - 1) times the variance that normalises",
            together(*changes, replaced(sides.model, train_function=None)),
        )


def _build_like(part, layer):
    """Builds a part on the shape that a layer was built on."""
    part.build(layer._build_shapes_dict["input_shape"])
    part.built = True


@probe("keep_prob against rate", FORWARD, "docs/guide/layers.md", at=LAYERS)
def keep_probs(sides, divergence):
    """Replaces the share that is dropped by the share that is kept."""

    def fits(layer):
        share = getattr(layer, "keep_prob", getattr(layer, "rate", None))
        return isinstance(share, float) and "ropout" in type(layer).__name__

    for layers in suspected(sides, divergence, fits):
        for key in ("keep_prob", "rate"):
            taking = [
                layer for layer in layers if isinstance(vars(layer).get(key), float)
            ]
            if not taking:
                continue
            share = vars(taking[0])[key]
            yield Change(
                f"{named(taking)}: {key}={share:g} → {1 - share:g}; TF1's keep_prob is "
                "1 - rate",
                changed(sides, taking, **{key: 1 - share}),
            )


@probe("seeds of a draw", FORWARD, "docs/guide/numbers.md", at=LAYERS)
def draws(sides, divergence):
    """Replaces the seeds of a layer that draws by those that the graph has."""

    def fits(layer):
        return isinstance(vars(layer).get("seed"), (tuple, int)) and not isinstance(
            vars(layer)["seed"], bool
        )

    for layers in suspected(sides, divergence, fits):
        for seed in graph_facts.seeds_of(sides.program):
            if any(layer.seed != seed for layer in layers):
                yield Change(
                    f"{named(layers)}: seed={layers[0].seed} → {seed}, those of TF1's op",
                    changed(sides, layers, seed=seed),
                )


@probe("activation", FORWARD, PAGE, at=LAYERS)
def activations(sides, _divergence):
    """Replaces the activation of the layer that is named by the one TF1 has there."""
    place = sides.place
    if place is None or place.op_type is None:
        return
    function = getattr(keras.activations, ACTIVATIONS.get(place.op_type, "linear"))
    for layer in sides.model._flatten_layers():
        present = getattr(layer, "activation", None)
        if layer.name == place.layer and callable(present) and present is not function:
            yield Change(
                f"{named([layer])}: activation {present.__name__} → "
                f"{function.__name__}, as TF1's {place.op}",
                changed(sides, [layer], activation=function),
            )


@probe("slope of a leaky ReLU", FORWARD, PAGE, at=LAYERS)
def slopes(sides, divergence):
    """Replaces Keras's slope, 0.3, by that of the graph, 0.2 unless it was told."""

    def fits(layer):
        return isinstance(layer, keras.layers.LeakyReLU)

    stated = graph_facts.attributes(sides.program, ("LeakyRelu",), "alpha")
    for layers in suspected(sides, divergence, fits):
        for slope in stated:
            if any(abs(layer.negative_slope - slope) > 1e-7 for layer in layers):
                was = layers[0].negative_slope
                yield Change(
                    f"{named(layers)}: negative_slope={was!r} → {slope!r}",
                    changed(sides, layers, negative_slope=slope),
                )


@probe("centres of pixels", FORWARD, PAGE, at=LAYERS)
def half_pixels(sides, divergence):
    """Replaces a resize of today by TF1's, which aligns corners of pixels."""

    def fits(layer):
        return isinstance(
            layer,
            (keras.layers.UpSampling2D, keras.layers.Resizing, parts.ResizeBilinear),
        )

    kernels = {
        operation.type: operation
        for operation in sides.program.graph.get_operations()
        if operation.type in ("ResizeBilinear", "ResizeNearestNeighbor")
    }
    for layers in suspected(sides, divergence, fits):
        for name, operation in kernels.items():
            size = tf.get_static_value(operation.inputs[1])
            if size is None:
                continue
            options = {
                key: operation.get_attr(key)
                for key in ("align_corners", "half_pixel_centers")
            }
            kernel = functools.partial(
                getattr(tf.raw_ops, name), size=[int(n) for n in size], **options
            )
            part = f"tf1_semantics.layers.{name}(({size[0]}, {size[1]}))"
            yield Change(
                f"{named(layers)} → {part}: TF1 aligns the corners of pixels, Keras "
                "their centres",
                together(
                    *[
                        replaced(
                            layer, call=lambda x, kernel=kernel, **_: kernel(images=x)
                        )
                        for layer in layers
                    ],
                    replaced(sides.model, train_function=None),
                ),
            )


@probe("padding", FORWARD, PAGE, at=LAYERS)
def paddings(sides, divergence):
    """Replaces symmetric zeros before a stride by TF1's SAME, and the other way round."""

    def strided(layer):
        return getattr(layer, "padding", None) in ("same", "valid") and hasattr(
            layer, "strides"
        )

    for pad in sides.model._flatten_layers():
        if not isinstance(pad, keras.layers.ZeroPadding2D):
            continue
        after = [node.operation for node in pad._outbound_nodes]
        valid = [each for each in after if strided(each) and each.padding == "valid"]
        if not valid:
            continue
        yield Change(
            f"{pad.name} left out, {named(valid)}: padding 'valid' → 'same'; before a "
            "stride TF1's SAME puts the odd row and column last",
            together(
                replaced(pad, call=lambda x, **_: x),
                *[replaced(layer, padding="same") for layer in valid],
                replaced(sides.model, train_function=None),
            ),
        )
    widths = {
        tuple(map(tuple, width.tolist()))
        for operation in sides.program.graph.get_operations()
        if operation.type == "Pad"
        and (width := tf.get_static_value(operation.inputs[1])) is not None
    }
    for layers in suspected(
        sides, divergence, lambda each: strided(each) and each.padding == "same"
    ):
        for width in sorted(widths):
            changes = []
            for layer in layers:
                call = layer.call

                def padded(x, call=call, width=width, **options):
                    return call(tf.pad(x, width), **options)

                changes.append(replaced(layer, call=padded, padding="valid"))
            yield Change(
                f"{named(layers)}: padding 'same' → zeros {width} before, and 'valid'",
                together(*changes, replaced(sides.model, train_function=None)),
            )
