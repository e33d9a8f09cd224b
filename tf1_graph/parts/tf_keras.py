"""tf.keras of 1.15: its hard_sigmoid, and the recurrent layers and cells by it.

A problem says the ``dtype``, whether a layer gets a ``mask``, and whether the play
``start``s where the initialisers do. 1.15.5 runs its own tf.keras; today's TensorFlow
keeps the same layers, line by line, in the legacy Keras inside of it.
"""

import collections
import importlib

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph.parts import recurrent
from tf1_graph.parts.cases import Case, genuine
from tf1_graph.parts.initializers import initializer
from tf1_graph.parts.layers import UNIFORM

SYMBOLS = collections.OrderedDict(
    [("tf_keras.hard_sigmoid", "tf.keras.activations.hard_sigmoid")]
    + [
        ("tf_keras." + name, "tf.keras.layers." + name)
        for name in ("LSTMCell", "GRUCell", "LSTM", "GRU")
    ]
)
LEGACY = {
    "tf_keras.hard_sigmoid": "tensorflow.python.keras.activations",
    "tf_keras.LSTMCell": "tensorflow.python.keras.layers.recurrent",
    "tf_keras.GRUCell": "tensorflow.python.keras.layers.recurrent",
    "tf_keras.LSTM": "tensorflow.python.keras.layers.recurrent",
    "tf_keras.GRU": "tensorflow.python.keras.layers.recurrent",
}
FEATURES = 3


def of_keras(part):
    """1.15's own function or class."""
    if tf.__version__.startswith("1."):
        return genuine(SYMBOLS[part])
    return getattr(importlib.import_module(LEGACY[part]), part.partition(".")[2])


def is_cell(part):
    return part.endswith("Cell")


def is_loop(part):
    return part in ("tf_keras.LSTM", "tf_keras.GRU")


def program(part, arguments, problem):
    """``train`` and ``predict``, as of ``recurrent``; inputs are ``x`` and a ``mask``."""
    dtype, inputs = problem["dtype"], collections.OrderedDict()
    arguments = dict(arguments)
    for name in arguments:
        if name.endswith("initializer"):
            arguments[name] = initializer(arguments[name])
    with tf.Graph().as_default() as graph, recurrent.while_loops():
        shape = [None, None, FEATURES] if is_loop(part) else [None, FEATURES]
        inputs["x"] = x = tf.placeholder(dtype, shape, name="x")
        if part == "tf_keras.hard_sigmoid":
            seen = [of_keras(part)(x)]
        else:
            layer = of_keras(part)(name="layer", dtype=dtype, **arguments)
            if is_cell(part):
                units = arguments["units"]
                states = [
                    tf.placeholder(dtype, [None, units], name=f"initial_{number}")
                    for number in range(2 if "LSTM" in part else 1)
                ]
                inputs.update((state.op.name, state) for state in states)
                seen = tf.nest.flatten(layer(x, states))
            else:
                mask = None
                if problem["mask"]:
                    mask = inputs["mask"] = tf.placeholder(tf.bool, [None, None])
                seen = tf.nest.flatten(layer(x, mask=mask))
        return recurrent.program_of(graph, inputs, seen, name_of)


def name_of(variable):
    """Today's legacy layers have their cells' names between."""
    return "layer/" + variable.op.name.rpartition("/")[2]


# What 1.15.5 records: arguments, whether there is a mask, whether it starts by itself.

SEEDED = {"kernel_initializer": UNIFORM, "recurrent_initializer": UNIFORM}
RELU = {"activation": "relu", "recurrent_activation": "sigmoid"}
WAYS = collections.OrderedDict(
    [
        ("hard_sigmoid", [({}, False, True)]),
        (
            "LSTMCell",
            [
                (dict(SEEDED, units=4), False, True),
                (dict(RELU, units=3, use_bias=False), False, False),
                ({"units": 3, "implementation": 2}, False, False),
                # Nothing that has a polynomial: to be equal to the bit.
                ({"units": 3, "activation": "relu"}, False, False),
            ],
        ),
        (
            "GRUCell",
            [
                (dict(SEEDED, units=4), False, True),
                (dict(RELU, units=3, use_bias=False), False, False),
                ({"units": 3, "implementation": 2}, False, False),
                ({"units": 3, "reset_after": True}, False, False),
            ],
        ),
        (
            "LSTM",
            [
                (dict(SEEDED, units=4), False, True),
                (dict(RELU, units=3, return_sequences=True), True, False),
                (
                    {
                        "units": 3,
                        "implementation": 2,
                        "go_backwards": True,
                        "return_state": True,
                        "unit_forget_bias": False,
                    },
                    False,
                    False,
                ),
            ],
        ),
        (
            "GRU",
            [
                (dict(SEEDED, units=4), False, True),
                (dict(RELU, units=3, return_sequences=True), True, False),
                (
                    {"units": 3, "implementation": 2, "return_state": True},
                    False,
                    False,
                ),
                (
                    {"units": 3, "reset_after": True, "return_sequences": True},
                    True,
                    False,
                ),
            ],
        ),
    ]
)


def _cases():
    for name, ways in WAYS.items():
        for number, (arguments, mask, start) in enumerate(ways):
            dtypes = ["float32"] if number else ["float32", "float64"]
            if name == "hard_sigmoid":
                dtypes.append("float16")
            for dtype in dtypes:
                problem = {"dtype": dtype, "mask": mask, "start": start}
                case = Case("tf_keras." + name, arguments, problem, None)
                yield f"{name} {number} {dtype}", case


CASES = collections.OrderedDict(_cases())


def batches(built, part, problem, seed=0):
    """Two batches of different sizes; sequences of no step, of some, of all."""
    random = np.random.RandomState(seed)
    for size, time in ((4, 7), (3, 5)):
        shape = (size, time, FEATURES) if is_loop(part) else (size, FEATURES)
        x = 2 * random.standard_normal(shape).astype(problem["dtype"])
        batch = recurrent.batch_of(built, x, seed=seed)
        if "mask" in built.inputs:
            lengths = np.array([0, 5, time, 2])[:size]
            batch["mask"] = np.arange(time) < lengths[:, np.newaxis]
        yield batch


def play(case):
    """(program, moves, values, settings) of a case."""
    built = program(*case[:3])
    moves = [("train", batch) for batch in batches(built, case.part, case.problem)]
    values = None if case.problem["start"] else recurrent.values_of(built)
    return built, moves, values, None
