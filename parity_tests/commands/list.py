"""tf-parity list: the chapters, and what each teaches."""

import click
from rich.table import Table

from parity_tests.commands import options, outputs
from parity_tests.models import chapters


@click.command("list", cls=options.Command, examples=["list", "read session_basics"])
def command():
    """The chapters, and what each teaches."""
    table = Table(title="Chapters, in reading order")
    table.add_column("chapter", no_wrap=True)
    table.add_column("teaches")
    for name, teaches in chapters.teaches().items():
        table.add_row(name, teaches)
    outputs.show(table)
