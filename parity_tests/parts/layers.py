"""Descriptors of tf1_semantics.layers, the feed-forward ones, and their twins."""

import inspect

import keras
import numpy as np
import tensorflow as tf
from hypothesis import strategies as st

from parity_tests.pair.pair import Pair
from parity_tests.parts.descriptor import Part, Trap
from parity_tests.parts.initializers import REFUSED_SEEDS, relative_error
from parity_tests.parts.making import made
from tf1_graph.parts import layers as tf1_layers
from tf1_graph.parts import update_ops as tf1_update_ops
from tf1_graph.parts.layers import SYMBOLS, VARIANTS
from tf1_graph.parts.update_ops import UPDATE_OPS
from tf2_keras import training
from tf2_keras.tf1_semantics.layers import BatchNormalization, update_ops


def twin(part, arguments, problem):
    """The twin of ``tf1_layers.program``."""
    if part == UPDATE_OPS:
        return passes_twin(problem)
    dtype = "float32" if problem["dtype"] == "uint8" else problem["dtype"]
    layer = made(part, {**arguments, "dtype": dtype})
    layer.build(tuple(problem["sizes"]))
    return of_layer(layer)


def of_layer(layer):
    """The twin that a built layer is; variables are named as if TF1 had made them."""
    takes_training = "training" in inspect.signature(layer.call).parameters
    # How far a stream has been read is no variable of TF1's.
    weights = {
        f"layer/{weight.name}": weight
        for weight in layer.weights
        if weight.dtype.startswith(("float", "bfloat"))
    }

    def move(x, upstream, training):
        options = {"training": training} if takes_training else {}
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x, **options)
        names = ("y", "argmax") if isinstance(outputs, tuple) else ("y",)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        sources = {
            name: weight.value for name, weight in weights.items() if weight.trainable
        }
        if x.dtype.is_floating:
            sources["x"] = x
        try:
            gradients = tape.gradient(outputs[0], sources, upstream)
        except LookupError:  # ResizeArea has none
            gradients = {}
        return {
            "outputs": dict(zip(names, outputs, strict=True)),
            "gradients": gradients,
        }

    return training.Twin(
        weights,
        {
            "train": lambda x, upstream: move(x, upstream, True),
            "predict": lambda x, upstream: move(x, upstream, False),
        },
        hidden=layer.weights,
    )


def passes_twin(problem, normalisation=None):
    """The twin of ``tf1_update_ops.passes_program``; updates are run by the caller."""
    layer = normalisation or BatchNormalization(momentum=0.9)
    layer.build(tuple(problem["sizes"]))

    def neither(x, other):
        with update_ops():
            outputs = {"y": layer(x, training=True)}
            layer(other, training=True)
        return {"outputs": outputs}

    def first(x, other):
        with update_ops() as updates:
            outputs = {"y": layer(x, training=True)}
        with update_ops():
            layer(other, training=True)
        updates.run()
        return {"outputs": outputs}

    def both(x, other):
        with update_ops() as updates:
            outputs = {"y": layer(x, training=True)}
            outputs["second"] = layer(other, training=True)
        updates.run()
        return {"outputs": outputs}

    return training.Twin(
        {f"layer/{weight.name}": weight for weight in layer.weights},
        {"neither": neither, "first": first, "both": both},
    )


def _passes_that_all_move():
    """Of moving means, where each pass of Keras's own layer moves them."""
    problem = {"sizes": [None, None, None, 3], "dtype": "float32"}
    moves = [("first", batch) for _, batch in tf1_update_ops.passes(problem)]
    naive = keras.layers.BatchNormalization(momentum=0.9)
    program = tf1_layers.program(UPDATE_OPS, {}, problem)
    with Pair(program, passes_twin(problem, naive)) as pair:
        expected, received = (
            [record["updates"]["layer/moving_mean"] for record in list(records)[1:]]
            for records in (pair.reference(moves), pair.candidate(moves, "eager"))
        )
    return {1: relative_error(expected[0], received[0])}


# --- traps: x is the same in every measurement ---


def _input(shape, random=None, scale=1, mean=0):
    random = random or np.random.RandomState(0)
    return (random.standard_normal(shape) * scale + mean).astype(np.float32)


