"""The reading order for a code base: which chapters and pages unlock how much of it."""

from collections import Counter

from rich.console import Group
from rich.table import Table
from rich.text import Text

from tf2_keras.migrate import cover, pages
from tf2_keras.migrate.printable import printable
from tf2_keras.migrate.statuses import IN_ORDER_OF_WORK, STATUSES
from tf2_keras.migrate.terminal import counted, taken_for_tf2

SYMBOLS = 4  # that an entry names
NOT_SHOWN = 20  # symbols that no chapter shows, the most frequent of them


def reading(report, chapters=None, constructs=None):
    """The guide as plain data.

    A chapter is worth the uses that it shows and no chapter before it in the list; a page
    those whose rules name it.

    report: a scan.Report.
    chapters: {chapter: what it teaches}, in the order in which they are read.
    constructs: what each shows, of ``cover.shown``.
    """
    to_do = report.to_show()
    chapters = chapters or {}
    order = {chapter: (constructs or {}).get(chapter, set()) for chapter in chapters}
    added = cover.by_what_they_add(to_do, order)
    of_chapters = [
        _entry(pages.page(chapter, chapters), findings) for chapter, findings in added
    ]
    of_pages = [
        _entry(page, [finding for finding in to_do if finding.chapter == page.stem])
        for page in pages.named(to_do, chapters)
        if not page.is_chapter
    ]
    of_pages.sort(key=lambda entry: -entry["unlocks"])  # ties stay as they were
    shown = {id(finding) for _, findings in added for finding in findings}
    effort = {}
    for status in IN_ORDER_OF_WORK:
        findings = [finding for finding in to_do if finding.status == status]
        effort[status] = {
            "uses": len(findings),
            "symbols": len({finding.symbol for finding in findings}),
            "files": len({finding.file for finding in findings}),
        }
    return {
        "files": report.files,
        "chapters": of_chapters,
        "pages": of_pages,
        "without_chapter": sum(
            not finding.chapter and id(finding) not in shown for finding in to_do
        ),
        "effort": effort,
        "first_steps": _first_steps(to_do, of_chapters),
        "summary": report.summary(),
    }


def _entry(page, findings):
    symbols = [finding.symbol for finding in findings]
    frequent = Counter(symbols).most_common(SYMBOLS)
    entry = {
        page.kind: page.stem,
        "unlocks": len(symbols),
        "teaches": page.teaches,
        "symbols": [symbol for symbol, _ in frequent],
        "file": page.file,
    }
    return entry | ({"read": page.to_read} if page.is_chapter else {})


def _first_steps(to_do, chapters):
    """Commands to run now, each with its reason."""
    if not to_do:
        return []
    steps = []
    drawn = [finding for finding in to_do if finding.symbol == "tf.set_random_seed"]
    if drawn:
        where = f"{printable(drawn[0].file)}:{drawn[0].line}"
        steps.append(
            (
                f"Freeze the TF1 numbers: set a seed, first in {where}, export the "
                "graph, and list what it draws.",
                "tf-parity seeds MODEL.meta",
            )
        )
    if chapters:
        chapter = chapters[0]["chapter"]
        steps += [
            (
                "Read the chapter that unlocks most, both sides together.",
                f"tf-parity read {chapter}",
            ),
            ("See its proof run.", f"tf-parity run --chapter {chapter}"),
        ]
    for status in ("changes", "gone", "restructure"):
        symbols = Counter(
            finding.symbol for finding in to_do if finding.status == status
        )
        for symbol, count in symbols.most_common(1):
            steps.append(
                (
                    f"Know the most frequent symbol that is '{status}', "
                    f"{counted(count, 'use')}.",
                    f"tf-parity explain {symbol}",
                )
            )
    steps.append(
        (
            "Keep what is done: let CI refuse what is gone.",
            "tf-parity scan . --fail-on gone",
        )
    )
    return [{"why": why, "command": command} for why, command in steps]


