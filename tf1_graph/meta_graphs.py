"""Reading a ``.meta``: a whole MetaGraphDef, or one line that says why not.

A protobuf can be valid and its content impossible: constants with too few bytes, dtypes
that do not exist, 111 bytes that ask for four gibibytes. What is read here has been
looked at, so that importing it or listing its ops takes time and memory by its size.
"""

import os
import stat

import tensorflow.compat.v1 as tf

from tf1_graph.errors import refusal

# protobuf itself takes no more than 2 GiB; a message of many tiny parts takes up to a
# hundred times its size in memory.
LARGEST_FILE_BYTES = 2**29
# What all constants of a graph may hold, also those that repeat a single value.
LARGEST_CONSTANTS_BYTES = 2**31


def read(path):
    """The ``tf.MetaGraphDef`` in a binary ``.meta`` file.

    Raises:
        ValueError: if there is no such file, it is larger than ``LARGEST_FILE_BYTES``,
            or it is not a whole MetaGraphDef; see ``check``.
    """
    content = read_bytes(path)
    try:
        meta_graph = tf.MetaGraphDef.FromString(content)
    except Exception:  # protobuf's DecodeError, which compat.v1 does not show
        meta_graph = None
    return check(meta_graph, f"{path} ({len(content)} bytes)")


def read_bytes(path, largest=LARGEST_FILE_BYTES):
    """The content of a file, unless it is absent, unreadable or too large.

    Raises:
        ValueError: if there is none of at most ``largest`` bytes.
    """
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
            raise _no_file(path, kind)
        if status.st_size > largest:
            raise refusal(
                f"A graph must be in a .meta file of at most {largest} bytes",
                f"{path} ({status.st_size} bytes)",
                "Name what Saver.save or export_meta_graph wrote: a .meta holds the "
                "graph alone, and its variables lie beside it in the checkpoint",
            )
        with open(path, "rb") as file:
            # No more than was looked at, should the file grow meanwhile.
            return file.read(status.st_size)
    except FileNotFoundError:
        raise _no_file(path, "no such file") from None
    except OSError as error:
        raise refusal(
            "A graph must be in a file that can be read",
            f"{path} ({error.strerror or error})",
            "Change its permissions",
        ) from None


def _no_file(path, reason):
    return refusal(
        "A graph must be in a .meta file",
        f"{path} ({reason})",
        "Name what Saver.save or export_meta_graph wrote",
    )


def check(meta_graph, received):
    """``meta_graph``, unless it is None, says nothing, or cannot be meant.

    Bytes of something else can be a MetaGraphDef by the letter, of unknown fields only.

    Args:
        meta_graph: a ``tf.MetaGraphDef`` or None.
        received: what to call it in a message.

    Raises:
        ValueError: if it holds no graph, a dtype that this TensorFlow has not got, a
            constant that is not as long as its shape says, or constants of more than
            ``LARGEST_CONSTANTS_BYTES``.
    """
    nodes = [] if meta_graph is None else meta_graph.graph_def.node
    if not nodes or not all(node.name and node.op for node in nodes):
        raise damaged("a whole MetaGraphDef with a graph in it", received)
    constants_bytes = 0
    for node in all_nodes(meta_graph):
        for value in node.attr.values():
            _require_dtypes(node, value, received)
        if node.op == "Const":
            constants_bytes += _constant_bytes(node, received)
    if constants_bytes > LARGEST_CONSTANTS_BYTES:
        raise damaged(
            f"a graph whose constants take at most {LARGEST_CONSTANTS_BYTES} bytes",
            f"{received}, whose constants take {constants_bytes}",
        )
    return meta_graph


def all_nodes(meta_graph):
    """Every node of the graph, then those of its functions."""
    nodes = list(meta_graph.graph_def.node)
    for function in meta_graph.graph_def.library.function:
        nodes.extend(function.node_def)
    return nodes


def damaged(rule, received):
    """The refusal of a file whose content cannot be what TensorFlow wrote."""
    return refusal(
        "A graph's file must hold " + rule,
        received,
        "Copy the .meta again, and compare its size with the original; "
        "checkpoints, frozen graphs and saved_model.pb are other formats",
    )


def dtype_of(number):
    """The ``tf.DType`` of a number in a protobuf, or None."""
    try:
        return tf.as_dtype(number)
    except TypeError:
        return None


def _require_dtypes(node, value, received):
    kind = value.WhichOneof("value")
    numbers = [value.type] if kind == "type" else value.list.type
    for number in numbers if kind in ("type", "list") else ():
        # Zero says that there is none, as in an op that has not been given one.
        if number and dtype_of(number) is None:
            raise damaged(
                f"a graph of dtypes that TensorFlow {tf.__version__} has",
                f"{received}, whose node {node.name!r} has the dtype {number}",
            )


def _constant_bytes(node, received):
    """How much memory the value of a Const takes."""
    tensor = node.attr["value"].tensor if "value" in node.attr else None
    dtype = None if tensor is None else dtype_of(tensor.dtype)
    if dtype is None or tensor.tensor_shape.unknown_rank:
        raise damaged(
            "a graph whose constants have values",
            f"{received}, whose constant {node.name!r} has none",
        )
    shape = [dimension.size for dimension in tensor.tensor_shape.dim]
    elements = 1
    for size in shape:  # in Python's integers: the product may need many bits
        elements *= size
    # An element of a string is an object of Python's at least.
    expected = elements * (dtype.size or 8)
    content = len(tensor.tensor_content)
    is_whole = not content or dtype == tf.string or content == expected
    if min(shape, default=0) < 0 or not is_whole:
        raise damaged(
            "a graph whose constants are as long as their shapes say",
            f"{received}, whose constant {node.name!r} has {content} bytes for "
            f"{dtype.name} of the shape {shape}",
        )
    return expected
