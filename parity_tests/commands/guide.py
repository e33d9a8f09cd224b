"""tf-parity guide: which chapters to read first for a code base."""

import tempfile

import click

from parity_tests.commands import options, outputs, scan
from parity_tests.models import chapters, reading


@click.command(
    "guide",
    cls=options.Command,
    examples=[
        "guide src --format json --output guide.json",
        "guide --cover repositories",
    ],
)
@scan.paths_argument
@options.format_option("terminal", "json")
@options.output_file
@scan.assume_option
@click.option(
    "--cover",
    is_flag=True,
    help="Only how many of the files the chapters show whole, chapter by chapter.",
)
def command(paths, form, output_path, assume, cover):
    """What to read first for a code base, and what to do."""
    from tf2_keras.migrate import cover as covers
    from tf2_keras.migrate import guide

    with outputs.Output(
        output_path, "--output", lambda: scan.sources_of(paths)
    ) as output:
        report = scan.scanned(paths, assume)
        with tempfile.TemporaryDirectory() as folder:
            constructs = covers.shown(reading.as_of_1_15(chapters.NAMES, folder))
        if cover:
            data = guide.covering(report, constructs)
            shown = guide.cover_table(data)
        else:
            data = guide.reading(report, chapters.teaches(), constructs)
            shown = guide.tables(data)
        output.write(data if form == "json" else shown)
