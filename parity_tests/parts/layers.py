"""Descriptors of tf1_semantics.layers, the feed-forward ones.

A reference is called as ``layer_runs`` says; that of the dropout, whose stream is a
state, as in ``dropout_test``.
"""

import functools

import keras
import numpy as np
import tensorflow as tf
from hypothesis import strategies as st

from parity_tests.parts import layer_runs
from parity_tests.parts.descriptor import Part, Trap
from parity_tests.parts.initializers import (
    BETWEEN_FLOAT16S,
    REFUSED_SEEDS,
    relative_error,
)
from tf2_keras import tf1_semantics


def add_bias(x, weights, _training, **_):
    """The idiom ``tf.matmul(x, w) + b``, behind the product."""
    return {"y": x + weights["bias"]}, []


def bias_add(x, weights, _training, **_):
    return {"y": tf.nn.bias_add(x, weights["bias"])}, []


def batch_normalization(
    x, weights, training, momentum=0.99, epsilon=1e-3, axis=-1, center=True, scale=True,
    fused=None, **_,
):  # fmt: skip
    """What tf.layers.batch_normalization of 1.15 built, in compat.v1 ops."""
    rank = x.shape.rank
    axis = axis % rank
    moving_mean, moving_variance = weights["moving_mean"], weights["moving_variance"]
    if fused is not False and rank == 4 and axis in (1, 3):
        moments = {} if training else {"mean": moving_mean, "variance": moving_variance}
        channels = moving_mean.shape
        y, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            x,
            weights["gamma"] if scale else tf.constant(1.0, shape=channels),
            weights["beta"] if center else tf.constant(0.0, shape=channels),
            epsilon=epsilon,
            is_training=training,
            data_format="NHWC" if axis == 3 else "NCHW",
            **moments,
        )
        rate = 1.0 - tf.constant(momentum)
    else:
        sizes = [x.shape[axis] if one == axis else 1 for one in range(rank)]

        def against(per_channel):
            if axis != rank - 1:
                per_channel = tf.reshape(per_channel, sizes)
            return tf.cast(per_channel, x.dtype)

        mean, variance = moving_mean, moving_variance
        if training:
            others = [one for one in range(rank) if one != axis]
            raised = tf.cast(x, moving_mean.dtype.base_dtype)
            mean, variance = tf.compat.v1.nn.moments(raised, others)
        y = tf.nn.batch_normalization(
            x,
            against(mean),
            against(variance),
            against(weights["beta"]) if center else None,
            against(weights["gamma"]) if scale else None,
            epsilon,
        )
        rate = tf.constant(1.0 - momentum)
    if not training:
        return {"y": y}, []
    updates = []
    for moving, batch in ((moving_mean, mean), (moving_variance, variance)):
        change = (moving - batch) * tf.cast(rate, moving.dtype.base_dtype)
        updates.append(tf.compat.v1.assign_sub(moving, change))
    return {"y": y}, updates


def layer_norm(
    x, weights, _training, center=True, scale=True, begin_norm_axis=1, epsilon=None, **_,
):  # fmt: skip
    """What tf.contrib.layers.layer_norm of 1.15 built, in compat.v1 ops."""
    rank = x.shape.rank
    axes = list(range(begin_norm_axis % rank, rank))
    mean, variance = tf.compat.v1.nn.moments(x, axes, keep_dims=True)
    if epsilon is None:
        epsilon = 1e-3 if x.dtype == tf.float16 else 1e-12
    return {
        "y": tf.nn.batch_normalization(
            x,
            mean,
            variance,
            weights["beta"] if center else None,
            weights["gamma"] if scale else None,
            epsilon,
        )
    }, []


def lrn(x, _weights, _training, **arguments):
    return {"y": tf.compat.v1.nn.lrn(x, **arguments)}, []


def resize_bilinear(x, _weights, _training, **arguments):
    return {"y": tf.compat.v1.image.resize_bilinear(x, **arguments)}, []


def resize_nearest_neighbor(x, _weights, _training, **arguments):
    return {"y": tf.compat.v1.image.resize_nearest_neighbor(x, **arguments)}, []