def covering(report, constructs):
    """How many files and uses the chapters show, in the order that shows most first.

    report, constructs: as of ``reading``.
    """
    steps, files, uses, left = cover.cover(report.findings, constructs)
    missing = Counter(finding.symbol for finding in left)
    unproven = cover.unproven(left)
    return {
        "files": files,
        "uses": uses,
        "shown_or_proven": {
            "files": files - len({finding.file for finding in unproven}),
            "uses": uses - len(unproven),
        },
        "chapters": [step._asdict() for step in steps],
        "not_shown": dict(missing.most_common(NOT_SHOWN)),
        "summary": report.summary(),
    }


# ------------------------------------------------------------------------ the terminal


def tables(data):
    """The guide for the terminal."""
    taken = data["summary"]["taken_for_tf2"]
    parts = []
    if taken["uses"]:
        parts = [Text(taken_for_tf2((taken["uses"], taken["files"])) + "\n", "bold")]
    if not any(counts["uses"] for counts in data["effort"].values()):
        if parts:
            return parts[0]
        return Text("Nothing to do: no use of TensorFlow 1.x needs a change.")
    for heading, kind in (
        ("Chapters, each by what it adds here to those before it", "chapter"),
        ("Pages of the guide, by what they unlock here", "page"),
    ):
        entries = data[f"{kind}s"]
        if entries:
            parts += [Text(heading, "bold"), _reading_list(entries, kind), Text("")]
    if data["without_chapter"]:
        words = f"{data['without_chapter']:,} uses need no chapter and no page.\n"
        parts.append(Text(words, "dim"))
    parts += [Text("Effort", "bold"), _effort(data["effort"])]
    if data["first_steps"]:
        parts.append(Text("\nFirst steps", "bold"))
    for number, step in enumerate(data["first_steps"], 1):
        parts.append(Text(f"{number}. {step['why']}\n   {step['command']}"))
    return Group(*parts)


def _reading_list(entries, kind):
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(justify="right")
    grid.add_column(overflow="fold")
    for number, entry in enumerate(entries, 1):
        text = Text(entry[kind], "bold")
        text.append(f"  {counted(entry['unlocks'], 'use')}", style="default")
        if entry["teaches"]:
            text.append(f"\n{entry['teaches']}", style="default")
        text.append(f"\n{entry.get('read', entry['file'])}", style="cyan")
        symbols = ", ".join(entry["symbols"])
        text.append(f"\nfor instance {symbols}", style="dim")
        grid.add_row(f"{number}.", text)
    return grid


def _effort(effort):
    table = Table()
    table.add_column("status")
    for heading in ("uses", "symbols", "files"):
        table.add_column(heading, justify="right")
    table.add_column("each asks for")
    for status, counts in effort.items():
        table.add_row(
            Text(status, STATUSES[status].style),
            *[f"{counts[key]:,}" for key in ("uses", "symbols", "files")],
            STATUSES[status].asks_for,
        )
    return table


def cover_table(data):
    """What ``covering`` found, for the terminal."""
    if not data["files"]:
        return Text("Nothing to cover: no use of TensorFlow 1.x needs a chapter.")
    table = Table(title="Chapters, each by the files it completes")
    table.add_column("chapter", no_wrap=True)
    for heading in ("files shown whole so far", "uses shown so far"):
        table.add_column(heading, justify="right")
    for step in data["chapters"]:
        table.add_row(
            step["chapter"],
            *(_share(step, data, kind) for kind in ("files", "uses")),
        )
    note = "A file is shown whole when chapters use all that it uses and needs work."
    files, uses = (
        _share(data["shown_or_proven"], data, kind) for kind in ("files", "uses")
    )
    also = f"Shown, or proven by a test that scan names: {files} files, {uses} uses."
    missing = ", ".join(f"{name} {uses}" for name, uses in data["not_shown"].items())
    texts = note, also, f"In no chapter, most used: {missing or '-'}"
    return Group(table, *map(Text, texts))


def _share(part, whole, kind):
    """'1 of 2   50%'."""
    return f"{part[kind]:,} of {whole[kind]:,}  {part[kind] / whole[kind]:4.0%}"
