"""tf-parity list: the chapters, and what each teaches; or one chapter and its faults."""

import click
from rich import box
from rich.table import Table

from parity_tests.commands import declared, options, outputs
from parity_tests.models import chapters


def every_chapter():
    """A table of the chapters by group."""
    table = Table(title="Chapters, in reading order")
    table.add_column("group", no_wrap=True)
    table.add_column("chapter", no_wrap=True)
    table.add_column("teaches")
    teaches = chapters.teaches()
    for group, names in chapters.GROUPS.items():
        for heading, name in zip([group, *[""] * len(names)], names, strict=False):
            table.add_row(heading, name, teaches[name])
        table.add_section()
    return table


def faults_of(name):
    """A table of the mistakes that can be planted in a chapter's twin."""
    teaches = f"{name}: {chapters.teaches()[name]}"
    table = Table(title=teaches, title_justify="left", box=box.SIMPLE)
    table.add_column("--fault", no_wrap=True)
    table.add_column("first seen in", no_wrap=True)
    table.add_column("what the twin does then")
    for fault, (says, stage) in declared.faults(name).items():
        table.add_row(fault, stage, says)
    return table


@click.command(
    "list", cls=options.Command, examples=["list", "list mlp", "read session_basics"]
)
@click.argument(
    "name",
    metavar="[CHAPTER]",
    required=False,
    type=options.Known("chapters", chapters.NAMES),
)
def command(name):
    """The chapters, and what each teaches; or the faults of CHAPTER."""
    outputs.show(faults_of(name) if name else every_chapter())
