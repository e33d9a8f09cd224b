"""tf-parity read: the files of a chapter, side by side."""

import sys

import click

from parity_tests.commands import console, options, outputs
from parity_tests.models import chapters


@click.command(
    "read", cls=options.Command, examples=["read mnist_cnn", "read resnet --width 160"]
)
@click.argument(
    "name", metavar="CHAPTER", type=options.Known("chapters", chapters.NAMES)
)
@options.number(
    "--width",
    int,
    *console.WIDTHS,
    120,
    "Columns to fill; two columns of code from 120 on.",
)
def command(name, width):
    """The files of a chapter side by side, by function."""
    from parity_tests.models import reading

    width = width or console.console(sys.stdout).width
    outputs.show(reading.side_by_side(name, width), width=width)
