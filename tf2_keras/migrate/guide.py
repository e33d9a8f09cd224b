"""The reading order for a code base: which chapters unlock how much of it."""

import pathlib
from collections import Counter

from rich.console import Group
from rich.table import Table
from rich.text import Text

from parity_tests.models import chapters
from tf2_keras.migrate import terminal

DOCS = pathlib.Path(__file__).parents[2] / "docs"
# What one distinct symbol asks for, in the order of work.
EFFORT = {
    "renamed": "mechanical: search and replace",
    "changes": "one decision each: keep TF1's numbers with a part, or take the new ones",
    "gone": "write the successor named",
    "restructure": "read the chapter, then rewrite",
    "unknown": "find out where it comes from",
}
SYMBOLS = 4  # that a row names


def reading(found):
    """The guide as plain data; ``found`` is a scan.Report."""
    to_do = [each for each in found.findings if each.status != "same"]
    order = []
    unlocked = Counter(each.chapter for each in to_do if each.chapter)
    for stem, count in sorted(
        unlocked.items(), key=lambda item: (-item[1], _place(item[0]))
    ):
        symbols = Counter(each.symbol for each in to_do if each.chapter == stem)
        order.append(
            {
                "chapter": stem,
                "unlocks": count,
                "teaches": _teaches(stem),
                "symbols": [symbol for symbol, _ in symbols.most_common(SYMBOLS)],
                "page": _page(stem),
            }
        )
    effort = {}
    for status in EFFORT:
        of_status = [each for each in to_do if each.status == status]
        effort[status] = {
            "uses": len(of_status),
            "symbols": len({each.symbol for each in of_status}),
            "files": len({each.file for each in of_status}),
        }
    summary = found.summary()
    return {
        "files": found.files,
        "reading": order,
        "without_chapter": sum(not each.chapter for each in to_do),
        "effort": effort,
        "first_steps": _first_steps(to_do, order),
        "summary": summary,
    }


def _place(stem):
    """Ties are read in the order of the chapters, then the pages."""
    if stem in chapters.NAMES:
        return (chapters.NAMES.index(stem), stem)
    return (len(chapters.NAMES), stem)


def _teaches(stem):
    if stem in chapters.NAMES:
        return chapters.meeting_point(stem).TEACHES
    page = _page(stem)
    if page:
        text = (DOCS.parent / page).read_text(encoding="utf-8")
        return text.partition("\n")[0].lstrip("# ").strip()
    return ""


def _page(stem):
    """The page's path from the top of a checkout; '' where docs/ did not come along."""
    for folder in ("models", "guide", "."):
        path = DOCS / folder / f"{stem}.md"
        if path.is_file():
            return path.relative_to(DOCS.parent).as_posix()
    return ""


def _first_steps(to_do, order):
    """Commands to run now, each with its reason."""
    if not to_do:
        return []
    steps = []
    drawn = [each for each in to_do if each.symbol == "tf.set_random_seed"]
    if drawn:
        where = f"{terminal.printable(drawn[0].file)}:{drawn[0].line}"
        steps.append(
            {
                "why": f"Freeze the TF1 numbers: set a seed, first in {where}, "
                "export the graph, and list what it draws.",
                "command": "tf-parity seeds MODEL.meta",
            }
        )
    model = next(
        (each["chapter"] for each in order if each["chapter"] in chapters.NAMES), ""
    )
    if model:
        steps.append(
            {
                "why": "Read the chapter that unlocks most, both sides together.",
                "command": f"tf-parity read {model}",
            }
        )
        steps.append(
            {
                "why": "See its proof run.",
                "command": f"tf-parity run --chapter {model}",
            }
        )
    for status in ("changes", "gone", "restructure"):
        symbols = Counter(each.symbol for each in to_do if each.status == status)
        if symbols:
            symbol, count = symbols.most_common(1)[0]
            steps.append(
                {
                    "why": f"Know the most frequent symbol that is '{status}', {count} uses.",
                    "command": f"tf-parity explain {symbol}",
                }
            )
    steps.append(
        {
            "why": "Keep what is done: let CI refuse what is gone.",
            "command": "tf-parity scan . --fail-on gone",
        }
    )
    return steps


def tables(data):
    """The guide for the terminal."""
    order = Table(
        title="Reading order: chapters by what they unlock here", title_justify="left"
    )
    order.add_column("", justify="right")
    order.add_column("chapter", no_wrap=True)
    order.add_column("unlocks", justify="right")
    order.add_column("for instance", overflow="fold")
    order.add_column("teaches", overflow="fold")
    for number, each in enumerate(data["reading"], 1):
        order.add_row(
            str(number),
            each["chapter"],
            f"{each['unlocks']:,}",
            Text("\n".join(each["symbols"])),
            Text(each["teaches"]),
        )
    effort = Table(title="Effort", title_justify="left")
    effort.add_column("status")
    for heading in ("uses", "symbols", "files"):
        effort.add_column(heading, justify="right")
    effort.add_column("each asks for")
    for status, counts in data["effort"].items():
        effort.add_row(
            Text(status, terminal.STYLES[status]),
            *[f"{counts[key]:,}" for key in ("uses", "symbols", "files")],
            EFFORT[status],
        )
    parts = []
    if data["reading"]:
        parts.append(order)
    if data["without_chapter"]:
        parts.append(Text(f"{data['without_chapter']:,} uses need no chapter.", "dim"))
    parts.append(effort)
    if data["first_steps"]:
        parts.append(Text("\nFirst steps", style="bold"))
    for number, step in enumerate(data["first_steps"], 1):
        parts.append(Text(f"{number}. {step['why']}\n   {step['command']}"))
    if not any(counts["uses"] for counts in data["effort"].values()):
        parts = [Text("Nothing to do: no use of TensorFlow 1.x needs a change.")]
    return Group(*parts)
