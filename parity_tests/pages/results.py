"""Writes goldens/run.json and docs/results.md: ``python -m parity_tests.pages.results``.

The first is what ``tf-parity run --json`` writes of all chapters, a chapter a line: the
reading room shows its numbers beside the code. With ``--json FILE`` it is taken from a
file that the command wrote before.
"""

import argparse
import io
import json
import pathlib
import tempfile

from rich.text import Text

from parity_tests.commands import console, run, tables
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
    chapters = report["chapters"]
    printed = [
        run.table(chapters),
        tables.conditions(report["environment"]),
        Text(f"\n{run.verdict(chapters)}"),
    ]
    text = console.rendered(io.StringIO(), printed, console.PIPED_WIDTH)
    return f"{HEAD}{text.rstrip()}\n```\n"


def stored(report):
    """A report as the file of goldens/: a chapter a line."""
    environment = json.dumps(report["environment"])
    chapters = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(chapter, separators=(',', ':'))}"
        for name, chapter in report["chapters"].items()
    )
    return f'{{"environment": {environment},\n"chapters": {{\n{chapters}\n}}}}\n'


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=pathlib.Path, help="what tf-parity run wrote")
    path = parser.parse_args(arguments).json
    with tempfile.TemporaryDirectory() as folder:
        if path is None:
            path = pathlib.Path(folder) / "report.json"
            run.command.main(["--json", str(path)], standalone_mode=False)
        report = json.loads(path.read_text(encoding="utf-8"))
    numbers.RECORDED.write_text(stored(report), encoding="utf-8")
    (DOCS / "results.md").write_text(page(report), encoding="utf-8")


if __name__ == "__main__":
    main()
