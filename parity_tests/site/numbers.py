"""What a recorded run says of a chapter, beside the code that it says it of.

The record is what ``tf-parity run --json FILE`` writes; one comes along. Nothing here is
typed: of a chapter without a record the pages say so, and one of other sources is told.
"""

import functools
import html
import json
import pathlib

from parity_tests.engine import cell_tables
from parity_tests.engine.records import in_order
from parity_tests.models import chapters, reading
from parity_tests.site import links

# What of a record a function of a chapter answers for; all of it for the whole program.
STAGES = {
    "inference": ("outputs",),
    "loss": ("loss",),
    "optimizer": ("gradients", "slots", "updates"),
}
WHOLE, WHOLE_PROGRAM = "build", "run"
RECORDED = reading.ROOT / "parity_tests" / "goldens" / "run.json"
# The claims that a chapter's numbers are of: 0 ULP where there is no budget, or within it.
OF_MODELS = "parity_tests/models/every_chapter_test.py"
EXACT = f"{OF_MODELS}::test_whole_plays_agree"
BUDGETED = f"{OF_MODELS}::test_whole_plays_stay_within_their_budgets"
OF_PROGRAMS = (
    "parity_tests/models/every_program_test.py::test_a_program_and_its_twin_agree"
)
HOW = "tf-parity run --json report.json, then tf-parity docs --run report.json"


class BadRun(ValueError):
    """A file that no ``tf-parity run --json`` wrote; the text says what to do."""


@functools.cache
def _loaded(path, _changed):
    try:
        report = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        for chapter in report["chapters"].values():
            chapter["levels"].items()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadRun(
            "--run must name what tf-parity run --json wrote. "
            f"Received: {path} ({type(error).__name__}). Use {HOW}."
        ) from None
    return report


def run(path):
    """The record of a path; for '' the one that comes along, or None without it.

    Raises:
        BadRun: if it is none.
    """
    if not path and not RECORDED.is_file():
        return None
    path = path or RECORDED
    try:
        changed = pathlib.Path(path).stat().st_mtime_ns
    except OSError as error:
        raise BadRun(
            "--run must name what tf-parity run --json wrote. "
            f"Received: {path} ({error.strerror}). Use {HOW}."
        ) from None
    return _loaded(str(path), changed)


def chapter(path, name):
    """What a record says of one chapter, or None."""
    report = run(path)
    return None if report is None else report["chapters"].get(name)


def environment(path):
    """What a record was made with: 'tensorflow 2.21.0, …'."""
    described = run(path).get("environment", {})
    return ", ".join(f"{name} {value}" for name, value in described.items())


def is_stale(recorded, name):
    """Whether a chapter's files are others than those that were run."""
    return recorded.get("sources") != reading.digests(name)


def badges(path, name, address):
    """{function: HTML of what its stages were off by}; {} without a record.

    address: (where in the site) -> its address from the page that shows them.
    """
    recorded = chapter(path, name)
    if recorded is None or is_stale(recorded, name):
        return {}
    functions = {**STAGES, WHOLE: None}
    if name in chapters.PROGRAMS:
        functions = {WHOLE_PROGRAM: None}
    return {
        function: "".join(
            badge(name, level, stages, cells, address)
            for level, cells in recorded["levels"].items()
        )
        for function, stages in functions.items()
    }


def test_of(name, cells):
    """'file::test' of what claims a chapter's numbers of one level."""
    if name in chapters.PROGRAMS:
        return OF_PROGRAMS
    is_budgeted = any(cell["budget"].get("reason") for cell in cells.values())
    return BUDGETED if is_budgeted else EXACT


def badge(name, level, stages, cells, address):
    """One level's worst of some stages: its name leads to the test, a budget to its reason.

    address: as above.
    """
    chosen = {
        stage: cells[stage]
        for stage in in_order(cells)
        if (stages is None or stage in stages) and cells[stage]["ok"] is not None
    }
    if not chosen:
        return ""
    worst = max(chosen, key=lambda stage: _weight(chosen[stage]))
    cell = chosen[worst]
    said = cell_tables.said(cell)
    said = "0 ULP" if said == "0" else said
    reason = cell["budget"].get("reason", "")
    test = links.of_test(test_of(name, cells))
    title = f"{', '.join(chosen)} at level {level}: {said}"
    number = html.escape(said)
    kind = "exact" if cell["max_ulp"] == 0 else "off"
    if kind == "off" and reason:
        kind, title = "within", f"{title}. {worst}: {reason}"
        # Of what 1.15.5 recorded the budget is that of 1.15.5, whatever runs the twin.
        of_level = chapters.level_of_budgets(True) if chapters.recorded(name) else level
        row = f"tolerances.html#{name}-{of_level}-{worst.replace(' ', '-')}"
        number = f'<a href="{address(row)}">{number}</a>'
    return (
        f'<span class="twin-badge {kind}" title="{html.escape(title)}">'
        f'<a href="{address(test)}">{html.escape(level)}</a> {number}</span>'
    )


def _weight(cell):
    if cell["ok"] is False:
        return (2, 0)
    granted = cell["budget"]["normwise"]
    share = (cell["normwise"] or 0) / granted if granted else cell["max_ulp"]
    return (int(bool(cell["max_ulp"])), share)
