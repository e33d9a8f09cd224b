"""Mutants of training graphs: one attribute or one constant changed in each.

What a draft does not look at, it may get wrong: so whatever is changed in the forward
pass or in an update must change the source, or be refused.
"""

from typing import NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import exported, updates

# Attributes that say what an op computes, and another value for each.
ATTRIBUTES = {
    "strides": lambda value: value.list.i.__setitem__(
        slice(1, 3), [value.list.i[1] + 1] * 2
    ),
    "ksize": lambda value: value.list.i.__setitem__(
        slice(1, 3), [max(1, value.list.i[1] - 1)] * 2
    ),
    "dilations": lambda value: value.list.i.__setitem__(slice(1, 3), [2, 2]),
    "padding": lambda value: setattr(
        value, "s", b"VALID" if value.s == b"SAME" else b"SAME"
    ),
    "epsilon": lambda value: setattr(value, "f", value.f * 3),
    "alpha": lambda value: setattr(value, "f", value.f / 2),
    "seed": lambda value: setattr(value, "i", value.i + 1),
    "seed2": lambda value: setattr(value, "i", value.i + 1),
    "use_nesterov": lambda value: setattr(value, "b", not value.b),
    "is_training": lambda value: setattr(value, "b", not value.b),
    "transpose_a": lambda value: setattr(value, "b", not value.b),
    "transpose_b": lambda value: setattr(value, "b", not value.b),
    "keep_dims": lambda value: setattr(value, "b", not value.b),
    "begin_mask": lambda value: setattr(value, "i", value.i ^ 1),
    "end_mask": lambda value: setattr(value, "i", value.i ^ 1),
    "shrink_axis_mask": lambda value: setattr(value, "i", value.i ^ 1),
    "num_split": lambda value: setattr(value, "i", value.i * 2),
}
# Kinds of ops of which the kind itself says something.
KINDS = {
    "Relu": "Relu6",
    "Tanh": "Sigmoid",
    "Sigmoid": "Tanh",
    "MaxPool": "AvgPool",
    "L2Loss": None,
    "TruncatedNormal": "RandomStandardNormal",
    "RandomStandardNormal": "TruncatedNormal",
    "Sub": "AddV2",
    "Maximum": "Minimum",
}


class Mutant(NamedTuple):
    """node: that was changed. what: an attribute, 'value' or 'kind'."""

    node: str
    kind: str
    what: str
    meta_graph: object

    def __str__(self):
        return f"{self.node} ({self.kind}): {self.what}"


def mutants(meta_graph, names):
    """Every ``Mutant`` of a graph, in order.

    Args:
        names: ``finding.Names``, found.
    """
    slices = _slice(meta_graph, names)
    for place, node in enumerate(meta_graph.graph_def.node):
        if node.name not in slices:
            continue
        for what in sorted(set(ATTRIBUTES) & set(node.attr)):
            if what == "alpha" and node.op != "LeakyRelu":
                continue
            # TF1's kernel asks no mask of an axis that goes away.
            if (
                what in ("begin_mask", "end_mask")
                and node.attr["shrink_axis_mask"].i & 1
            ):
                continue
            yield _changed(meta_graph, place, what, ATTRIBUTES[what])
        if node.op == "Const":
            yield from _of_constant(meta_graph, place)
        if KINDS.get(node.op):
            changed = tf.MetaGraphDef()
            changed.CopyFrom(meta_graph)
            changed.graph_def.node[place].op = KINDS[node.op]
            if node.op == "MaxPool":
                changed.graph_def.node[place].attr.pop("explicit_paddings", None)
            yield Mutant(node.name, node.op, "kind", changed)


def _changed(meta_graph, place, what, change):
    changed = tf.MetaGraphDef()
    changed.CopyFrom(meta_graph)
    node = changed.graph_def.node[place]
    change(node.attr[what])
    return Mutant(node.name, node.op, what, changed)


def _of_constant(meta_graph, place):
    """A number of floats made another one; of integers, only those read as numbers."""
    node = meta_graph.graph_def.node[place]
    value = tf.make_ndarray(node.attr["value"].tensor)
    if value.dtype.kind != "f" or value.size == 0:
        return
    changed = tf.MetaGraphDef()
    changed.CopyFrom(meta_graph)
    other = (value * 0.5 + 0.03).astype(value.dtype)
    tensor = changed.graph_def.node[place].attr["value"].tensor
    tensor.CopyFrom(tf.make_tensor_proto(np.asarray(other)))
    yield Mutant(node.name, node.op, "value", changed)


def _slice(meta_graph, names):
    """Names of the nodes of the forward pass, of first values and of the updates.

    What backpropagation made is not looked at: the tape makes it anew.
    """
    graph = exported.imported(meta_graph)
    loss = graph.as_graph_element(names.loss).op
    train = graph.as_graph_element(names.train, allow_tensor=True, allow_operation=True)
    train = getattr(train, "op", train)
    with graph.as_default():
        variables = {v.op.name: v for v in tf.global_variables()}
    looked_at = updates.ancestors([loss])
    looked_at |= updates.ancestors([v.initializer for v in variables.values()])
    for operation, _ in updates.changes(train, variables):
        looked_at |= {
            tensor.op
            for tensor in operation.inputs
            if "gradients" not in tensor.op.name
        }
    return {op.name for op in looked_at if "gradients" not in op.name}