def max_pool_with_argmax(x, _weights, _training, ksize, strides, padding, **options):
    def of_four(sizes):
        sizes = [sizes, sizes] if isinstance(sizes, int) else list(sizes)
        return sizes if len(sizes) == 4 else [1, *sizes, 1]

    y, argmax = tf.compat.v1.nn.max_pool_with_argmax(
        x, of_four(ksize), of_four(strides), padding, **options
    )
    return {"y": y, "argmax": argmax}, []


def dropout(x, keep_prob, seed):
    return tf.compat.v1.nn.dropout(x, keep_prob=keep_prob, seed=seed)


# Every instance that the tests build, as (arguments, sizes of the input, its dtype).
CASES = {
    "AddBias": [
        ({}, [None, 5], "float32"),
        ({}, [None, 5], "float64"),
        ({}, [None, None, None, 3], "float32"),
        ({}, [None, None, None, 3], "float16"),
    ],
    "BiasAdd": [
        ({}, [None, 5], "float32"),
        ({}, [None, 5], "float64"),
        ({}, [None, None, None, 3], "float32"),
        ({}, [None, None, None, 3], "float16"),
    ],
    "BatchNormalization": [
        # fused
        ({"momentum": 0.9, "epsilon": 1.001e-5}, [None, None, None, 1], "float32"),
        ({}, [None, None, None, 3], "float32"),
        ({"momentum": 0.997, "epsilon": 1e-5}, [None, None, None, 8], "float32"),
        ({"momentum": 0.0, "epsilon": 0.1}, [None, None, None, 2], "float32"),
        ({"momentum": 1.0, "fused": True}, [None, None, None, 5], "float32"),
        ({"momentum": 0.9}, [None, None, None, 4], "float16"),
        ({"momentum": 0.9}, [None, None, None, 2], "bfloat16"),
        ({"momentum": 0.999, "scale": False}, [None, None, None, 3], "float32"),
        ({"center": False}, [None, None, None, 3], "float32"),
        ({"axis": 1, "momentum": 0.9}, [None, 3, None, None], "float32"),
        # unfused
        ({"momentum": 0.9}, [None, 5], "float32"),
        ({"momentum": 0.9, "fused": True}, [None, 5], "float64"),
        ({"momentum": 0.9, "scale": False}, [None, 3], "float16"),
        ({"momentum": 0.9, "center": False, "epsilon": 1e-5}, [None, 4], "float32"),
        ({"center": False, "scale": False}, [None, None, 3], "float32"),
        ({"fused": False, "momentum": 0.7}, [None, None, None, 3], "float32"),
        ({"fused": False, "momentum": 0.7}, [None, None, None, 3], "float64"),
        ({"fused": False, "axis": 1}, [None, 3, None, None], "float32"),
        ({"axis": 2}, [None, None, 3, None], "float16"),
        ({"epsilon": BETWEEN_FLOAT16S}, [None, 3], "float16"),
        ({"axis": 1, "momentum": 0.0}, [None, 3, None], "bfloat16"),
    ],
    "LayerNormalization": [
        ({}, [None, 5], "float32"),
        ({}, [None, 6, 5, 3], "float32"),
        ({}, [None, 7], "float64"),
        ({}, [None, 7], "float16"),
        ({"epsilon": BETWEEN_FLOAT16S}, [None, 7], "float16"),
        ({"epsilon": 1e-5, "scale": False}, [None, 5], "float32"),
        ({"begin_params_axis": 1, "center": False}, [None, 4, 3], "float32"),
        ({"begin_norm_axis": -1}, [None, None, 6], "float32"),
        ({"begin_norm_axis": 2, "begin_params_axis": 2}, [None, None, 3, 4], "float16"),
    ],
    "LocalResponseNormalization": [
        ({}, [None, None, None, 7], "float32"),
        (
            {"depth_radius": 2, "bias": 2.0, "alpha": 1e-4, "beta": 0.75},
            [None, None, None, 16],
            "float32",
        ),
        ({"depth_radius": 1, "beta": 0.3}, [None, None, None, 5], "float16"),
        ({"depth_radius": 0, "beta": 1.0}, [None, None, None, 3], "float32"),
    ],
    "MaxPoolingWithArgmax": [
        (
            {"ksize": 2, "strides": 2, "padding": "SAME"},
            [None, None, None, 3],
            "float32",
        ),
        (
            {
                "ksize": [1, 3, 2, 1],
                "strides": [1, 2, 1, 1],
                "padding": "VALID",
                "include_batch_in_index": True,
            },
            [None, None, None, 2],
            "float32",
        ),
        (
            {"ksize": (3, 3), "strides": 1, "padding": "SAME"},
            [None, None, None, 2],
            "float64",
        ),
        (
            {"ksize": 3, "strides": 2, "padding": "SAME"},
            [None, None, None, 1],
            "float16",
        ),
    ],
    "ResizeBilinear": [
        ({"size": (7, 5)}, [None, None, None, 3], "float32"),
        ({"size": (7, 5), "align_corners": True}, [None, None, None, 3], "float32"),
        (
            {"size": (3, 9), "half_pixel_centers": True},
            [None, None, None, 2],
            "float32",
        ),
        ({"size": (1, 4)}, [None, None, None, 1], "float16"),
        ({"size": (6, 2)}, [None, None, None, 2], "float64"),
        ({"size": (8, 8)}, [None, None, None, 1], "uint8"),
    ],
    "ResizeNearestNeighbor": [
        ({"size": (7, 5)}, [None, None, None, 3], "float32"),
        ({"size": (7, 5), "align_corners": True}, [None, None, None, 3], "float32"),
        (
            {"size": (3, 9), "half_pixel_centers": True},
            [None, None, None, 2],
            "float32",
        ),
        ({"size": (1, 4)}, [None, None, None, 1], "float16"),
        ({"size": (6, 2)}, [None, None, None, 2], "float64"),
        ({"size": (8, 8)}, [None, None, None, 1], "uint8"),
    ],
}
REFERENCES = {
    "AddBias": ("tf.add", add_bias),
    "BiasAdd": ("tf.nn.bias_add", bias_add),
    "BatchNormalization": ("tf.layers.batch_normalization", batch_normalization),
    "LayerNormalization": ("tf.contrib.layers.layer_norm", layer_norm),
    "LocalResponseNormalization": ("tf.nn.local_response_normalization", lrn),
    "MaxPoolingWithArgmax": ("tf.nn.max_pool_with_argmax", max_pool_with_argmax),
    "ResizeBilinear": ("tf.image.resize_bilinear", resize_bilinear),
    "ResizeNearestNeighbor": (
        "tf.image.resize_nearest_neighbor",
        resize_nearest_neighbor,
    ),
}


