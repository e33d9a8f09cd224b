"""tf-parity new-pair: a pair that runs, to put one's own in its place."""

import os
import pathlib
import shlex

import click
from rich.text import Text

from parity_tests.commands import options, outputs, tables
from parity_tests.commands.mistakes import UserError

NAME = "pair.py"
TEMPLATE = pathlib.Path(__file__).parents[1] / "pair" / "template.py"


@click.command(
    "new-pair", cls=options.Command, examples=["new-pair my_migration", "new-pair ."]
)
@click.argument("folder", metavar="DIR", type=click.Path())
def command(folder):
    """Write a pair that runs into DIR, to put yours in its place.

    Nothing that is there is overwritten.
    """
    path = os.path.join(folder, NAME)
    text = TEMPLATE.read_text(encoding="utf-8")
    try:
        os.makedirs(folder, exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        kind = "a file" if os.path.isfile(folder) else f"{path}, which exists"
        raise UserError(
            f"DIR must be a folder without a {NAME}. Received: {kind}. Name another."
        ) from None
    except OSError as error:
        raise UserError(
            f"DIR must be a folder that can be written to. Received: {folder} "
            f"({error.strerror or error}). Name another."
        ) from None
    call = shlex.join(["tf-parity", "check", path])
    outputs.show(tables.whole(Text(f"{path}\n{call}")))
