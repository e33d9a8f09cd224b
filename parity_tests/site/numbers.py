"""What a recorded run says of a chapter, beside the code that it says it of.

The record is what ``tf-parity run --json FILE`` writes. Nothing here is typed: without a
record the pages say so, and one of other sources is told.
"""

import functools
import html
import json
import pathlib

from parity_tests.engine import cell_tables
from parity_tests.engine.records import in_order
from parity_tests.models import reading

# What of a record a function of a chapter answers for; all of it for the whole program.
STAGES = {
    "inference": ("outputs",),
    "loss": ("loss",),
    "optimizer": ("gradients", "slots", "updates"),
}
WHOLE = "build"
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
    """The record of a path; None for ''.

    Raises:
        BadRun: if it is none.
    """
    if not path:
        return None
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


def is_stale(recorded, name):
    """Whether a chapter's files are others than those that were run."""
    return recorded.get("sources") != reading.digests(name)


def badges(path, name, tolerances):
    """{function: HTML of what its stages were off by}; {} without a record.

    tolerances: address of the page of budgets from the page that shows them.
    """
    recorded = chapter(path, name)
    if recorded is None or is_stale(recorded, name):
        return {}
    return {
        function: "".join(
            badge(level, stages, cells, f"{tolerances}#{name}-{level}-{{stage}}")
            for level, cells in recorded["levels"].items()
        )
        for function, stages in (*STAGES.items(), (WHOLE, None))
    }


def badge(level, stages, cells, tolerances):
    """One level's worst of some stages, with the reason where a budget was used.

    tolerances: address of the reason, with ``{stage}``.
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
    text = f'<span class="twin-level">{html.escape(level)}</span> {html.escape(said)}'
    title = f"{', '.join(chosen)} at level {level}: {said}"
    if cell["max_ulp"] == 0 or not reason:
        exact = "exact" if cell["max_ulp"] == 0 else "off"
        return f'<span class="twin-badge {exact}" title="{html.escape(title)}">{text}</span>'
    title = html.escape(f"{title}. {worst}: {reason}")
    tolerances = tolerances.format(stage=worst.replace(" ", "-"))
    return (
        f'<a class="twin-badge within" href="{tolerances}" title="{title}">{text}</a>'
    )


def _weight(cell):
    if cell["ok"] is False:
        return (2, 0)
    granted = cell["budget"]["normwise"]
    share = (cell["normwise"] or 0) / granted if granted else cell["max_ulp"]
    return (int(bool(cell["max_ulp"])), share)