@functools.cache
def both(name, number):
    """(Reference, Twin) of one of the cases."""
    arguments, sizes, dtype = CASES[name][number]
    of_layer = "float32" if dtype == "uint8" else dtype
    layer = getattr(tf1_semantics.layers, name)(**arguments, dtype=of_layer)
    return layer_runs.pair(REFERENCES[name][1], layer, arguments, sizes, dtype)


def ordinary_problem(name, number):
    """(weights, batches) of one of the cases: two to train with, one to predict."""
    _, sizes, dtype = CASES[name][number]
    reference, twin = both(name, number)
    random = np.random.RandomState(number)

    def normal(shape, of_dtype):
        values = random.standard_normal(shape) * 3 + 1
        if of_dtype == "uint8":
            values = np.abs(values * 20)
        return values.astype(tf.as_dtype(of_dtype).as_numpy_dtype)

    weights = {of: normal(each.shape, each.dtype) for of, each in twin.weights.items()}
    if "moving_variance" in weights:
        weights["moving_variance"] = np.abs(weights["moving_variance"])
    batches = []
    for training in (True, True, False):
        shape = [size or random.randint(3, 9) for size in sizes]
        x = normal(shape, dtype)
        y = twin.outputs(tf.constant(x), False)[0]
        batches.append((x, normal(y.shape, reference.output.dtype.name), training))
    return weights, batches


# --- traps: x is the same in every measurement ---


