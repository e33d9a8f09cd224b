"""A scan as one self-contained HTML page.

The findings go into the page as data, each advice, note and line of code once: of a large
code base that is a fifth of the same as tables, and the page draws only what is opened.
"""

import itertools
import json
import pathlib

from tf2_keras.migrate import html_pages, pages
from tf2_keras.migrate.printable import printable
from tf2_keras.migrate.rule_file import UNPROVEN
from tf2_keras.migrate.statuses import STATUSES
from tf2_keras.migrate.terminal import counted, taken_for_tf2

TEMPLATE = pathlib.Path(__file__).with_name("html_report.html")


class Table:
    """Values by number, each held once."""

    def __init__(self):
        self.numbers = {}

    def number(self, value):
        return self.numbers.setdefault(value, len(self.numbers))

    def values(self):
        return list(self.numbers)


def html(report, everything=False, chapters=None):
    """The page as text; it loads nothing from anywhere.

    chapters: {chapter: what it teaches}, of those that can be read.
    """
    findings = report.to_show(everything)
    data, proofs = compact(findings)
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return html_pages.rendered(
        TEMPLATE,
        report=report,
        everything=everything,
        summary=report.summary(),
        counted=counted,
        taken_for_tf2=taken_for_tf2,
        statuses=STATUSES,
        pages=pages.named(findings, chapters),
        proofs=[pages.proof(evidence) for evidence in proofs],
        # In a script nothing is escaped but what could end it.
        data=text.replace("<", "\\u003c"),
    )


def compact(findings):
    """The findings as data for the page's script, and the proofs that they name.

    notes, lines: texts, referred to by their number.
    advice: [[symbol, status, replacement, note, chapter, proof], ...]; chapter is a
        stem, proof a number, -1 for none.
    files: [[file, [line, text, advice, line, text, advice, ...]], ...]; the line is a
        number, or words where it is in a cell of a notebook.
    """
    notes, lines, advice, proofs = Table(), Table(), Table(), Table()
    files = []
    for file, in_file in itertools.groupby(findings, key=lambda finding: finding.file):
        places = []
        for finding in in_file:
            proven = finding.evidence not in ("", UNPROVEN)
            number = advice.number(
                (
                    finding.symbol,
                    finding.status,
                    finding.replacement,
                    notes.number(finding.note),
                    finding.chapter,
                    proofs.number(finding.evidence) if proven else -1,
                )
            )
            text = lines.number(printable(finding.source))
            places += [finding.cell or finding.line, text, number]
        files.append((printable(file), places))
    data = {
        "notes": notes.values(),
        "lines": lines.values(),
        "advice": advice.values(),
        "files": files,
    }
    return data, proofs.values()
