"""tf-parity guide: which chapters to read first for a code base."""

import click

from parity_tests.commands import options, outputs, scan
from parity_tests.models import chapters


@click.command(
    "guide",
    cls=options.Command,
    examples=["guide .", "guide src --format json --output guide.json"],
)
@scan.paths_argument
@options.format_option("terminal", "json")
@options.output_file
@scan.assume_option
def command(paths, form, output_path, assume):
    """What to read first for a code base, and what to do."""
    from tf2_keras.migrate import guide

    with outputs.Output(
        output_path, "--output", lambda: scan.sources_of(paths)
    ) as output:
        data = guide.reading(scan.scanned(paths, assume), chapters.teaches())
        output.write(data if form == "json" else guide.tables(data))
