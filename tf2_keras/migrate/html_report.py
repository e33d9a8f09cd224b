"""A scan as one self-contained HTML page."""

import itertools
import pathlib

import jinja2

from tf2_keras.migrate import terminal

TEMPLATE = pathlib.Path(__file__).with_name("html_report.html")


def html(found, everything=False):
    """The page as text; it loads nothing from anywhere."""
    findings = [each for each in found.findings if everything or each.status != "same"]
    files = []
    for file, of_file in itertools.groupby(findings, key=lambda each: each.file):
        of_file = list(of_file)
        counts = {
            status: sum(each.status == status for each in of_file)
            for status in terminal.MEANS
        }
        files.append((file, counts, terminal.grouped(of_file)))
    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return terminal.printable(
        template.render(
            found=found, summary=found.summary(), files=files, means=terminal.MEANS
        )
    )
