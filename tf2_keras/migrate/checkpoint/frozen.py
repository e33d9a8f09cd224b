"""Frozen graphs, read without TensorFlow: what was a variable before it was a constant.

``convert_variables_to_constants`` put the value of each variable into a constant of the
variable's name. ``opened`` gives them back as a checkpoint has them.

Source: tensorflow/core/framework/graph.proto, node_def.proto, attr_value.proto; 1.15's
graph_util_impl.py.
"""

import os
import stat
from typing import NamedTuple

import numpy as np

from tf2_keras.migrate.checkpoint import reading
from tf2_keras.migrate.checkpoint.entries import (
    CONTENT,
    UNREADABLE,
    Entry,
    dtype_name,
    shape_of,
    values_of,
)
from tf2_keras.migrate.checkpoint.errors import mistake
from tf2_keras.migrate.checkpoint.wire import (
    BYTES,
    VARINT,
    Damaged,
    last,
    message,
    messages,
    text,
)

LARGEST_BYTES = 2**31  # what protobuf takes, and what all constants may hold
READS = "ReadVariableOp"


class Node(NamedTuple):
    """name, op; inputs: names as the file has them; attributes: {name: its fields}."""

    name: str
    op: str
    inputs: tuple
    attributes: dict


def content_of(path, what):
    """The bytes of a file that holds a protobuf.

    Raises:
        HandoverError: unless there is such a file, of at most LARGEST_BYTES.
    """
    path = os.fspath(path)
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_BYTES:
            raise mistake(
                f"The file of {what} must be a file of at most {LARGEST_BYTES} bytes",
                f"{path} ({status.st_size} bytes)",
                f"Name what TF1 wrote as {what}",
            )
        with open(path, "rb") as file:
            return file.read(status.st_size)
    except OSError as error:
        raise mistake(
            f"The file of {what} must be readable",
            f"{path} ({error.strerror or error})",
            f"Name what TF1 wrote as {what}",
        ) from None


def nodes_of(content):
    """{name: Node} of the bytes of a GraphDef, functions apart.

    Raises:
        Damaged: for bytes that are none, for constants that hold more than LARGEST_BYTES
            or less than their shapes say.
    """
    fields = message(content)
    nodes, total = {}, 0
    for node in _nodes(fields):
        if not node.name or not node.op:
            raise Damaged("a node has no name or no op")
        nodes[node.name] = node
        total += _constant_bytes(node)
    for library in messages(fields, 2):
        for function in messages(library, 1):
            total += sum(_constant_bytes(node) for node in _nodes(function, 3))
    if total > LARGEST_BYTES:
        raise Damaged(f"its constants would take {total} bytes")
    return nodes


def _nodes(fields, number=1):
    for node in messages(fields, number):
        attributes = {}
        for attribute in messages(node, 5):
            attributes[text(attribute, 1)] = message(last(attribute, 2, BYTES, b""))
        inputs = []
        for kind, value in node.get(3, ()):
            if kind != BYTES:
                raise Damaged("an input of a node is no name")
            inputs.append(bytes(value).decode("utf-8", "replace"))
        yield Node(text(node, 1), text(node, 2), tuple(inputs), attributes)


def value_of(node):
    """(Entry, fields of its TensorProto) of a node that is a constant."""
    tensor = message(last(node.attributes.get("value", {}), 8, BYTES, b""))
    shape = shape_of(message(last(tensor, 2, BYTES, b"")))
    return Entry(shape, dtype_name(last(tensor, 1, VARINT, 0))), tensor


def _constant_bytes(node):
    if node.op != "Const":
        return 0
    entry, tensor = value_of(node)
    if entry.dtype in UNREADABLE:
        raise Damaged(f"the constant {node.name} has no values")
    if entry.dtype == "string":
        return entry.elements * 8
    content = len(last(tensor, CONTENT, BYTES, b""))
    if content and content != entry.nbytes:
        raise Damaged(
            f"the constant {node.name} has {content} bytes for {entry.dtype} "
            f"{list(entry.shape)}"
        )
    return entry.nbytes


def variables_of(nodes):
    """[names] of the constants that were variables, in the order of the graph.

    They are told by who reads them: NAME/read of a variable by reference, ReadVariableOp
    of a resource, also from within a loop, and lookups in a table.
    """
    listed = {}
    for node in nodes.values():
        for place, source in enumerate(node.inputs):
            constant = nodes.get(source.removesuffix(":0"))
            if constant is None or constant.op != "Const" or not _is_number(constant):
                continue
            last_name = node.name.rpartition("/")[2]
            is_read = node.op == "Identity" and (
                node.name == f"{constant.name}/read" or last_name.startswith(READS)
            )
            enters = node.op == "Enter" and READS in node.name
            is_table = node.op == "GatherV2" and place == 0
            is_table = is_table and len(value_of(constant)[0].shape) > 1
            if is_read or enters or is_table:
                listed[constant.name] = None
    return [name for name in nodes if name in listed]


def _is_number(node):
    return value_of(node)[0].dtype.startswith(("float", "bfloat", "int", "uint"))


def opened(path):
    """A ``FrozenGraph``; what ``reading.opened`` returns of a ``.pb``.

    Raises:
        HandoverError: for what is no frozen graph, or a graph without its variables.
    """
    return FrozenGraph(path)


class FrozenGraph:
    """The variables of a frozen graph, as a checkpoint has them."""

    def __init__(self, path):
        self.prefix, self.kind = os.fspath(path), "frozen graph"
        self.files = [self.prefix]
        self.content = content_of(path, "a frozen graph")
        with reading.whole_file(self.prefix):
            self.nodes = nodes_of(self.content)
            self.variables = variables_of(self.nodes)
            self.entries = {
                name: value_of(self.nodes[name])[0] for name in self.variables
            }
        if not self.nodes:
            raise mistake(
                "A frozen graph must be a GraphDef with nodes", self.prefix, "Copy it"
            )

    def read(self, name, verify=True):  # noqa: ARG002 - one signature for all formats
        """The array of a variable; a graph has no checksums."""
        reading.known(name, self)
        with reading.whole_file(self.prefix):
            entry, tensor = value_of(self.nodes[name])
            return array_of(entry, tensor)

    def verify(self, name):
        """Fails unless a variable can be read."""
        self.read(name)


def array_of(entry, tensor):
    """The array of a constant; where all values are equal there may be one only."""
    for count in dict.fromkeys((entry.elements, 1, 0)):
        try:
            values = values_of(tensor, entry.dtype, count)
        except Damaged:
            continue
        if count != entry.elements:
            fill = values[0] if count else 0
            values = np.full(entry.elements, fill, values.dtype)
        return values.reshape(entry.shape)
    raise Damaged("the values of a constant are cut off")