def _trap(
    write, name, arguments, naive, at_least, instead, moves, seen=("outputs", "y")
):
    """A trap of a layer, from what both sides have seen at the last of each moves.

    Args:
        naive: () -> a Keras layer, or a function of its input.
        at_least: {step: error}, or the error at the first.
        moves: {step: moves until then}.
        seen: stage and tensor that are compared.
    """
    steps, flat = list(moves), [move for run in moves.values() for move in run]
    at = np.cumsum([len(run) for run in moves.values()])
    sizes = flat[0][1]["x"].shape

    def off():
        layer = naive()
        if not isinstance(layer, keras.layers.Layer):
            layer = keras.layers.Lambda(layer)
        layer.build(sizes)
        problem = {"sizes": [None, *sizes[1:]], "dtype": "float32"}
        program = tf1_layers.program(f"layers.{name}", arguments, problem)
        with Pair(program, of_layer(layer)) as pair:
            expected, received = (
                [record[seen[0]][seen[1]] for record in list(records)[1:]]
                for records in (pair.reference(flat), pair.candidate(flat, "eager"))
            )
        return {
            step: relative_error(expected[number - 1], received[number - 1])
            for step, number in zip(steps, at, strict=True)
        }

    at_least = at_least if isinstance(at_least, dict) else {1: at_least}
    return Trap(write, off, at_least, f"tf1_semantics.layers.{instead}")


def _move(name, x, output_shape=None):
    upstream = np.zeros(output_shape or x.shape, np.float32)
    return name, {"x": x, "upstream": upstream}


def _trap_of_prediction(write, name, arguments, shape, naive, at_least, instead):
    """A trap of a layer without a state."""
    output_shape = tf1_layers.output_shape(f"layers.{name}", arguments, shape)
    moves = {1: [_move("predict", _input(shape), output_shape)]}
    return _trap(write, name, arguments, naive, at_least, instead, moves)


def _trap_of_statistics(write, momentum, seen, at_least, instead):
    """A trap of batch normalisation in training, looked at as it predicts.

    momentum: of TF1's program; 1.0 is one that never ran its UPDATE_OPS.
    """
    random = np.random.RandomState(0)
    moves, run = {}, []
    for step in range(1, 101):
        images = _input((4, 2, 2, 3), random, 2, 3)  # 16 pixels of a channel
        run.append(_move("train", images))
        if step in (1, 10, 100):
            moves[step] = [*run, _move("predict", images)]
            run = []
    return _trap(
        write,
        "BatchNormalization",
        {"momentum": momentum},
        keras.layers.BatchNormalization,
        at_least,
        instead,
        moves,
        seen,
    )


def _trap_of_dropout(write, rate, at_least):
    return _trap(
        write,
        "Dropout",
        {"keep_prob": 0.75, "seed": 42},
        lambda: keras.layers.Dropout(rate, seed=42),
        at_least,
        "Dropout(0.75, seed=42)",
        {1: [_move("train", _input((64, 32)))]},
    )


# --- the table ---


def _part(name, **rest):
    samples = tuple(arguments for arguments, *_ in VARIANTS[f"layers.{name}"])
    return Part(
        name=f"layers.{name}",
        tf1=SYMBOLS[f"layers.{name}"],
        proof="parity_tests/parts/layers_test.py"
        "::test_values_gradients_and_updates_are_those_of_tf1",
        arguments=st.sampled_from(samples),
        samples=samples,
        **rest,
    )


def _each(name, values, **others):
    return tuple(({**others, name: value}, name) for value in values)


NO_NUMBERS = (float("nan"), float("inf"), "1", True, None)
NO_SIZES = (3, (3,), (3, 0), (3, -1), (3.0, 3), (True, 3), (1, 2, 3), None)
RESIZE_REFUSED = (
    *_each("size", NO_SIZES),
    (
        {"size": (3, 3), "align_corners": True, "half_pixel_centers": True},
        "half_pixel_centers",
    ),
)


def _by_group(sample, *refused):
    name, arguments, groups = sample
    written = f"keras.layers.GroupNormalization({groups})"
    made, shape = lambda: keras.layers.GroupNormalization(groups), (4, 6, 5, 4)
    instead = f"{name}({arguments.get('groups', '')})"
    trap = _trap_of_prediction(written, name, arguments, shape, made, 1e-4, instead)
    refused += _each("epsilon", (-1e-12, *NO_NUMBERS))
    return _part(name, refused=refused, traps=(trap,))


NO_WINDOWS = (0, -2, 2.0, True, (2,), (2, 0), [2, 2, 2, 1], [1, 2, 2], None)

