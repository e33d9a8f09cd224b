"""Writes goldens/run.json and docs/results.md: ``python -m parity_tests.pages.results``.

The first is what ``tf-parity run --json`` writes of all chapters, a chapter a line: the
reading room shows its numbers beside the code. What was run of other files than today's
is run again; with ``--all`` everything.
"""

import argparse
import io
import json
import pathlib
import tempfile

from rich.text import Text

from parity_tests.commands import console, run, tables
from parity_tests.models import chapters
from parity_tests.site import numbers

DOCS = pathlib.Path(__file__).parents[2] / "docs"
HEAD = """\
# Results

Every chapter from its own seeds, TF1 graph against twin, the worst of all steps. All of
`tf-parity run` is here; [tolerances](tolerances.md) says what each `a of b` comes from.

```console
$ tf-parity run
"""


def page(report):
    """docs/results.md of a report, as text: what the command prints into a file."""
    printed = [
        run.table(report["chapters"]),
        tables.conditions(report["environment"]),
        Text(f"\n{run.verdict(report['chapters'])}"),
    ]
    text = console.rendered(io.StringIO(), printed, console.PIPED_WIDTH)
    return f"{HEAD}{text.rstrip()}\n```\n"


def stored(report):
    """A report as the file of goldens/: a chapter a line."""
    environment = json.dumps(report["environment"])
    lines = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(chapter, separators=(',', ':'))}"
        for name, chapter in report["chapters"].items()
    )
    return f'{{"environment": {environment},\n"chapters": {{\n{lines}\n}}}}\n'


def stale(is_all=False):
    """The chapters that are to be run, in order."""
    known = {} if is_all or numbers.run("") is None else numbers.run("")["chapters"]
    return [
        name
        for name in chapters.NAMES
        if name not in known or numbers.is_stale(known[name], name)
    ]


def joined(before, report):
    """A report of all chapters, of those that were run before and of those run now.

    Raises:
        SystemExit: if they were not run under the same conditions.
    """
    if before is None or report["environment"] == before["environment"]:
        earlier = {} if before is None else before["chapters"]
        known = {**earlier, **report["chapters"]}
        return {**report, "chapters": {n: known[n] for n in chapters.NAMES}}
    raise SystemExit(
        "What is joined must have been run under the same conditions. "
        f"Received: {report['environment']}. Use --all."
    )


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--all", action="store_true", help="run every chapter")
    is_all = parser.parse_args(arguments).all
    before = None if is_all else numbers.run("")
    names = stale(is_all)
    report = {"environment": before["environment"], "chapters": {}} if before else None
    if names:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "report.json"
            words = [word for name in names for word in ("--chapter", name)]
            run.command.main([*words, "--json", str(path)], standalone_mode=False)
            report = json.loads(path.read_text(encoding="utf-8"))
    report = joined(before, report)
    numbers.RECORDED.write_text(stored(report), encoding="utf-8")
    (DOCS / "results.md").write_text(page(report), encoding="utf-8")


if __name__ == "__main__":
    main()
