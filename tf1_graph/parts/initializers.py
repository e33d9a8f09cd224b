"""TF1's initialisers: programs that initialise one variable.

A problem is (shape, dtype) of the variable. The argument ``seed`` is (graph seed, op
seed), or the op seed alone.
"""

import collections
import math

import tensorflow.compat.v1 as tf

from tf1_graph import session
from tf1_graph.parts.cases import Case, genuine

SYMBOLS = collections.OrderedDict(
    [
        ("initializers.RandomNormal", "tf.random_normal_initializer"),
        ("initializers.TruncatedNormal", "tf.truncated_normal_initializer"),
        ("initializers.RandomUniform", "tf.random_uniform_initializer"),
        ("initializers.VarianceScaling", "tf.variance_scaling_initializer"),
        ("initializers.GlorotUniform", "tf.initializers.glorot_uniform"),
        ("initializers.GlorotNormal", "tf.initializers.glorot_normal"),
        ("initializers.HeNormal", "tf.initializers.he_normal"),
        ("initializers.HeUniform", "tf.initializers.he_uniform"),
        ("initializers.LecunNormal", "tf.initializers.lecun_normal"),
        ("initializers.LecunUniform", "tf.initializers.lecun_uniform"),
        (
            "initializers.ContribVarianceScaling",
            "tf.contrib.layers.variance_scaling_initializer",
        ),
        ("initializers.Xavier", "tf.contrib.layers.xavier_initializer"),
        ("initializers.UniformUnitScaling", "tf.uniform_unit_scaling_initializer"),
        ("initializers.Orthogonal", "tf.orthogonal_initializer"),
        ("initializers.Identity", "tf.initializers.identity"),
        ("initializers.Constant", "tf.constant_initializer"),
    ]
)


def contrib_variance_scaling(factor=2.0, mode="FAN_IN", uniform=False, seed=None):
    """``tf.contrib.layers.variance_scaling_initializer``, which compat.v1 lost.

    Source: contrib/layers/python/layers/initializers.py, 1.15.
    """

    def initialise(shape, dtype=tf.float32, partition_info=None):
        del partition_info  # get_variable passes it where an initialiser takes it
        sizes = [float(size) for size in shape] or [1.0]
        window = 1.0
        for size in sizes[:-2]:
            window *= size
        fan_in = window * (sizes[-2] if len(sizes) > 1 else sizes[-1])
        fan_out = window * sizes[-1]
        average = (fan_in + fan_out) / 2.0
        n = {"FAN_IN": fan_in, "FAN_OUT": fan_out, "FAN_AVG": average}[mode]
        if uniform:
            limit = math.sqrt(3.0 * factor / n)
            return tf.random_uniform(shape, -limit, limit, dtype, seed)
        stddev = math.sqrt(1.3 * factor / n)
        return tf.truncated_normal(shape, 0.0, stddev, dtype, seed)

    return initialise


def contrib_xavier(uniform=True, seed=None):
    """``tf.contrib.layers.xavier_initializer``, which compat.v1 lost."""
    return contrib_variance_scaling(1.0, "FAN_AVG", uniform, seed)


LOST = {
    "initializers.ContribVarianceScaling": contrib_variance_scaling,
    "initializers.Xavier": contrib_xavier,
}


def initializer(spec):
    """TF1's object of a pair (part, arguments), or of a name such as "ones"."""
    if isinstance(spec, str):
        return getattr(tf, spec + "_initializer")()
    part, arguments = spec
    return genuine(SYMBOLS[part], LOST.get(part))(**arguments)


def program(part, arguments, problem):
    """The program: its move ``initialise`` sees what the variable is initialised to."""
    shape, dtype = problem
    arguments = dict(arguments)
    with tf.Graph().as_default() as graph:
        if isinstance(arguments.get("seed"), tuple):
            graph_seed, arguments["seed"] = arguments["seed"]
            tf.set_random_seed(graph_seed)
        variable = tf.get_variable(
            "variable",
            shape,
            dtype,
            initializer((part, arguments)),
            # Not among those that a play initialises: this is its move.
            collections=["initialised by a move"],
        )
        with tf.control_dependencies([variable.initializer]):
            value = variable.read_value()
    return session.program(
        graph,
        initialise=session.move(
            variable.initializer, **{"initial values": {"variable": value}}
        ),
    )


MOVES = [("initialise", {})]
# {part: its arguments besides the seed}, where there are others than the defaults.
_NORMAL = [{}, {"mean": 0.3, "stddev": -0.1}]
ARGUMENTS = {
    "initializers.RandomNormal": _NORMAL,
    "initializers.TruncatedNormal": _NORMAL,
    "initializers.RandomUniform": [{}, {"minval": -0.3, "maxval": 0.7}],
    "initializers.VarianceScaling": [{}]
    + [
        {"scale": 2.0, "mode": mode, "distribution": distribution}
        for mode in ("fan_in", "fan_out", "fan_avg")
        for distribution in ("truncated_normal", "untruncated_normal", "uniform")
    ],
    "initializers.ContribVarianceScaling": [
        {},
        {"factor": 1.0, "mode": "FAN_AVG", "uniform": True},
        {"mode": "FAN_OUT"},
    ],
    "initializers.Xavier": [{}, {"uniform": False}],
    "initializers.UniformUnitScaling": [{}, {"factor": 1.43}],
    "initializers.Orthogonal": [{}, {"gain": 1.41}],
    "initializers.Identity": [{}, {"gain": -0.3}],
    "initializers.Constant": [{}, {"value": 0.1}, {"value": (1.5, 2.5)}],
}
UNSEEDED = ("initializers.Identity", "initializers.Constant")
# Of graph and op, and of the op alone.
SEEDS = {"float32": (1, 11), "float64": 7}
KERNEL, CONVOLUTION = (24, 16), (3, 3, 4, 6)
INTEGERS = [
    ("initializers.RandomUniform", {"minval": -5, "maxval": 17, "seed": (1, 11)}),
    ("initializers.Constant", {"value": [[1, 2], [3, 4]], "verify_shape": True}),
]


def _cases():
    for part in SYMBOLS:
        for number, arguments in enumerate(ARGUMENTS.get(part, [{}])):
            shape = CONVOLUTION if number and "Identity" not in part else KERNEL
            for dtype in ("float32",) if number else ("float32", "float64"):
                seed = {} if part in UNSEEDED else {"seed": SEEDS[dtype]}
                name = f"{part.partition('.')[2]} {number} {dtype}"
                yield (
                    name,
                    Case(part, dict(arguments, **seed), (shape, dtype), None),
                )
    for part, arguments in INTEGERS:
        name = f"{part.partition('.')[2]} int32"
        yield name, Case(part, arguments, ((2, 2), "int32"), None)


CASES = collections.OrderedDict(_cases())


def play(case):
    """(program, moves, values, settings) of a case, for ``session.play``."""
    return program(case.part, case.arguments, case.problem), MOVES, None, None
