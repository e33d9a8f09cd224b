"""tf-parity scan: what each use of TensorFlow 1.x in a code base becomes."""

import itertools
import os

import click

from parity_tests.commands import console, fixing, options, outputs
from parity_tests.commands.mistakes import UserError, shortened, told
from parity_tests.models import chapters
from tf2_keras.migrate.scan import FAIL_ON, UnreadPath


def _existing(_context, _parameter, value):
    for path in value:
        if not os.path.lexists(path):
            raise UserError(
                "PATH must name a file or a folder. "
                f"Received: {shortened(path)} (no such file). "
                "Use for instance . for all of this folder."
            )
    return options.once(value)


paths_argument = click.argument(
    "paths",
    metavar="PATH...",
    nargs=-1,
    required=True,
    type=click.Path(),
    callback=_existing,
)


assume_option = click.option(
    "--assume",
    metavar="WORLD",
    type=options.Known("worlds", ("tf1", "tf2")),
    help="Which TensorFlow is meant by files that do not say so themselves, such as those "
    "with nothing but tf.keras.",
)


def scanned(paths, assume):
    """The scan.Report of files and folders, with a bar of the bytes read."""
    from rich.progress import DownloadColumn

    from tf2_keras.migrate import scan

    with console.progress(DownloadColumn()) as progress:
        task = progress.add_task("scanning", total=None)
        with told(UnreadPath):
            return scan.scan(
                paths,
                on_progress=lambda done, total: progress.update(
                    task, completed=done, total=total
                ),
                assume=assume or "",
            )


def sources_of(paths):
    """The files that a scan of ``paths`` reads."""
    from tf2_keras.migrate import sources

    return sources.find(paths)[0]


@click.command(
    "scan",
    cls=options.Command,
    examples=[
        "scan src --format sarif --output tf1.sarif --fail-on gone",
        "scan src --fix --diff",
    ],
)
@paths_argument
@options.format_option("terminal", "json", "sarif", "html")
@options.output_file
@click.option(
    "--by",
    metavar="GROUPING",
    type=options.Known("groupings", ("file", "symbol")),
    help="How the terminal's report is grouped.  [default: file]",
)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Also what stays the same in TensorFlow 2.",
)
@click.option(
    "--fail-on",
    metavar="STATUS",
    multiple=True,
    type=options.Known("statuses to fail on", FAIL_ON, separated=True),
    help="Exit with 1 if there is any use of this status, or a file that could not be "
    "read; may be repeated or separated by commas.",
)
@assume_option
@click.option(
    "--fix",
    is_flag=True,
    help="Rewrite in place what is only called otherwise today, and nothing else: shows "
    "the diff and asks.",
)
@click.option("--diff", is_flag=True, help="With --fix: show the diff, write nothing.")
@click.option("--yes", is_flag=True, help="With --fix: write without asking.")
@options.replaced("--explain", "tf-parity explain SYMBOL")
def command(paths, form, output_path, by, everything, fail_on, assume, fix, diff, yes):
    """What each use of TensorFlow 1.x becomes, line by line.

    Reads .py and .ipynb; nothing is imported or run. The statuses: same, renamed, changes (other numbers),
    restructure (no one line replaces it), gone (even from compat.v1), unknown.
    """
    if by and form != "terminal":
        raise UserError(
            "--by must go with --format terminal. "
            f"Received: --by {by} --format {form}. Leave out one of the two."
        )
    fixing.require(
        fix,
        yes,
        diff,
        {
            "--format": form if form != "terminal" else "",
            "--output": output_path if output_path != "-" else "",
            "--by": by,
        },
    )
    with outputs.Output(output_path, "--output", lambda: sources_of(paths)) as output:
        report = scanned(paths, assume)
        if fail_on and not report.files and not report.skipped:
            raise UserError(
                "--fail-on must have code to look at: a gate on nothing is always open. "
                f"Received: {shortened(' '.join(paths))}, without a .py or "
                ".ipynb. Name the folder of the code."
            )
        if not fix:
            output.write(_content(report, form, by, everything))
        elif fixing.fix(report, yes, diff) and fail_on:
            report = scanned(paths, assume)  # what is left
    return int(report.fails(set(itertools.chain.from_iterable(fail_on))))


def _content(report, form, by, everything):
    from tf2_keras.migrate import html_report, sarif, terminal

    if form == "json":
        return report.as_data(everything)
    if form == "sarif":
        return sarif.log(report, everything)
    if form == "html":
        return html_report.html(report, everything, chapters.teaches())
    return terminal.report(report, by or "file", everything, chapters.teaches())