PARTS = (
    _part(
        "AddBias",
        refused=_each("initializer", ("zeroes", None, 0.1)),
        no_trap="Keras has no namesake; the bias of its Dense and Conv2D gives the "
        "same values, and a gradient that agrees but for the roundings of its sum",
    ),
    _part(
        "BiasAdd",
        refused=_each("initializer", ("zeroes", None, 0.1)),
        no_trap="Keras has no namesake; the bias of its Dense is the same, but of one "
        "unit it is broadcast; that of its Conv2D but for the roundings of a gradient that "
        "oneDNN sums",
    ),
    _part(
        "BatchNormalization",
        refused=(
            *_each("momentum", (-0.1, 1.1, float("nan"), None, "0.9", True)),
            *_each("epsilon", (-1e-3, *NO_NUMBERS)),
            *_each("axis", (1.0, None, True, (1, 2))),
            *_each("fused", ("yes", 2)),
            *_each("rate", ("slim", None)),
            *_each("renorm", (True,)),
            *_each("beta_initializer", ("zeroes", None)),
            *_each("gamma_initializer", ("gamma", None)),
            *_each("moving_mean_initializer", ("zeroes", None)),
            *_each("moving_variance_initializer", ("variance", None)),
        ),
        traps=(
            _trap_of_statistics(
                "keras.layers.BatchNormalization()",
                0.99,
                ("updates", "layer/moving_variance"),
                {10: 0.005, 100: 0.02},
                "BatchNormalization()",
            ),
            _trap_of_statistics(
                "keras.layers.BatchNormalization()  # for slim's or contrib's batch_norm",
                0.999,
                ("updates", "layer/moving_mean"),
                {1: 5.0, 10: 5.0, 100: 3.0},
                "BatchNormalization(momentum=0.999, scale=False)",
            ),
            _trap_of_statistics(
                "keras.layers.BatchNormalization()  # where UPDATE_OPS never ran",
                1.0,
                ("outputs", "y"),
                {1: 0.005, 10: 0.05, 100: 0.3},
                "BatchNormalization(momentum=1.0)",
            ),
        ),
    ),
    Part(
        name="layers.Dropout",
        tf1=SYMBOLS["layers.Dropout"],
        proof="parity_tests/parts/dropout_test.py"
        "::test_masks_are_bit_equal_step_by_step",
        samples=(
            {"keep_prob": 0.75, "seed": 5},
            {"keep_prob": 0.5, "seed": (1, 14), "fed": True},
            {"keep_prob": 1.0, "seed": 0},
            {"keep_prob": 0.8, "seed": 2, "scaling": "compat.v1"},
        ),
        refused=(
            *_each("keep_prob", (0, -0.1, 1.5, *NO_NUMBERS[:3], True, None), seed=1),
            *(({**wrong, "keep_prob": 0.5}, "seed") for wrong, _ in REFUSED_SEEDS),
            *_each("scaling", ("1.14", 1.15, None), keep_prob=0.5, seed=1),
        ),
        traps=(
            _trap_of_dropout("keras.layers.Dropout(0.25, seed=42)", 0.25, 0.5),
            _trap_of_dropout(
                "keras.layers.Dropout(0.75, seed=42)  # keep_prob for rate", 0.75, 0.9
            ),
        ),
    ),
    _by_group(
        ("GroupNormalization", {"groups": 2}, 2),
        *_each("groups", (0, -1, 2.0, True, None)),
        *_each("channels_axis", (1.0, None, True)),
        *_each("reduction_axes", (1, None, (1.0,), "ab")),
        *_each("mean_close_to_zero", (0, None)),
    ),
    _by_group(("InstanceNormalization", {}, -1), *_each("data_format", ("NWC", None))),
    _part(
        "LayerNormalization",
        refused=(
            *_each("begin_norm_axis", (1.0, None, True)),
            *_each("begin_params_axis", (1.0, None, True)),
            *_each("epsilon", (-1e-12, *NO_NUMBERS[:-1])),
        ),
        traps=(
            # Over the channels of each pixel, where TF1 takes all of an image.
            _trap_of_prediction(
                "keras.layers.LayerNormalization()",
                "LayerNormalization",
                {},
                (4, 6, 5, 3),
                keras.layers.LayerNormalization,
                0.2,
                "LayerNormalization()",
            ),
            # On rows of features the epsilon alone.
            _trap_of_prediction(
                "keras.layers.LayerNormalization()  # [batch, features]",
                "LayerNormalization",
                {},
                (32, 64),
                keras.layers.LayerNormalization,
                1e-4,
                "LayerNormalization()",
            ),
        ),
    ),
    _part(
        "LocalResponseNormalization",
        refused=(
            *_each("depth_radius", (-1, 1.5, None, True)),
            *_each("bias", NO_NUMBERS),
            *_each("alpha", NO_NUMBERS),
            *_each("beta", NO_NUMBERS),
        ),
        no_trap="Keras has no namesake",
    ),
    _part(
        "MaxPoolingWithArgmax",
        refused=(
            *_each("ksize", NO_WINDOWS, strides=2, padding="SAME"),
            *_each("strides", NO_WINDOWS, ksize=2, padding="SAME"),
            *_each("padding", ("same", None), ksize=2, strides=2),
            *_each("output_dtype", ("int16", None), ksize=2, strides=2, padding="SAME"),
        ),
        no_trap="Keras has no namesake; keras.layers.MaxPooling2D is TF1's max_pool, "
        "ties and all, to the bit",
    ),
    _part(
        "ResizeArea",
        refused=_each("size", NO_SIZES),
        traps=(
            _trap_of_prediction(
                "keras.layers.Resizing(2, 3)",
                "ResizeArea",
                {"size": (2, 3)},
                (2, 7, 8, 3),
                lambda: keras.layers.Resizing(2, 3),
                0.1,
                "ResizeArea((2, 3))",
            ),
        ),
    ),
    _part(
        "ResizeBicubic",
        refused=RESIZE_REFUSED,
        traps=tuple(
            _trap_of_prediction(
                write,
                "ResizeBicubic",
                {"size": (7, 5)},
                (2, 4, 6, 3),
                naive,
                0.2,
                "ResizeBicubic((7, 5))",
            )
            for write, naive in (
                (
                    'keras.layers.Resizing(7, 5, interpolation="bicubic")',
                    lambda: keras.layers.Resizing(7, 5, interpolation="bicubic"),
                ),
                (
                    'tf.image.resize(x, (7, 5), "bicubic")',
                    lambda: lambda x: tf.image.resize(x, (7, 5), "bicubic"),
                ),
            )
        ),
    ),
    _part(
        "ResizeBilinear",
        refused=RESIZE_REFUSED,
        traps=(
            _trap_of_prediction(
                "keras.layers.Resizing(7, 5)",
                "ResizeBilinear",
                {"size": (7, 5)},
                (2, 4, 6, 3),
                lambda: keras.layers.Resizing(7, 5),
                0.2,
                "ResizeBilinear((7, 5))",
            ),
            _trap_of_prediction(
                "tf.image.resize(x, (7, 5))",
                "ResizeBilinear",
                {"size": (7, 5)},
                (2, 4, 6, 3),
                lambda: lambda x: tf.image.resize(x, (7, 5)),
                0.2,
                "ResizeBilinear((7, 5))",
            ),
        ),
    ),
    _part(
        "ResizeImages",
        refused=(
            *_each("size", NO_SIZES),
            *_each("method", (4, "lanczos3", None), size=(3, 3)),
        ),
        traps=(
            _trap_of_prediction(
                "tf.image.resize(x, (7, 5))  # where TF1 had resize_images",
                "ResizeImages",
                {"size": (7, 5)},
                (2, 4, 6, 3),
                lambda: lambda x: tf.image.resize(x, (7, 5)),
                0.2,
                "ResizeImages((7, 5))",
            ),
        ),
    ),
    _part(
        "ResizeNearestNeighbor",
        refused=RESIZE_REFUSED,
        traps=(
            _trap_of_prediction(
                'keras.layers.Resizing(7, 5, interpolation="nearest")',
                "ResizeNearestNeighbor",
                {"size": (7, 5)},
                (2, 4, 6, 3),
                lambda: keras.layers.Resizing(7, 5, interpolation="nearest"),
                0.5,
                "ResizeNearestNeighbor((7, 5))",
            ),
        ),
    ),
    Part(
        name=UPDATE_OPS,
        tf1=SYMBOLS[UPDATE_OPS],
        proof="parity_tests/parts/batch_normalization_test.py"
        "::test_updates_that_the_caller_runs_are_those_of_tf1",
        traps=(
            Trap(
                "keras.layers.BatchNormalization() in a net that sees two batches",
                _passes_that_all_move,
                {1: 0.3},
                "with tf1_semantics.layers.update_ops() as updates: …; updates.run()",
            ),
        ),
    ),
)