@functools.cache
def _of_tf1(name, arguments, shape):
    """The first output for ``_input(shape)``, predicting with initial weights."""
    arguments = dict(arguments)
    layer = getattr(tf1_semantics.layers, name)(**arguments)
    layer.build(shape)
    weights = {weight.name: weight.numpy() for weight in layer.weights}
    with tf.Graph().as_default() as graph:
        variables = {
            of: tf.compat.v1.get_variable(of, initializer=value)
            for of, value in weights.items()
        }
        x = tf.constant(_input(shape))
        outputs, _ = REFERENCES[name][1](x, variables, False, **arguments)
        initialise = tf.compat.v1.global_variables_initializer()
    with tf.compat.v1.Session(graph=graph) as session:
        session.run(initialise)
        return session.run(next(iter(outputs.values())))


def _input(shape):
    return np.random.RandomState(0).standard_normal(shape).astype(np.float32)


def _trap(write, name, arguments, shape, naive, at_least, instead):
    """A trap of a layer without a state."""

    def off():
        expected = _of_tf1(name, tuple(arguments.items()), shape)
        return {1: relative_error(expected, naive()(_input(shape)).numpy())}

    return Trap(write, off, {1: at_least}, instead)


IMAGES = (4, 2, 2, 3)  # 16 pixels of a channel


@functools.cache
def _statistics_of_tf1(momentum):
    """{steps: (moving mean, moving variance, the last image predicted)} of TF1."""
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, [None, *IMAGES[1:]])
        weights = {
            name: tf.compat.v1.get_variable(name, initializer=value)
            for name, value in (
                ("gamma", np.ones(3, np.float32)),
                ("beta", np.zeros(3, np.float32)),
                ("moving_mean", np.zeros(3, np.float32)),
                ("moving_variance", np.ones(3, np.float32)),
            )
        }
        _, updates = batch_normalization(x, weights, True, momentum=momentum)
        predicted, _ = batch_normalization(x, weights, False, momentum=momentum)
        initialise = tf.compat.v1.global_variables_initializer()
    with tf.compat.v1.Session(graph=graph) as session:
        session.run(initialise)
        watched = (weights["moving_mean"], weights["moving_variance"], predicted["y"])
        return _after_steps(
            lambda images: session.run(updates, {x: images}),
            lambda images: session.run(watched, {x: images}),
        )


def _after_steps(train, watch):
    random = np.random.RandomState(0)
    watched = {}
    for step in range(1, 101):
        images = (random.standard_normal(IMAGES) * 2 + 3).astype(np.float32)
        train(images)
        if step in (1, 10, 100):
            watched[step] = watch(images)
    return watched


def _trap_of_statistics(write, momentum, what, naive, at_least, instead):
    """what: 0 for the moving mean, 1 for the moving variance, 2 for what is predicted.

    momentum: of TF1's program; 1.0 is one that never ran its UPDATE_OPS.
    """

    def off():
        layer = naive()
        received = _after_steps(
            lambda images: layer(images, training=True),
            lambda images: (
                layer.moving_mean.numpy(),
                layer.moving_variance.numpy(),
                layer(images).numpy(),
            ),
        )
        return {
            step: relative_error(expected[what], received[step][what])
            for step, expected in _statistics_of_tf1(momentum).items()
        }

    return Trap(write, off, at_least, instead)


@functools.cache
def _dropped_by_tf1(shape, keep_prob, seed):
    with tf.Graph().as_default() as graph:
        dropped = dropout(tf.constant(_input(shape)), keep_prob, seed)
    with tf.compat.v1.Session(graph=graph) as session:
        return session.run(dropped)


def _trap_of_dropout(write, rate, at_least):
    def off():
        expected = _dropped_by_tf1((64, 32), 0.75, 42)
        layer = keras.layers.Dropout(rate, seed=42)
        received = layer(_input((64, 32)), training=True).numpy()
        return {1: relative_error(expected, received)}

    return Trap(
        write, off, {1: at_least}, "tf1_semantics.layers.Dropout(0.75, seed=42)"
    )


# --- the table ---


