"""The random ops of an exported TF1 graph: their seeds, and how to write them in TF2.

A program that sets only a graph seed leaves each op's own seed to TensorFlow, and 1.15
took it from the number of nodes in the graph so far, which no later TensorFlow does.
But a ``.meta`` holds both seeds of every op: a Keras twin can draw the same numbers.
"""

import functools
import inspect
import math
import typing

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import dropouts
from tf1_graph.meta_graphs import damaged, dtype_of, read
from tf1_graph.nodes import Nodes

__all__ = ["RandomOp", "random_ops", "read"]

VARIABLES = ("VariableV2", "Variable", "VarHandleOp")
ASSIGNMENTS = ("Assign", "AssignVariableOp")
# Ops that take their two seeds as inputs: at which positions.
SEED_INPUTS = {
    "RandomDataset": (0, 1),
    "ShuffleDataset": (2, 3),
    "ShuffleAndRepeatDataset": (2, 3),
}
PHILOX = {
    "RandomUniform": "uniform",
    "RandomStandardNormal": "normal",
    "TruncatedNormal": "truncated_normal",
}
INITIALIZERS = {
    "RandomUniform": "RandomUniform",
    "RandomStandardNormal": "RandomNormal",
    "TruncatedNormal": "TruncatedNormal",
}
ORDERS = (
    "RandomDataset",
    "ShuffleDataset",
    "ShuffleAndRepeatDataset",
    "RandomShuffleQueue",
    "RandomShuffleQueueV2",
)
# A draw skips 256 numbers for each of its elements, and counts in int64.
MOST_ELEMENTS = 2**63 // 256
# On the way back from all initial values. Each op of a true graph is on few such ways:
# an orthogonal matrix is the longest, of twenty ops.
MOST_STEPS_BACK = 300_000


class RandomOp(typing.NamedTuple):
    """One op that draws.

    node, op, dtype: its name, its type, and the dtype of what it draws (or None).
    shape: a list, or None where the graph computes it.
    seed: (graph seed, op seed) as TF1 gave them; None where the graph computes them.
    initialises: names of the variables whose initial value it goes into.
    tf2: Python that draws the same with ``tf2_keras.tf1_semantics``, or None.
    remark: what there is to say besides, or "".
    """

    node: str
    op: str
    dtype: typing.Optional[str]
    shape: typing.Optional[list]
    seed: typing.Optional[tuple]
    initialises: list
    tf2: typing.Optional[str]
    remark: str

    def as_data(self):
        """A dict that is valid JSON."""
        seed = None if self.seed is None else list(self.seed)
        return {**self._asdict(), "seed": seed}


def random_ops(meta_graph):
    """[RandomOp] of a MetaGraphDef, in the order of its nodes, functions' last.

    Raises:
        ValueError: if a random op lacks what it draws with, which no TensorFlow wrote.
    """
    bodies = [("", meta_graph.graph_def.node)]
    bodies += [
        (function.signature.name + "/", function.node_def)
        for function in meta_graph.graph_def.library.function
    ]
    return [
        operation
        for prefix, body in bodies
        for operation in _Draws(body, prefix).operations()
    ]


@functools.lru_cache(maxsize=None)
def has_seeds(op):
    """Whether an op of TensorFlow's has two seeds that are no inputs."""
    function = getattr(tf.raw_ops, op, None)
    parameters = inspect.signature(function).parameters if function else {}
    return all(
        name in parameters and parameters[name].default == 0
        for name in ("seed", "seed2")
    )


