"""What chapters show of a code base: each construct that a chapter's TF1 program uses.

A chapter shows the symbols that its own TF1 side uses, as the same scan reads them: a new
chapter counts from the day it exists. It shows as well those of which the catalogue says
the same, such as Tensor.eval where it has Session.run, and the other names that 1.15 had for
one thing, such as tf.contrib.rnn.LSTMCell. A module is no construct where a file uses what is
in it: each of its names counts by itself.
"""

from typing import NamedTuple

from tf2_keras.migrate import api_table, evidence, scan

# What `scan --fix` does not write by itself.
TAUGHT = ("changes", "gone", "restructure", "unknown")


class Step(NamedTuple):
    """One more chapter read.

    chapter: its name.
    files: how many files have all their constructs shown by now.
    uses: how many uses are of constructs shown by now.
    """

    chapter: str
    files: int
    uses: int


def shown(programs):
    """{chapter: the symbols that its TF1 side uses, and what is said of them}.

    programs: {chapter: path of its TF1 side}.
    """
    constructs = {chapter: set() for chapter in programs}
    chapter_of = {str(path): chapter for chapter, path in programs.items()}
    report = scan.scan(list(chapter_of), workers=1, assume="tf1")
    for finding in report.findings:  # of any status: what the call says may decide it
        known = constructs[chapter_of[finding.file]]
        said = finding.symbol, _one_name(finding.symbol), finding.note
        known.update(filter(None, said))
    return constructs


def shows(known, finding):
    """Whether one of ``shown``'s sets has a finding."""
    return not known.isdisjoint(
        (finding.symbol, _one_name(finding.symbol), finding.note)
    )


def _one_name(symbol):
    """The name that TensorFlow's own table gives all names of one thing."""
    new = api_table.tables().renames.get(symbol, symbol)
    return new.replace("tf.compat.v1.", "tf.")


def counting(findings):
    """The findings of ``TAUGHT`` but those of modules of which their files use something."""
    inside = set()
    for finding in findings:
        parts = finding.symbol.split(".")
        for length in range(2, len(parts)):
            inside.add((finding.file, ".".join(parts[:length])))
    return [
        finding
        for finding in findings
        if finding.status in TAUGHT
        and not (
            _is_module(finding.symbol) and (finding.file, finding.symbol) in inside
        )
    ]


def _is_module(symbol):
    """Whether it is one; of what was never public, whether it is called as modules are."""
    row = api_table.api().get(symbol)
    if row is not None:
        return row.kind == "module"
    return symbol.rpartition(".")[2].islower()


def unproven(findings):
    """Those of findings whose answer in the catalogue no test proves."""
    return [finding for finding in findings if finding.evidence == evidence.UNPROVEN]


def by_what_they_add(findings, constructs):
    """[(chapter, the findings it shows and no chapter before it)], the most first.

    constructs: of ``shown``; the first of two that add as much comes first. The chapter
        that a finding's rule names shows it as well.
    """
    left, remaining, result = list(findings), dict(constructs), []
    while remaining:
        added = {
            chapter: [
                finding
                for finding in left
                if finding.chapter == chapter or shows(known, finding)
            ]
            for chapter, known in remaining.items()
        }
        chapter = max(added, key=lambda name: len(added[name]))
        if not added[chapter]:
            break
        result.append((chapter, added[chapter]))
        taken = set(map(id, added[chapter]))
        left = [finding for finding in left if id(finding) not in taken]
        del remaining[chapter]
    return result


def cover(findings, constructs):
    """The greedy order in which chapters show whole files: each step adds the most.

    Args:
        findings: of a scan; see ``counting``.
        constructs: of ``shown``.

    Returns:
        ([Step], how many files have such findings, how many there are,
        [the findings that no chapter shows]).
    """
    taught = counting(findings)
    files = len({finding.file for finding in taught})
    left, remaining, steps = taught, dict(constructs), []
    while remaining:
        after = {
            chapter: [finding for finding in left if not shows(known, finding)]
            for chapter, known in remaining.items()
        }
        files_left = {
            chapter: len({finding.file for finding in missing})
            for chapter, missing in after.items()
        }
        chapter = min(after, key=lambda name: (files_left[name], len(after[name])))
        if len(after[chapter]) == len(left):
            break
        left = after[chapter]
        steps.append(
            Step(chapter, files - files_left[chapter], len(taught) - len(left))
        )
        del remaining[chapter]
    return steps, files, len(taught), left
