"""tf-parity list: the chapters, and what each teaches."""

import click
from rich.table import Table

from parity_tests.commands import options, outputs
from parity_tests.models import chapters


@click.command("list", cls=options.Command, examples=["list", "read session_basics"])
def command():
    """The chapters, and what each teaches."""
    table = Table(title="Chapters, in reading order")
    table.add_column("group", no_wrap=True)
    table.add_column("chapter", no_wrap=True)
    table.add_column("teaches")
    teaches = chapters.teaches()
    for group, names in chapters.GROUPS.items():
        for heading, name in zip([group, *[""] * len(names)], names, strict=False):
            table.add_row(heading, name, teaches[name])
        table.add_section()
    outputs.show(table)
