"""Shapes of placeholders that a program gave none, from what the graph does with them."""

import re

import tensorflow.compat.v1 as tf

from tf1_graph import exported

MOST_ROUNDS = 4  # in which a shape tells another
NUMBERS = re.compile(r"keep|prob|drop|rate|train|phase|(^|/)lr$", re.I)
BY_ELEMENT = ("Add", "AddV2", "Sub", "Mul", "RealDiv", "Div", "SquaredDifference")
# {kind: which attribute turns its second matrix}; of no known rank 1.15 took batches.
PRODUCTS = {
    "MatMul": "transpose_b",
    "BatchMatMul": "adj_y",
    "BatchMatMulV2": "adj_y",
}
SUMMED = ("Mean", "Sum", "AddN")


def completed(meta_graph, numbers=()):
    """A ``tf.MetaGraphDef`` whose placeholders all have a shape.

    Args:
        numbers: names of those that a run feeds with one number.
    """
    unknown = [
        node
        for node in meta_graph.graph_def.node
        if node.op == "Placeholder"
        and ("shape" not in node.attr or node.attr["shape"].shape.unknown_rank)
    ]
    if not unknown:
        return meta_graph
    copied = tf.MetaGraphDef()
    copied.CopyFrom(meta_graph)
    nodes = {node.name: node for node in copied.graph_def.node}
    for name in numbers:
        node = nodes.get(name.partition(":")[0])
        if node is not None and node.op == "Placeholder":
            node.attr["shape"].shape.CopyFrom(tf.TensorShape([]).as_proto())
    for _ in range(MOST_ROUNDS):
        graph = exported.imported(copied)
        tensors = [graph.get_tensor_by_name(f"{node.name}:0") for node in unknown]
        tensors = [tensor for tensor in tensors if tensor.shape.rank is None]
        told = {tensor.op.name: shape_of(tensor) for tensor in tensors}
        told = {name: shape for name, shape in told.items() if shape is not None}
        if not told:  # what stays unknown has one size, that of the batch
            is_summed = any(op.type in SUMMED for op in graph.get_operations())
            shape = tf.TensorShape([None] if is_summed else [])
            told = {tensor.op.name: shape for tensor in tensors}
        for name, shape in told.items():
            nodes[name].attr["shape"].shape.CopyFrom(shape.as_proto())
        if len(told) == len(tensors):
            break
    return copied


def shape_of(tensor):
    """The shape that the consumers of a tensor ask for, or None."""
    consumers = tensor.consumers()
    if NUMBERS.search(tensor.op.name) or tensor.dtype == tf.bool:
        return tf.TensorShape([])
    if _drops_out(tensor):
        return tf.TensorShape([])
    for consumer in consumers:
        place = [given.name for given in consumer.inputs].index(tensor.name)
        shape = _asked(consumer, place)
        if shape is not None:
            return shape
    return None


def _drops_out(tensor):
    """Whether a tensor is the keep_prob of a dropout, or what is 1 minus its rate."""
    return any(
        "dropout" in consumer.name
        or consumer.type == "Sub"
        and any("dropout" in user.name for user in consumer.outputs[0].consumers())
        for consumer in tensor.consumers()
    )


def _asked(consumer, place):
    """The shape of an op's input by its place, from the others; or None."""
    inputs = consumer.inputs
    if consumer.type in PRODUCTS and place == 0:
        rows = inputs[1].shape
        size = 1 if consumer.get_attr(PRODUCTS[consumer.type]) else 0
        return tf.TensorShape([None, rows[size]]) if rows.rank == 2 else None
    if consumer.type == "Conv2D" and place == 0:
        return tf.TensorShape([None, None, None, inputs[1].shape[2]])
    if consumer.type in ("GatherV2", "ResourceGather", "OneHot") and place < 2:
        return tf.TensorShape([None])
    if consumer.type in ("Reshape", "StopGradient") and place == 0:
        for user in consumer.outputs[0].consumers():
            if user.type == "SoftmaxCrossEntropyWithLogits":
                return _logits(user)
            if user.type == "Reshape":  # behind the stop of a gradient
                shape = _asked(user, 0)
                if shape is not None:
                    return shape
    if consumer.type == "SparseSoftmaxCrossEntropyWithLogits" and place == 1:
        shape = inputs[0].shape
        return shape[:-1] if shape.rank else None
    if consumer.type in BY_ELEMENT:
        shape = inputs[1 - place].shape
        return shape if shape.rank and None in shape.as_list() else None
    return None


def _logits(operation):
    """The shape of the logits that a cross-entropy takes flat."""
    logits = operation.inputs[0]
    if logits.op.type == "Reshape" and logits.op.inputs[0].shape.rank:
        logits = logits.op.inputs[0]
    return logits.shape if logits.shape.rank else None
