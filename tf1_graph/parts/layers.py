"""TF1's layers: programs of one layer alone. Models that have it: ``layer_models``.

A problem is the ``sizes`` of the input, None for what a placeholder leaves open, and its
``dtype``. Variables are those of the scope ``layer``.
"""

import collections
import functools

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import session
from tf1_graph.parts.cases import Case, genuine
from tf1_graph.parts.initializers import initializer
from tf1_graph.parts.normalizations import (
    BY_GROUP,
    batch_normalization,
    group_norm,
    instance_norm,
    layer_norm,
)
from tf1_graph.parts.update_ops import UPDATE_OPS, passes, passes_program

SYMBOLS = collections.OrderedDict(
    [
        ("layers.AddBias", "tf.add"),
        ("layers.BiasAdd", "tf.nn.bias_add"),
        ("layers.BatchNormalization", "tf.layers.batch_normalization"),
        ("layers.Dropout", "tf.nn.dropout"),
        ("layers.GroupNormalization", "tf.contrib.layers.group_norm"),
        ("layers.InstanceNormalization", "tf.contrib.layers.instance_norm"),
        ("layers.LayerNormalization", "tf.contrib.layers.layer_norm"),
        ("layers.LocalResponseNormalization", "tf.nn.local_response_normalization"),
        ("layers.MaxPoolingWithArgmax", "tf.nn.max_pool_with_argmax"),
        ("layers.ResizeArea", "tf.image.resize_area"),
        ("layers.ResizeBicubic", "tf.image.resize_bicubic"),
        ("layers.ResizeBilinear", "tf.image.resize_bilinear"),
        ("layers.ResizeImages", "tf.image.resize_images"),
        ("layers.ResizeNearestNeighbor", "tf.image.resize_nearest_neighbor"),
        (UPDATE_OPS, "tf.get_collection"),
    ]
)

# Each a function (x, training, **arguments of the part) -> {name: output}, whose first
# output is the one that is differentiated.


def bias_of(x, start, scope="layer"):
    """A variable with an element for each channel of x."""
    with tf.variable_scope(scope, reuse=tf.AUTO_REUSE):
        shape = [int(x.shape[-1])]
        return tf.get_variable("bias", shape, x.dtype, initializer(start))


def add_bias(x, _training, initializer="zeros"):
    """The idiom ``tf.matmul(x, w) + b``, behind the product."""
    return {"y": x + bias_of(x, initializer)}


def bias_add(x, _training, initializer="zeros"):
    """What tf.layers, slim and contrib ended in."""
    return {"y": tf.nn.bias_add(x, bias_of(x, initializer))}


def max_pool_with_argmax(x, _training, ksize, strides, padding, **options):
    def of_four(sizes):
        sizes = [sizes, sizes] if isinstance(sizes, int) else list(sizes)
        return sizes if len(sizes) == 4 else [1] + sizes + [1]

    y, argmax = tf.nn.max_pool_with_argmax(
        x, of_four(ksize), of_four(strides), padding, **options
    )
    return {"y": y, "argmax": argmax}


def plain(part):
    """A layer that is its symbol."""
    return lambda x, _training, **arguments: {
        "y": genuine(SYMBOLS[part])(x, **arguments)
    }


FUNCTIONS = {
    "layers.AddBias": add_bias,
    "layers.BiasAdd": bias_add,
    "layers.BatchNormalization": batch_normalization,
    "layers.GroupNormalization": group_norm,
    "layers.InstanceNormalization": instance_norm,
    "layers.LayerNormalization": layer_norm,
    "layers.MaxPoolingWithArgmax": max_pool_with_argmax,
}
for _part in SYMBOLS:
    FUNCTIONS.setdefault(_part, plain(_part))


def dropout(x, keep_prob, seed, scaling="1.15"):
    """tf.nn.dropout of 1.15, or in ops that there are today.

    Args:
        keep_prob: a number or a tensor.
        scaling: 'compat.v1' for what today's TensorFlow makes of it.
    """
    if scaling == "compat.v1" or tf.__version__.startswith("1."):
        return tf.nn.dropout(x, keep_prob=keep_prob, seed=seed)
    with tf.name_scope("dropout"):
        rate = tf.convert_to_tensor(1 - keep_prob, x.dtype)
        kept = tf.random_uniform(tf.shape(x), seed=seed, dtype=x.dtype) >= rate
        return x * (1 / (1 - rate)) * tf.cast(kept, x.dtype)


