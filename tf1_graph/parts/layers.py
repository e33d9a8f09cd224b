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

SYMBOLS = collections.OrderedDict(
    [
        ("layers.AddBias", "tf.add"),
        ("layers.BiasAdd", "tf.nn.bias_add"),
        ("layers.BatchNormalization", "tf.layers.batch_normalization"),
        ("layers.Dropout", "tf.nn.dropout"),
        ("layers.LayerNormalization", "tf.contrib.layers.layer_norm"),
        ("layers.LocalResponseNormalization", "tf.nn.local_response_normalization"),
        ("layers.MaxPoolingWithArgmax", "tf.nn.max_pool_with_argmax"),
        ("layers.ResizeBilinear", "tf.image.resize_bilinear"),
        ("layers.ResizeNearestNeighbor", "tf.image.resize_nearest_neighbor"),
    ]
)

# Each a function (x, training, **arguments of the part) -> {name: output}, whose first
# output is the one that is differentiated.


def add_bias(x, _training, initializer="zeros", scope="layer"):
    """The idiom ``tf.matmul(x, w) + b``, behind the product."""
    with tf.variable_scope(scope, reuse=tf.AUTO_REUSE):
        start = getattr(tf, initializer + "_initializer")()
        bias = tf.get_variable("bias", [int(x.shape[-1])], x.dtype, start)
    return {"y": x + bias}


def bias_add(x, _training, scope="layer"):
    """What tf.layers, slim and contrib ended in."""
    with tf.variable_scope(scope, reuse=tf.AUTO_REUSE):
        start = tf.zeros_initializer()
        bias = tf.get_variable("bias", [int(x.shape[-1])], x.dtype, start)
    return {"y": tf.nn.bias_add(x, bias)}


def batch_normalization(x, training, scope="layer", **arguments):
    """tf.layers.batch_normalization, and its updates in UPDATE_OPS."""
    options = dict(arguments, training=training, name=scope, reuse=tf.AUTO_REUSE)
    try:
        batch_norm = genuine(SYMBOLS["layers.BatchNormalization"])
    except AttributeError:
        batch_norm = batch_normalization_in_ops
    return {"y": batch_norm(x, **options)}


def batch_normalization_in_ops(
    x,
    axis=-1,
    momentum=0.99,
    epsilon=1e-3,
    center=True,
    scale=True,
    training=False,
    name=None,
    reuse=None,
    fused=None,
):
    """What tf.layers.batch_normalization of 1.15 built, in ops that there are today."""
    rank = x.shape.rank
    axis = axis % rank
    half = x.dtype in (tf.float16, tf.bfloat16)
    with tf.variable_scope(name, reuse=reuse):
        variable = functools.partial(
            tf.get_variable,
            shape=[int(x.shape[axis])],
            dtype=tf.float32 if half else x.dtype,
        )
        gamma = beta = None
        if scale:
            gamma = variable("gamma", initializer=tf.ones_initializer())
        if center:
            beta = variable("beta", initializer=tf.zeros_initializer())
        variable = functools.partial(variable, trainable=False)
        moving_mean = variable("moving_mean", initializer=tf.zeros_initializer())
        moving_variance = variable("moving_variance", initializer=tf.ones_initializer())
    if fused is not False and rank == 4 and axis in (1, 3):
        moments = {} if training else {"mean": moving_mean, "variance": moving_variance}
        channels = moving_mean.shape
        y, mean, variance = tf.nn.fused_batch_norm(
            x,
            tf.constant(1.0, shape=channels) if gamma is None else gamma,
            tf.constant(0.0, shape=channels) if beta is None else beta,
            epsilon=epsilon,
            is_training=training,
            data_format="NHWC" if axis == 3 else "NCHW",
            **moments,
        )
        rate = 1.0 - tf.constant(momentum)
    else:
        sizes = [x.shape[axis] if number == axis else 1 for number in range(rank)]

        def against(per_channel):
            if per_channel is None:
                return None
            if axis != rank - 1:
                per_channel = tf.reshape(per_channel, sizes)
            return tf.cast(per_channel, x.dtype)

        mean, variance = moving_mean, moving_variance
        if training:
            others = [number for number in range(rank) if number != axis]
            raised = tf.cast(x, moving_mean.dtype.base_dtype)
            mean, variance = tf.nn.moments(raised, others)
        y = tf.nn.batch_normalization(
            x, against(mean), against(variance), against(beta), against(gamma), epsilon
        )
        rate = tf.constant(1.0 - momentum)
    if training:
        for moving, batch in ((moving_mean, mean), (moving_variance, variance)):
            change = (moving - batch) * tf.cast(rate, moving.dtype.base_dtype)
            update = tf.assign_sub(moving, change)
            tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, update)
    return y


