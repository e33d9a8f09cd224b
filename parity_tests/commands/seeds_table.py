"""What ``tf-parity seeds`` reads and prints: a ``.meta``, binary or text, as a table."""

import tensorflow as tf
from google.protobuf import text_format
from rich.table import Table
from rich.text import Text

from tf1_graph import meta_graphs
from tf2_keras.migrate.printable import printable

# Text takes Python a second a megabyte to parse.
LARGEST_TEXT_BYTES = 2**25


def read(path):
    """The MetaGraphDef in a file, binary or text.

    Raises:
        ValueError: if there is none; see ``tf1_graph.meta_graphs.read``.
    """
    try:
        return meta_graphs.read(path)
    except ValueError as error:
        try:
            text = meta_graphs.read_bytes(path, LARGEST_TEXT_BYTES).decode("utf-8")
            meta_graph = text_format.Parse(text, tf.compat.v1.MetaGraphDef())
        except (ValueError, RecursionError, text_format.ParseError):  # no text either
            raise error from None
        return meta_graphs.check(meta_graph, f"{path} ({len(text)} characters)")


def table(path, meta_graph, operations):
    """What the command line prints of ``[RandomOp]``, as ``random_ops`` gave them."""
    version = meta_graph.meta_info_def.tensorflow_version or "1"
    result = Table(
        title=Text(f"Random ops of {printable(path)}, in the order of the graph"),
        caption=Text(
            f"seed: (graph seed, op seed) as TensorFlow {printable(version)} gave them."
            "  initializers, layers, philox, recurrent: of tf2_keras.tf1_semantics."
        ),
    )
    result.add_column("node, and the variable that it initialises", overflow="fold")
    result.add_column("draws", overflow="fold")
    result.add_column("seed", overflow="fold")
    result.add_column("in TF2", overflow="fold", ratio=1)
    for operation in operations:
        node = Text(printable(operation.node))
        for name in operation.initialises:
            node.append(f"\n→ {printable(name)}", style="bold")
        shape = "[…]" if operation.shape is None else str(operation.shape)
        style = "" if operation.tf2 else "red"
        written = Text(printable(operation.tf2 or ""), style=style)
        if operation.remark:
            written.append("\n" if operation.tf2 else "")
            written.append(printable(operation.remark), style=style or "dim")
        result.add_row(
            node,
            f"{operation.op}\n{operation.dtype or ''} {shape}".rstrip(),
            str(operation.seed or "–"),
            written,
        )
    return result
