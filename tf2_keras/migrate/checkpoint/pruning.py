"""What of a TF1 graph some tensors need, and that it does nothing but compute.

A graph is a program of somebody's: what would read or write files, call Python or keep
tables beside variables does not become part of a layer.
"""

import collections.abc
import re

import tensorflow as tf

from tf2_keras.migrate.checkpoint import functions, loops
from tf2_keras.migrate.checkpoint.errors import mistake

v1 = tf.compat.v1
BY_REFERENCE = ("VariableV2", "Variable")
VARIABLES = (*BY_REFERENCE, "VarHandleOp")
CONTEXTS = ("while_context", "cond_context")
# They name files, and are not even stateful.
FILES = ("ReadFile", "MatchingFiles", "WriteFile", "MergeV2Checkpoints")
# Ops that keep something, and only within one run; random ones.
HARMLESS = re.compile(
    r"(TensorArray|Stack|TensorList|Random|Truncated|Parameterized|Multinomial|Stateful"
    r"|StatefulPartitionedCall$|PartitionedCall$|Placeholder|Assert$|ReadVariableOp$"
    r"|ResourceGather|VarHandleOp$|VarIsInitializedOp$|While$|If$|Case$)"
)


def pruned(path, meta_graph, inputs, outputs, constants=()):
    """(MetaGraphDef of what is needed, [names of its nodes]).

    Contexts of loops and conditions come along whole, as gradients need them, if a node
    within them does: that a variable is read in one says nothing, as in the initialisers
    of averages.

    Args:
        path: for messages.
        inputs, outputs: names of tensors; what is before inputs is not needed.
        constants: names of nodes that were variables; their values are left out.

    Raises:
        HandoverError: for a graph with holes, and for ops that reach out of it.
    """
    nodes = {node.name: node for node in meta_graph.graph_def.node}
    cut = {name.rpartition(":")[0] for name in inputs}
    contexts = [
        (content, collection, *_named_in(collection, content))
        for collection in CONTEXTS
        for content in meta_graph.collection_def[collection].bytes_list.value
    ]
    wanted = {name.rpartition(":")[0] for name in outputs} | cut
    kept, taken = set(), set()
    while True:
        _reach(path, nodes, cut, wanted, kept)
        more = False
        for number, (_, _, names, within) in enumerate(contexts):
            if number not in taken and within & kept:
                taken.add(number)
                wanted |= names & nodes.keys()
                more = True
        if not more:
            break
    graph = v1.MetaGraphDef()
    graph.meta_info_def.tensorflow_version = meta_graph.meta_info_def.tensorflow_version
    graph.graph_def.versions.CopyFrom(meta_graph.graph_def.versions)
    graph.graph_def.library.CopyFrom(meta_graph.graph_def.library)
    for node in meta_graph.graph_def.node:
        if node.name in kept:
            copied = graph.graph_def.node.add()
            copied.CopyFrom(node)
            copied.ClearField("device")
            copied.attr.pop("_output_shapes", None)
            copied.attr.pop("_class", None)
            if node.op == "IsVariableInitialized":  # a model's have their values
                _as_true(copied)
            if node.name in cut or node.name in constants:
                del copied.input[:]
                _as_placeholder(copied, node)
    for number in sorted(taken):
        content, collection, *_ = contexts[number]
        graph.collection_def[collection].bytes_list.value.append(content)
    if not taken:
        for context in loops.contexts_of(graph.graph_def):
            graph.collection_def["while_context"].bytes_list.value.append(
                context.SerializeToString(deterministic=True)
            )
    functions.settle(path, graph.graph_def)
    require_harmless(path, graph)
    return graph, [name for name in nodes if name in kept]


def _reach(path, nodes, cut, wanted, kept):
    """Adds to ``kept`` what is wanted and all that it needs."""
    stack = [name for name in wanted if name not in kept]
    while stack:
        name = stack.pop()
        if name in kept:
            continue
        if name not in nodes:
            raise mistake(
                "A graph must have every node that it names",
                f"{path} without {name}",
                "Copy it again",
            )
        kept.add(name)
        if name in cut:
            continue
        for source in nodes[name].input:
            stack.append(source.lstrip("^").partition(":")[0])


def _as_placeholder(copied, node):
    """What was computed and is an input becomes one; of several outputs, none can."""
    if node.op.startswith("Placeholder") or node.op in VARIABLES:
        copied.op = "Placeholder"
        number = node.attr["dtype"].type
        shape = node.attr["shape"].shape if "shape" in node.attr else None
    else:
        copied.op = "Placeholder"
        number = (node.attr["T"] if "T" in node.attr else node.attr["dtype"]).type
        shape = None
    copied.attr.clear()
    copied.attr["dtype"].type = number or tf.float32.as_datatype_enum
    if shape is not None:
        copied.attr["shape"].shape.CopyFrom(shape)


def _as_true(copied):
    copied.op = "Const"
    del copied.input[:]
    copied.attr.clear()
    copied.attr["dtype"].type = tf.bool.as_datatype_enum
    copied.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(True))


def require_harmless(path, meta_graph):
    """Refuses a graph that does more than to compute.

    Raises:
        HandoverError: naming the op.
    """
    listed = list(meta_graph.graph_def.node)
    for function in meta_graph.graph_def.library.function:
        listed += function.node_def
    own = {f.signature.name for f in meta_graph.graph_def.library.function}
    for node in listed:
        if node.op in own or node.op in VARIABLES:
            continue
        stateful = _is_stateful(node.op)
        if stateful is None:
            raise mistake(
                f"A graph must be of ops that TensorFlow {tf.__version__} has",
                f"{path} with {node.op} (node {node.name})",
                "Load the library that has it with tf.load_op_library first",
            )
        if node.op in FILES or (stateful and not HARMLESS.match(node.op)):
            raise mistake(
                "A graph must do nothing but compute from inputs and variables",
                f"{path} with {node.op} (node {node.name})",
                "Name outputs before it; or run it with tf.saved_model.load",
            )


def _is_stateful(op):
    """Whether an op of this TensorFlow keeps anything; None if it has no such op."""
    from tensorflow.python.framework import op_def_registry

    definition = op_def_registry.get(op)
    if definition is None:
        return None
    arguments = (*definition.input_arg, *definition.output_arg)
    by_reference = any(argument.is_ref for argument in arguments)
    return definition.is_stateful or (by_reference and not op.startswith("Ref"))


def _named_in(collection, content):
    """Names of nodes that a WhileContextDef or a CondContextDef is about.

    Returns:
        (all of them, those without what it only reads from outside).
    """
    from tensorflow.core.protobuf import control_flow_pb2

    kind = {
        "while_context": control_flow_pb2.WhileContextDef,
        "cond_context": control_flow_pb2.CondContextDef,
    }[collection]
    try:
        context = kind.FromString(content)
    except Exception:  # protobuf's DecodeError, which tf does not show
        raise mistake(
            "The contexts of a graph must be whole", collection, "Copy it again"
        ) from None
    names = {_node_of(name) for name in _texts(context)}
    read = {_node_of(name) for name in context.values_def.external_values}
    return names, names - read


def _node_of(name):
    return name.lstrip("^").partition(":")[0]


def _texts(proto):
    """Every string in a protobuf, keys of maps left out."""
    for _, value in proto.ListFields():
        if isinstance(value, collections.abc.Mapping):
            value = list(value.values())
        elif not isinstance(value, collections.abc.MutableSequence):
            value = [value]
        for item in value:
            if isinstance(item, str):
                yield item
            elif hasattr(item, "ListFields"):
                yield from _texts(item)