class _Draws:
    """The random ops of one graph or function body."""

    def __init__(self, body, prefix):
        self._body = body
        self._prefix = prefix
        self._nodes = Nodes(body)

    def operations(self):
        seeds = [(node, self._seed(node)) for node in self._body]
        drawn = [
            (node, seed)
            for node, seed in seeds
            if seed is not None or node.op in SEED_INPUTS
        ]
        if not drawn:
            return []
        self._initialised = self._initial_values()
        self._in_loops = self._nodes.within_loops()
        return [self._described(node, seed) for node, seed in drawn]

    def _seed(self, node):
        """(graph seed, op seed) of a node that has both as constants, or None."""
        # An export without its defaults leaves a seed of 0 out.
        if {"seed", "seed2"} <= set(node.attr) or has_seeds(node.op):
            return int(node.attr["seed"].i), int(node.attr["seed2"].i)
        if node.op not in SEED_INPUTS:
            return None
        positions = SEED_INPUTS[node.op]
        values = [
            self._nodes.scalar(self._nodes.input(node, position))
            for position in positions
        ]
        if any(value is None for value in values):
            return None
        return tuple(int(value) for value in values)

    def _initial_values(self):
        """{node name: {variable that it helps to initialise: its initial value}}."""
        initialised = {}
        steps = 0
        for node in self._body:
            if node.op not in ASSIGNMENTS or not node.name.endswith("/Assign"):
                continue  # a Saver's, or an update
            variable, value = (self._nodes.input(node, position) for position in (0, 1))
            if variable is None or value is None or variable.op not in VARIABLES:
                continue
            seen, waiting = {value.name}, [value]
            while waiting:
                for given in self._nodes.inputs(waiting.pop()):
                    steps += 1
                    if given is not None and given.name not in seen:
                        seen.add(given.name)
                        waiting.append(given)
                if steps > MOST_STEPS_BACK:
                    raise damaged(
                        "a graph whose initial values take at most "
                        f"{MOST_STEPS_BACK} steps to find",
                        f"{len(self._body)} nodes that all go into each other",
                    )
            for name in seen:
                initialised.setdefault(name, {})[variable.name] = value
        return initialised

    def _described(self, node, seed):
        variables = self._initialised.get(node.name, {})
        dtype = self._dtype(node)
        shape = self._shape(node)
        tf2, remark = None, ""
        if seed is None:
            remark = "the graph computes its seeds: hand over what it drew as data"
        elif seed == (0, 0):
            remark = (
                "unrepeatable: without a seed every run drew other numbers; take them "
                + ("from a checkpoint" if variables else "over as data")
            )
        elif node.op in PHILOX:
            tf2, remark = self._drawn(node, seed, variables, dtype, shape)
        else:
            tf2, remark = self._other_draw(node, seed, variables, dtype)
        return RandomOp(
            node=self._prefix + node.name,
            op=node.op,
            dtype=None if dtype is None else dtype.name,
            shape=shape,
            seed=seed,
            initialises=sorted(variables),
            tf2=tf2,
            remark=remark,
        )

    def _dtype(self, node):
        """The ``tf.DType`` of what an op draws; None where it draws an order."""
        numbers = [
            node.attr[name].type
            for name in ("dtype", "Tout", "output_dtype", "T")
            if name in node.attr and node.attr[name].type
        ]
        dtype = dtype_of(numbers[0]) if numbers else None
        is_drawn = node.op in PHILOX or node.op == "RandomUniformInt"
        is_right = dtype is not None and (
            dtype.is_integer if node.op == "RandomUniformInt" else dtype.is_floating
        )
        if is_drawn and not is_right:
            raise damaged(
                "a graph whose random ops say what they draw",
                f"{node.name!r}, a {node.op} of "
                + ("no dtype" if dtype is None else dtype.name),
            )
        return dtype

    def _shape(self, node):
        """The shape of what an op draws, a list; None where the graph computes it."""
        if node.op not in PHILOX and node.op != "RandomUniformInt":
            return None
        given = self._nodes.input(node, 0)
        if not node.input:
            raise damaged(
                "a graph whose random ops have a shape",
                f"{node.name!r}, a {node.op} without inputs",
            )
        values = self._nodes.constant(given)
        if values is None:
            return None
        shape = values.tolist()
        if (
            values.ndim != 1
            or not np.issubdtype(values.dtype, np.integer)
            or min(shape, default=0) < 0
            or _product(shape) >= MOST_ELEMENTS
        ):
            raise damaged(
                "a graph whose random ops draw shapes that can be",
                f"{node.name!r}, a {node.op} of the shape {shape}",
            )
        return shape

    def _drawn(self, node, seed, variables, dtype, shape):
        """(Python that draws the same, remark) of an op that philox draws."""
        sampled, arguments = self._sampled(node, dtype.as_numpy_dtype)
        if variables:
            value = next(iter(variables.values()))
            written = self._initializer(node, seed, value, sampled, arguments, shape)
        else:
            written = self._dropout(node, seed, sampled, arguments)
        if written:
            return written
        remark = "scaled and shifted by the graph's own ops"
        if not variables:
            remark += "; drawn: 256 times the elements that earlier runs drew"
        return f"philox.{PHILOX[node.op]}(shape, seed={seed})", remark

    def _other_draw(self, node, seed, variables, dtype):
        """The same of any other op; None instead of Python where nothing draws so."""
        if node.op == "RandomUniformInt":
            low, high = (
                self._nodes.scalar(self._nodes.input(node, position))
                for position in (1, 2)
            )
            if low is not None and high is not None:
                call = (
                    f"initializers.RandomUniform({int(low)}, {int(high)}, seed={seed})"
                )
                if variables:
                    return call, ""
                return f"{call}(shape, {dtype.name!r})", "the first draw only"
        if node.op in ORDERS:
            return None, "an order of examples: hand it over as data"
        return (
            f"tf.raw_ops.{node.op}(..., seed={seed[0]}, seed2={seed[1]})",
            "no part of tf1_semantics; TF1's own kernel, in a tf.function of its own",
        )

    def _sampled(self, node, dtype):
        """(the node of tf.random_...'s result, its arguments).

        1.15 scales and shifts in two ops: raw * (maxval - minval) + minval, or
        raw * stddev + mean. Later ones leave them out for a uniform of [0, 1).
        """
        nodes = self._nodes
        for scaled in nodes.consumers(node, "Mul"):
            for shifted in nodes.consumers(scaled, "Add", "AddV2"):
                scale = nodes.other(scaled, node)
                shift = nodes.scalar(nodes.other(shifted, scaled))
                if node.op != "RandomUniform":
                    stddev = nodes.scalar(scale)
                    if stddev is not None and shift is not None:
                        arguments = {"mean": dtype(shift), "stddev": dtype(stddev)}
                        return shifted, arguments
                elif scale is not None and scale.op == "Sub":
                    high, low = (
                        nodes.scalar(nodes.input(scale, position))
                        for position in (0, 1)
                    )
                    if high is not None and low is not None and low == shift:
                        arguments = {"minval": dtype(low), "maxval": dtype(high)}
                        return shifted, arguments
        if node.op == "RandomUniform":
            return node, {"minval": dtype(0), "maxval": dtype(1)}
        return node, {"mean": dtype(0), "stddev": dtype(1)}

    def _initializer(self, node, seed, value, sampled, arguments, shape):
        if self._nodes.source(value) is sampled:
            if not all(np.isfinite(float(number)) for number in arguments.values()):
                return None
            if node.op == "RandomUniform":
                words = [_number(arguments["minval"]), _number(arguments["maxval"])]
            else:
                words = [
                    f"{argument}={_number(arguments[argument])}"
                    for argument, usual in (("mean", 0), ("stddev", 1))
                    if arguments[argument] != usual
                ]
            words.append(f"seed={seed}")
            remark = ""
            if node.op == "RandomUniform" and _is_glorot(shape, arguments):
                remark = "the limits of GlorotUniform, the default"
            return f"initializers.{INITIALIZERS[node.op]}({', '.join(words)})", remark
        gain = self._orthogonal_gain(sampled, self._nodes.source(value))
        if gain is None:
            return None
        words = [] if gain == 1 else [f"gain={_number(gain)}"]
        return f"initializers.Orthogonal({', '.join([*words, f'seed={seed}'])})", ""

    def _orthogonal_gain(self, sampled, value):
        """The gain, if ``value`` is TF1's orthogonal matrix of a normal one."""
        nodes = self._nodes
        factored = nodes.consumers(sampled, "Qr")
        if not factored or value is None or value.op != "Mul":
            return None
        for reshaped in nodes.inputs(value):
            if reshaped is None or reshaped.op != "Reshape":
                continue
            signed = nodes.input(reshaped, 0)
            if signed is not None and signed.op == "Transpose":
                signed = nodes.input(signed, 0)
            if signed is None or signed.op != "Mul":
                continue
            if any(given in factored for given in nodes.inputs(signed)):
                return nodes.scalar(nodes.other(value, reshaped))
        return None

    def _dropout(self, node, seed, sampled, arguments):
        if (arguments.get("minval"), arguments.get("maxval")) != (0, 1):
            return None
        nodes = self._nodes
        dropout = dropouts.find(nodes, sampled)
        if dropout is not None:
            if not dropouts.draws_for_every_element(nodes, node, dropout):
                return None
            return dropouts.written(nodes, dropout, seed, node.name in self._in_loops)
        return dropouts.written_older(nodes, sampled, seed)


def _product(sizes):
    product = 1
    for size in sizes:  # in Python's integers: it may need many bits
        product *= size
    return product


def _is_glorot(shape, arguments):
    """Whether a uniform's limits are those that the default has for its shape."""
    if not shape or len(shape) < 2 or not _product(shape):
        return False
    field = _product(shape[:-2])
    limit = math.sqrt(6 / (field * (shape[-2] + shape[-1])))
    high = arguments["maxval"]
    return arguments["minval"] == -high and high == type(high)(limit)


def _number(value):
    """Python for a NumPy scalar: the shortest that rounds to it."""
    text = np.format_float_positional(value, trim="0")
    if len(text) > 12:
        text = np.format_float_scientific(value, trim="0")
    return text if type(value)(float(text)) == value else repr(float(value))
