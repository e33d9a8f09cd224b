"""tf-parity inspect: what a checkpoint, a .meta, a SavedModel or a file of Keras holds."""

import os

import click
from rich.table import Table
from rich.text import Text

from parity_tests.commands import options, outputs
from parity_tests.commands.mistakes import told
from tf2_keras.migrate.checkpoint.errors import HandoverError
from tf2_keras.migrate.printable import printable


@click.command(
    "inspect",
    cls=options.Command,
    examples=[
        "inspect model.ckpt-1000",
        "inspect exported_model --json variables.json",
    ],
)
@click.argument("path", metavar="CKPT", type=click.Path())
@options.json_file
def command(path, json_path):
    """The tensors of a checkpoint, and what each of them is.

    CKPT is the prefix of a TF1 checkpoint, a V1 file, a folder with checkpoints, a .meta,
    the folder of a SavedModel, an .h5, .weights.h5 or .keras. Shown are names, shapes,
    dtypes and roles: weight, slot of which optimizer, power of beta, step, moving average,
    moving statistics. Nothing in the files is executed; only a .meta needs TensorFlow.
    """
    from parity_tests.commands import inspected

    with outputs.Output(json_path, "--json", [path]) as output:
        with told(HandoverError, ValueError):
            contents = inspected.inspect(os.fspath(path))
        # Apart from the table, whose width would break their lines.
        title = f"{printable(contents['path'])}: {contents['kind']}"
        output.show(Text(title), table(contents), Text("\n".join(totals(contents))))
        output.write(contents)


def table(contents):
    """The tensors of ``inspected.inspect``'s data."""
    result = Table(box=None, padding=(0, 2, 0, 0))
    result.add_column("tensor", overflow="fold")
    result.add_column("shape", overflow="fold")
    result.add_column("dtype")
    result.add_column("role", overflow="fold")
    for tensor in contents["tensors"]:
        shape = tensor["shape"]
        result.add_row(
            Text(printable(tensor["name"])),
            "?" if shape is None else str(shape),
            tensor["dtype"],
            Text(printable(tensor["says"])),
        )
    return result


def totals(contents):
    """A line for each kind of role, and one for all."""
    lines = []
    for kind, total in contents["totals"].items():
        counts = ", ".join(
            f"{total[key]:,} {noun}{'' if total[key] == 1 else 's'}"
            for key, noun in (
                ("tensors", "tensor"),
                ("elements", "value"),
                ("bytes", "byte"),
            )
        )
        lines.append(f"{kind}: {counts}")
    return [*lines, *contents["remarks"]]
