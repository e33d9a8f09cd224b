"""The nodes of a GraphDef, found by what leads to them and by what they lead to."""

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph.meta_graphs import damaged

# What hands its first input on: a copy, or the way into a loop or a branch.
PASSED_ON = ("Identity", "Enter", "Switch")
# Constants are asked for shapes, seeds and scales; a longer one is none of these.
MOST_VALUES = 256
# Of a constant that ops make of others, such as 1 / (1 - rate).
FOLDED = {"Sub": np.subtract, "RealDiv": np.divide}
DEEPEST_FOLD = 4


class Nodes:
    """The nodes of one graph or function body; names without a node give None."""

    def __init__(self, nodes):
        self._nodes = {node.name: node for node in nodes}
        self._consumers = {}
        for node in nodes:
            for name in node.input:
                self._consumers.setdefault(_producer(name), []).append(node)

    def __iter__(self):
        return iter(self._nodes.values())

    def inputs(self, node):
        """The nodes that a node takes values from; None for what is not a node."""
        return [self._nodes.get(_producer(name)) for name in _values(node)]

    def input(self, node, position):
        """One of them; None also where there are fewer."""
        names = _values(node)
        if position >= len(names):
            return None
        return self._nodes.get(_producer(names[position]))

    def input_name(self, node, position):
        """The tensor at an input, by a name that two nodes spell alike; or None."""
        names = _values(node)
        if position >= len(names):
            return None
        return (
            names[position][:-2] if names[position].endswith(":0") else names[position]
        )

    def other(self, node, known):
        """The other of a node's two inputs than ``known``; None if it has not two."""
        inputs = self.inputs(node)
        if len(inputs) != 2:
            return None
        return inputs[1] if inputs[0] is known else inputs[0]

    def consumers(self, node, *ops):
        """Every node of these types that takes what ``node`` gives, in order.

        A copy of it, or what takes it into a loop or a branch, counts as itself.
        """
        reached, waiting, seen = [], [node.name], {node.name}
        while waiting:
            for consumer in self._consumers.get(waiting.pop(), ()):
                if consumer.op in ops:
                    reached.append(consumer)
                elif consumer.op in PASSED_ON and consumer.name not in seen:
                    seen.add(consumer.name)
                    waiting.append(consumer.name)
        return reached

    def source(self, node):
        """Where the value of a node comes from, before all that only hands it on."""
        seen = set()
        while node is not None and node.op in PASSED_ON and node.name not in seen:
            seen.add(node.name)
            node = self.input(node, 0)
        return node

    def constant(self, node, depth=0):
        """The array that a node always gives; None if it depends, or is a long one.

        Raises:
            ValueError: if a constant cannot be read.
        """
        node = self.source(node)
        if node is None:
            return None
        if node.op in FOLDED and depth < DEEPEST_FOLD:
            operands = [self.constant(given, depth + 1) for given in self.inputs(node)]
            if len(operands) != 2 or any(operand is None for operand in operands):
                return None
            with np.errstate(all="ignore"):
                return np.asarray(FOLDED[node.op](*operands))
        if node.op != "Const" or "value" not in node.attr:
            return None
        tensor = node.attr["value"].tensor
        size = 1
        for dimension in tensor.tensor_shape.dim:
            size *= dimension.size
        if size > MOST_VALUES:
            return None
        try:
            return tf.make_ndarray(tensor)
        except (TypeError, ValueError) as error:
            raise damaged(
                "a graph whose constants can be read", f"{node.name!r} ({error})"
            ) from None

    def scalar(self, node):
        """The one number that a node always gives, in its own dtype, or None.

        NumPy calls bfloat16 a void.
        """
        array = self.constant(node)
        if array is None or array.shape or array.dtype.kind not in "fiuV":
            return None
        return array[()]

    def within_loops(self):
        """The names of all nodes that run once a turn of a while loop."""
        waiting = [node.name for node in self if node.op in ("Enter", "RefEnter")]
        within = set(waiting)
        while waiting:
            for consumer in self._consumers.get(waiting.pop(), ()):
                if (
                    consumer.op not in ("Exit", "RefExit")
                    and consumer.name not in within
                ):
                    within.add(consumer.name)
                    waiting.append(consumer.name)
        return within


def _values(node):
    return [name for name in node.input if not name.startswith("^")]


def _producer(name):
    """The node of an input; within a function inputs are written node:output:number."""
    return name.lstrip("^").partition(":")[0]
