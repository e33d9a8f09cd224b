"""What TF1 computes, as an expression over tensors that the twin has computed as well."""

import inspect
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from parity_tests.pair.probes.table import shortest

MOST_OPS, MOST_DEPTH = 16, 8
# Ops whose output is their input: an expression has to have them for their gradient.
STOPS = ("StopGradient", "PreventGradient")


class Leaf(NamedTuple):
    """A tensor of the twin's. name: of its op. place: among the op's outputs.
    called: TF1's name of it."""

    name: str
    place: int
    called: str

    def describe(self):
        return self.called.rpartition("/")[2] or self.called

    def build(self, graph):
        return graph.get_operation_by_name(self.name).outputs[self.place]


class Constant(NamedTuple):
    """A number, or several."""

    value: object

    def describe(self):
        value = np.asarray(self.value)
        if value.ndim or value.dtype.kind not in "fiub":
            return np.array2string(value, threshold=4, separator=", ")
        return f"{shortest(value):g}" if value.dtype.kind == "f" else str(value)

    def build(self, _graph):
        return tf.constant(self.value)


class Node(NamedTuple):
    """An op of TF1's, taken of others. place: of its output."""

    operation: object
    inputs: tuple
    place: int

    def describe(self):
        taken = ", ".join(each.describe() for each in self.inputs)
        return f"{self.operation.type}({taken})"

    def build(self, graph):
        """Its tensor in the graph that is being traced, known to every tape."""
        operation = self.operation
        waiting = [each.build(graph) for each in self.inputs]
        inputs = []
        for argument in operation.op_def.input_arg:
            if argument.number_attr or argument.type_list_attr:
                count = (
                    operation.get_attr(argument.number_attr)
                    if argument.number_attr
                    else len(operation.get_attr(argument.type_list_attr))
                )
                inputs.append([waiting.pop(0) for _ in range(count)])
            else:
                inputs.append(waiting.pop(0))
        function = getattr(tf.raw_ops, operation.type)
        # Python may call an input otherwise than the op does: axis, reduction_indices.
        names = list(inspect.signature(function).parameters)
        given = dict(zip(names, inputs, strict=False))
        for name in names[len(inputs) :]:
            if name != "name":
                value = operation.get_attr(name)
                given[name] = value.decode() if isinstance(value, bytes) else value
        made = function(**given)
        return made[self.place] if isinstance(made, (tuple, list)) else made


class Inexpressible(Exception):
    """Something of TF1's draws, or is read, that the twin has not got."""


def expression(tensor, leaf_of):
    """The ``Node`` of a tensor of TF1's, over the twin's tensors.

    Args:
        leaf_of: tensor -> ``Leaf``, or None where the twin has nothing equal.

    Raises:
        Inexpressible: if the twin lacks what it is computed from.
    """
    count = 0

    def express(tensor, depth):
        nonlocal count
        operation = tensor.op
        is_root = depth == 0
        if not is_root and operation.type not in STOPS:
            value = tf.get_static_value(tensor)
            if value is not None:
                return Constant(value)
            leaf = leaf_of(tensor)
            if leaf is not None:
                return leaf
        count += 1
        is_stateful = operation.op_def is None or operation.op_def.is_stateful
        is_known = hasattr(tf.raw_ops, operation.type) and operation.inputs
        if is_stateful or not is_known or depth > MOST_DEPTH or count > MOST_OPS:
            raise Inexpressible(operation.name)
        inputs = [express(taken, depth + 1) for taken in operation.inputs]
        return Node(operation, tuple(inputs), tensor.value_index)

    return express(tensor, 0)


def size(node):
    """How many ops an expression has."""
    if not isinstance(node, Node):
        return 0
    return 1 + sum(size(each) for each in node.inputs)


def is_within(node, graph):
    """Whether a graph has all that an expression is computed from."""
    try:
        for name in leaves(node):
            graph.get_operation_by_name(name)
    except KeyError:
        return False
    return True


def leaves(node):
    """Names of the twin's ops that an expression is computed from."""
    if isinstance(node, Leaf):
        return {node.name}
    return set().union(*map(leaves, node.inputs)) if isinstance(node, Node) else set()