def program(part, arguments, problem):
    """A layer alone: the moves ``train`` and ``predict`` report outputs and gradients.

    Each takes ``x`` and ``upstream``, the gradient by the first output.
    """
    if part == "layers.Dropout":
        return dropout_program(problem, **arguments)
    if part == UPDATE_OPS:
        return passes_program(problem)
    return program_of(functools.partial(FUNCTIONS[part], **arguments), problem)


def program_of(layer, problem):
    """The same of a function (x, training) -> {name: output}."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(problem["dtype"], problem["sizes"], name="x")
        moves, upstream = {}, None
        for name, training in (("train", True), ("predict", False)):
            outputs = layer(x, training)
            y = next(iter(outputs.values()))
            if upstream is None:
                upstream = tf.placeholder(y.dtype, y.shape, name="upstream")
            moves[name] = session.move(
                tf.get_collection(tf.GraphKeys.UPDATE_OPS) if training else (),
                outputs=outputs,
                gradients=gradients_of(y, x, upstream),
            )
    return session.program(graph, {"x": x, "upstream": upstream}, **moves)


def gradients_of(y, x, upstream):
    """{"x" or name of a variable: gradient} of what is trained, and of a float input."""
    sources = {variable.op.name: variable for variable in tf.trainable_variables()}
    if x.dtype.is_floating:
        sources["x"] = x
    try:
        gradients = tf.gradients(y, list(sources.values()), upstream)
    except LookupError:  # resize_area has none
        return {}
    return dict(zip(sources, gradients))


def dropout_program(problem, keep_prob, seed, fed=False, scaling="1.15"):
    """A dropout alone, by a share that is part of the graph, or fed.

    Fed, one op trains and predicts, with 1.0; a number's is passed by where nothing is
    to be dropped.
    """
    graph_seed, op_seed = seed if isinstance(seed, tuple) else (None, seed)
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(graph_seed)
        x = tf.placeholder(problem["dtype"], problem["sizes"], name="x")
        upstream = tf.placeholder(x.dtype, x.shape, name="upstream")
        identity = tf.identity(x)
        share = tf.placeholder(x.dtype, [], name="keep_prob") if fed else keep_prob
        dropped = identity
        if fed or keep_prob < 1:
            dropped = dropout(x, share, op_seed, scaling)
        moves = {}
        for name, y, value in (
            ("train", dropped, keep_prob),
            ("predict", dropped if fed else identity, 1.0),
        ):
            moves[name] = session.move(
                feed={share: value} if fed else {},
                outputs={"y": y},
                gradients=gradients_of(y, x, upstream),
            )
    return session.program(graph, {"x": x, "upstream": upstream}, **moves)


# Every instance that the tests build, as (arguments, sizes of the input, its dtype).

POSITIVE = ("initializers.RandomUniform", {"minval": 0.3, "maxval": 1.7, "seed": 12})
UNIFORM = ("initializers.RandomUniform", {"minval": -0.3, "maxval": 0.7, "seed": 11})
# Rounds to one float16, and by way of float32 to the next.
BETWEEN_FLOAT16S = 0.055587768438749185
VARIANTS = {
    "layers.AddBias": [
        ({}, [None, 5], "float32"),
        ({}, [None, 5], "float64"),
        ({}, [None, None, None, 3], "float32"),
        ({"initializer": "ones"}, [None, None, None, 3], "float16"),
    ],
    "layers.BiasAdd": [
        ({}, [None, 5], "float32"),
        ({}, [None, 5], "float64"),
        ({}, [None, None, None, 3], "float32"),
        ({}, [None, None, None, 3], "float16"),
        ({"initializer": UNIFORM}, [None, 5], "float32"),
    ],
    "layers.BatchNormalization": [
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
        ({"fused": False, "axis": 1}, [None, 3, 4, 5], "float32"),
        ({"fused": False, "axis": 1}, [None, 3, None, None], "float32"),
        ({"axis": 2}, [None, None, 3, None], "float16"),
        ({"epsilon": BETWEEN_FLOAT16S}, [None, 3], "float16"),
        ({"axis": 1, "momentum": 0.0}, [None, 3, None], "bfloat16"),
        # from given starts
        ({"beta_initializer": UNIFORM}, [None, None, None, 3], "float32"),
        ({"gamma_initializer": UNIFORM}, [None, 3], "float64"),
        ({"moving_mean_initializer": UNIFORM}, [None, 3], "float32"),
        ({"moving_variance_initializer": POSITIVE}, [None, None, None, 3], "float32"),
        # contrib's own
        ({"momentum": 0.9, "rate": "contrib"}, [None, None, None, 3], "float32"),
        ({"momentum": 0.9, "rate": "contrib"}, [None, 5], "float32"),
        (
            {"momentum": 0.997, "rate": "contrib", "scale": False},
            [None, None, None, 2],
            "float32",
        ),
    ],
    **BY_GROUP,
    "layers.LayerNormalization": [
        ({}, [None, 5], "float32"),
        ({}, [None, 6, 5, 3], "float32"),
        ({}, [None, 7], "float64"),
        ({}, [None, 7], "float16"),
        ({"epsilon": BETWEEN_FLOAT16S}, [None, 7], "float16"),
        ({"epsilon": 1e-5, "scale": False}, [None, 5], "float32"),
        ({"scale": False}, [None, 5], "float32"),
        ({"begin_params_axis": 1, "center": False}, [None, 4, 3], "float32"),
        ({"begin_norm_axis": -1}, [None, None, 6], "float32"),
        ({"begin_norm_axis": 2, "begin_params_axis": 2}, [None, None, 3, 4], "float16"),
    ],
    "layers.LocalResponseNormalization": [
        ({}, [None, None, None, 7], "float32"),
        (
            {"depth_radius": 2, "bias": 2.0, "alpha": 1e-4, "beta": 0.75},
            [None, None, None, 16],
            "float32",
        ),
        ({"depth_radius": 1, "beta": 0.3}, [None, None, None, 5], "float16"),
        ({"depth_radius": 0, "beta": 1.0}, [None, None, None, 3], "float32"),
    ],
    "layers.MaxPoolingWithArgmax": [
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
    "layers.ResizeArea": [
        ({"size": (7, 5)}, [None, None, None, 3], "float32"),
        ({"size": (3, 2), "align_corners": True}, [None, None, None, 2], "float32"),
        ({"size": (2, 3)}, [None, None, None, 1], "uint8"),
    ],
    "layers.ResizeBicubic": [
        ({"size": (7, 5)}, [None, None, None, 3], "float32"),
        ({"size": (7, 5), "align_corners": True}, [None, None, None, 3], "float32"),
        (
            {"size": (3, 9), "half_pixel_centers": True},
            [None, None, None, 2],
            "float32",
        ),
        ({"size": (6, 2)}, [None, None, None, 2], "float64"),
        ({"size": (8, 8)}, [None, None, None, 1], "uint8"),
    ],
    "layers.ResizeImages": [
        ({"size": (9, 5)}, [None, None, None, 3], "float32"),
        ({"size": (9, 5), "method": "bicubic"}, [None, None, 3], "float32"),
        ({"size": (2, 9), "method": 3}, [None, None, None, 2], "float32"),
        (
            {"size": (9, 5), "method": 1, "align_corners": True},
            [None, None, None, 1],
            "uint8",
        ),
        ({"size": (9, 4), "preserve_aspect_ratio": True}, [None, None, 3], "float32"),
        ({"size": (5, 6)}, [None, 5, 6, 2], "uint8"),  # has it already
    ],
    "layers.ResizeBilinear": [
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
    "layers.ResizeNearestNeighbor": [
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


def variants():
    """Yields (part, arguments, problem) of each."""
    for part, ways in VARIANTS.items():
        for arguments, sizes, dtype in ways:
            yield part, arguments, {"sizes": sizes, "dtype": dtype}


def output_shape(part, arguments, shape):
    """Shape of the first output, for an input of a shape."""
    if "Resize" in part:
        sizes = tuple(arguments["size"])
        if arguments.get("preserve_aspect_ratio"):
            before = np.array(shape[-3:-1], np.float32)
            factor = np.min(np.array(sizes, np.float32) / before)
            sizes = tuple(int(size) for size in np.round(factor * before))
        return tuple(shape[:-3]) + sizes + (shape[-1],)
    if part != "layers.MaxPoolingWithArgmax":
        return tuple(shape)
    windows, strides = (
        [sizes] * 2 if isinstance(sizes, int) else list(sizes)[-3:-1] or list(sizes)
        for sizes in (arguments["ksize"], arguments["strides"])
    )
    if arguments["padding"] == "SAME":
        windows = [1, 1]
    sizes = [
        (size - window) // stride + 1
        for size, window, stride in zip(shape[1:3], windows, strides)
    ]
    return (shape[0],) + tuple(sizes) + (shape[3],)


def ordinary(built, part, arguments, problem, seed=0):
    """(moves, values): two batches to train on and one to predict, and variables.

    Args:
        built: the Program of the other arguments.
    """
    random = np.random.RandomState(seed)

    def normal(shape, dtype):
        values = random.standard_normal(shape) * 3 + 1
        if dtype == "uint8":
            values = np.abs(values * 20)
        return values.astype(tf.as_dtype(dtype).as_numpy_dtype)

    values = {}
    for name, variable in built.variables.items():
        values[name] = normal(variable.shape.as_list(), variable.dtype.base_dtype)
        if name.endswith("moving_variance"):
            values[name] = np.abs(values[name])
    moves = []
    for move in ("train", "train", "predict"):
        shape = [size or random.randint(3, 9) for size in problem["sizes"]]
        x = normal(shape, problem["dtype"])
        upstream = normal(
            output_shape(part, arguments, shape), built.inputs["upstream"].dtype
        )
        moves.append((move, {"x": x, "upstream": upstream}))
    return moves, values


# What 1.15.5 records: all of these that it has, each first with TF1's own start; and
# dropouts, whose problem says what they are given besides, ``given``.

DROPOUTS = [({"keep_prob": 0.75, "seed": 5}, [None, 7], "ordinary")]
SHARES = (1.0, 0.999, 0.9, 0.8, 0.75, 0.7, 0.5, 1 / 3, 0.3, 0.25, 0.1, 0.03, 0.001)
DROPOUTS += [
    ({"keep_prob": share, "seed": (1, 14), "fed": fed}, [None, 24], "awkward")
    for fed in (False, True)
    for share in SHARES
]
# Numbers of float16 take 1024 values: those that equal the rate are among them.
TIES = [
    ({"keep_prob": share, "seed": (1, 14), "fed": fed}, [64, 128], "ones")
    for fed in (False, True)
    for share in (0.75, 0.5, 0.25)
]
HALF, FLOATS = "float16", ("float32", "float64")


def awkward(random, dtype):
    """[4, 24]: in each row zeros, denormals, what overflows, what is not finite."""
    values = 3 * random.standard_normal((4, 24))
    info = np.finfo(dtype)
    tiny, large = float(info.tiny), float(info.max)
    values[:, :9] = [
        0.0, -0.0, tiny, -tiny / 4, large, -large, np.inf, -np.inf, np.nan,
    ]  # fmt: skip
    return values.astype(dtype)


def in_1_15(part, arguments, problem):
    """Whether 1.15.5 has it: the kernel on a CPU, and the choice of an argument."""
    if part == "layers.LayerNormalization" and "epsilon" in arguments:
        return False
    if part == "layers.BatchNormalization" and len(problem["sizes"]) == 4:
        fused = arguments.get("fused") is not False
        # Less was raised to cuDNN's least; channels first are a GPU's.
        too_small = arguments.get("epsilon", 1.0) < 1.001e-5
        if fused and (too_small or arguments.get("axis") == 1):
            return False
    return problem["dtype"] != "bfloat16"


def _cases():
    """Yields (name of a play, Case)."""
    numbers = collections.Counter()
    dropouts = [
        ("layers.Dropout", arguments, {"sizes": sizes, "dtype": dtype, "given": given})
        for ways, dtypes in ((DROPOUTS, (HALF,) + FLOATS), (TIES, (HALF,)))
        for arguments, sizes, given in ways
        for dtype in dtypes
    ]
    images = {"sizes": [None, None, None, 3], "dtype": "float32", "given": "passes"}
    passed = [(UPDATE_OPS, {}, images)]
    for part, arguments, problem in list(variants()) + dropouts + passed:
        if not in_1_15(part, arguments, problem):
            continue
        number = numbers[part]
        name = "{} {} {}".format(part.partition(".")[2], number, problem["dtype"])
        start = number == 0 or any("initializer" in argument for argument in arguments)
        yield name, Case(part, arguments, dict(problem, start=start), None)
        numbers[part] += 1


CASES = collections.OrderedDict(_cases())


def play(case):
    """(program, moves, values, settings) of a case."""
    built = program(*case[:3])
    given = case.problem.get("given", "ordinary")
    if given == "passes":
        return built, passes(case.problem), None, None
    moves, values = ordinary(built, *case[:3])
    if given == "ones":
        ones = np.ones(case.problem["sizes"], case.problem["dtype"])
        moves = [("train", {"x": ones, "upstream": ones})]
    elif given == "awkward":
        random = np.random.RandomState(0)
        x, upstream = (awkward(random, case.problem["dtype"]) for _ in range(2))
        batch = {"x": x, "upstream": upstream}
        moves = [(move, batch) for move in ("train", "predict", "train")]
    return built, moves, None if case.problem["start"] else values, None