def _part(name, **rest):
    tf1, reference = REFERENCES[name]
    samples = tuple(arguments for arguments, *_ in CASES[name])
    return Part(
        name=f"layers.{name}",
        tf1=tf1,
        reference=reference,
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
        no_trap="Keras has no namesake; the bias of its Dense is the same, that of its "
        "Conv2D but for the roundings of a gradient that oneDNN sums",
    ),
    _part(
        "BatchNormalization",
        refused=(
            *_each("momentum", (-0.1, 1.1, float("nan"), None, "0.9", True)),
            *_each("epsilon", (-1e-3, *NO_NUMBERS)),
            *_each("axis", (1.0, None, True, (1, 2))),
            *_each("fused", ("yes", 2)),
            *_each("renorm", (True,)),
            *_each("beta_initializer", ("zeroes", None)),
            *_each("gamma_initializer", ("gamma", None)),
        ),
        traps=(
            _trap_of_statistics(
                "keras.layers.BatchNormalization()",
                0.99,
                1,
                keras.layers.BatchNormalization,
                {10: 0.005, 100: 0.02},
                "tf1_semantics.layers.BatchNormalization()",
            ),
            _trap_of_statistics(
                "keras.layers.BatchNormalization()  # for slim's or contrib's batch_norm",
                0.999,
                0,
                keras.layers.BatchNormalization,
                {1: 5.0, 10: 5.0, 100: 3.0},
                "tf1_semantics.layers.BatchNormalization(momentum=0.999, scale=False)",
            ),
            _trap_of_statistics(
                "keras.layers.BatchNormalization()  # where UPDATE_OPS never ran",
                1.0,
                2,
                keras.layers.BatchNormalization,
                {1: 0.005, 10: 0.05, 100: 0.3},
                "tf1_semantics.layers.BatchNormalization(momentum=1.0)",
            ),
        ),
    ),
    Part(
        name="layers.Dropout",
        tf1="tf.nn.dropout",
        reference=dropout,
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
    _part(
        "LayerNormalization",
        refused=(
            *_each("begin_norm_axis", (1.0, None, True)),
            *_each("begin_params_axis", (1.0, None, True)),
            *_each("epsilon", (-1e-12, *NO_NUMBERS[:-1])),
        ),
        traps=(
            # Over the channels of each pixel, where TF1 takes all of an image.
            _trap(
                "keras.layers.LayerNormalization()",
                "LayerNormalization",
                {},
                (4, 6, 5, 3),
                keras.layers.LayerNormalization,
                0.2,
                "tf1_semantics.layers.LayerNormalization()",
            ),
            # On rows of features the epsilon alone.
            _trap(
                "keras.layers.LayerNormalization()  # [batch, features]",
                "LayerNormalization",
                {},
                (32, 64),
                keras.layers.LayerNormalization,
                1e-4,
                "tf1_semantics.layers.LayerNormalization()",
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
        "ResizeBilinear",
        refused=RESIZE_REFUSED,
        traps=(
            _trap(
                "keras.layers.Resizing(7, 5)",
                "ResizeBilinear",
                {"size": (7, 5)},
                (2, 4, 6, 3),
                lambda: keras.layers.Resizing(7, 5),
                0.2,
                "tf1_semantics.layers.ResizeBilinear((7, 5))",
            ),
            _trap(
                "tf.image.resize(x, (7, 5))",
                "ResizeBilinear",
                {"size": (7, 5)},
                (2, 4, 6, 3),
                lambda: lambda x: tf.image.resize(x, (7, 5)),
                0.2,
                "tf1_semantics.layers.ResizeBilinear((7, 5))",
            ),
        ),
    ),
    _part(
        "ResizeNearestNeighbor",
        refused=RESIZE_REFUSED,
        traps=(
            _trap(
                'keras.layers.Resizing(7, 5, interpolation="nearest")',
                "ResizeNearestNeighbor",
                {"size": (7, 5)},
                (2, 4, 6, 3),
                lambda: keras.layers.Resizing(7, 5, interpolation="nearest"),
                0.5,
                "tf1_semantics.layers.ResizeNearestNeighbor((7, 5))",
            ),
        ),
    ),
)
