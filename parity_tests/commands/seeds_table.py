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
            f"(graph seed, op seed) as TensorFlow {printable(version)} gave them."
            "  initializers, layers, philox, recurrent: of tf2_keras.tf1_semantics."
        ),
        title_justify="left",
        caption_justify="left",
        box=None,
        show_header=False,
        padding=(1, 2, 0, 0),
    )
    result.add_column("seed", no_wrap=True)
    # One below the other: beside each other neither names nor code would stay whole.
    result.add_column("op", overflow="fold")
    for operation in operations:
        shape = "[…]" if operation.shape is None else str(operation.shape)
        lines = [
            Text(printable(operation.node)),
            *(Text(f"→ {printable(name)}", "bold") for name in operation.initialises),
            Text(f"{operation.op} {operation.dtype or ''} {shape}", "dim"),
        ]
        if operation.tf2:
            lines.append(Text(printable(operation.tf2)))
        if operation.remark:
            style = "dim" if operation.tf2 else "red"
            lines.append(Text(printable(operation.remark), style))
        result.add_row(str(operation.seed or "–"), Text("\n").join(lines))
    return result