def layer_norm(x, _training, epsilon=None, **arguments):
    """contrib's layer_norm; of an ``epsilon``, which it has not, what it built."""
    norm = genuine(SYMBOLS["layers.LayerNormalization"], lost=layer_norm_in_ops)
    if epsilon is not None:
        norm = functools.partial(layer_norm_in_ops, epsilon=epsilon)
    return {"y": norm(x, scope="layer", reuse=tf.AUTO_REUSE, **arguments)}


def layer_norm_in_ops(
    x,
    center=True,
    scale=True,
    reuse=None,
    scope=None,
    begin_norm_axis=1,
    begin_params_axis=-1,
    epsilon=None,
):
    """What tf.contrib.layers.layer_norm of 1.15 built, in ops that there are today."""
    rank = x.shape.rank
    shape = x.shape[begin_params_axis:]
    gamma = beta = None
    with tf.variable_scope(scope, reuse=reuse):
        if center:
            beta = tf.get_variable("beta", shape, x.dtype, tf.zeros_initializer())
        if scale:
            gamma = tf.get_variable("gamma", shape, x.dtype, tf.ones_initializer())
    axes = list(range(begin_norm_axis % rank, rank))
    mean, variance = tf.nn.moments(x, axes, keep_dims=True)
    if epsilon is None:
        epsilon = 1e-3 if x.dtype == tf.float16 else 1e-12
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)


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
    return dict(zip(sources, tf.gradients(y, list(sources.values()), upstream)))


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
        ({"fused": False, "axis": 1}, [None, 3, None, None], "float32"),
        ({"axis": 2}, [None, None, 3, None], "float16"),
        ({"epsilon": BETWEEN_FLOAT16S}, [None, 3], "float16"),
        ({"axis": 1, "momentum": 0.0}, [None, 3, None], "bfloat16"),
    ],
    "layers.LayerNormalization": [
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
    if part in ("layers.ResizeBilinear", "layers.ResizeNearestNeighbor"):
        return (shape[0],) + tuple(arguments["size"]) + (shape[3],)
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


# What 1.15.5 records: all of these that it has, each first with TF1's own start.

DROPOUTS = (
    {"keep_prob": 0.75, "seed": 5},
    {"keep_prob": 0.5, "seed": (1, 14), "fed": True},
    {"keep_prob": 0.7, "seed": (1, 14)},
    {"keep_prob": 0.9, "seed": (1, 14), "fed": True},
    {"keep_prob": 1.0, "seed": 0},
)


def in_1_15(part, arguments, problem):
    """Whether 1.15.5 has it: the kernel on a CPU, and the choice of an argument."""
    if part == "layers.LayerNormalization" and "epsilon" in arguments:
        return False
    fused = part == "layers.BatchNormalization" and arguments.get("fused") is not False
    of_channels_first = arguments.get("axis") == 1 and len(problem["sizes"]) == 4
    return problem["dtype"] != "bfloat16" and not (fused and of_channels_first)


def _cases():
    """Yields (name of a play, Case)."""
    numbers = collections.Counter()
    dropouts = [
        ("layers.Dropout", arguments, {"sizes": [None, 7], "dtype": dtype})
        for arguments in DROPOUTS
        for dtype in ("float32", "float64")
    ]
    for part, arguments, problem in list(variants()) + dropouts:
        if not in_1_15(part, arguments, problem):
            continue
        name = "{} {}".format(part.partition(".")[2], numbers[part])
        yield name, Case(part, arguments, dict(problem, start=numbers[part] == 0), None)
        numbers[part] += 1


CASES = collections.OrderedDict(_cases())


def play(case):
    """(program, moves, values, settings) of a case."""
    built = program(*case[:3])
    moves, values = ordinary(built, *case[:3])
    return built, moves, None if case.problem["start"] else values, None
