"""What a scan found, and what is known of a symbol, for the terminal."""

import itertools

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tf2_keras.migrate import (
    addresses,
    catalogue,
    differences,
    pages,
    public_names,
)
from tf2_keras.migrate.printable import printable
from tf2_keras.migrate.signatures import signature
from tf2_keras.migrate.statuses import STATUSES
from tf2_keras.migrate.when import VALUES

SEVERITY = {status: place for place, status in enumerate(STATUSES)}
PLACES = 12  # of one symbol that are listed one by one
FILES = 4  # the same, where each is a file
SKIPPED = 5  # files that are listed for each reason


def report(report, by="file", everything=False, chapters=None):
    """All that a scan.Report holds; grouped by file or by symbol.

    chapters: {chapter: what it teaches}, of those that can be read.
    """
    findings = report.to_show(everything)
    kinds = {page.stem: page for page in pages.named(findings, chapters)}
    entries = by_symbol if by == "symbol" else by_file
    return Group(*entries(findings, kinds), *summary(report), *_to_read(kinds))


def by_file(findings, kinds):
    for file, in_file in itertools.groupby(findings, key=lambda finding: finding.file):
        yield Text(printable(file), "bold underline")
        grid = _grid()
        for group in grouped(in_file):
            _add(grid, group[0], _where(group), kinds)
        yield Padding(grid, (0, 0, 1, 0))


def by_symbol(findings, kinds):
    grid = _grid()
    groups = sorted(
        grouped(findings), key=lambda group: (SEVERITY[group[0].status], -len(group))
    )
    for group in groups:
        lines = dict.fromkeys(
            f"{printable(finding.file)}:{finding.line}" for finding in group
        )
        uses = counted(len(group), "use")
        _add(grid, group[0], uses, kinds, shortened(list(lines), FILES))
    if groups:
        yield Padding(grid, (0, 0, 1, 0))


def _where(group):
    if group[0].cell:
        return "; ".join(shortened([finding.cell for finding in group]))
    noun = "line" if len(group) == 1 else "lines"
    return f"{noun} {', '.join(shortened([str(finding.line) for finding in group]))}"


def _grid():
    """A column for the status; one for the finding, with its advice below."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(min_width=max(map(len, STATUSES)), no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _add(grid, finding, where, kinds, places=()):
    text = Text(finding.symbol, "bold")
    text.append(f"  {where}", "not bold dim")
    becomes = f"→ {finding.replacement}" if finding.replacement else "no successor"
    text.append("\n" + becomes, "not bold")
    for line in (finding.note, _page_of(finding, kinds), *places):
        if line:
            text.append("\n" + line, "not bold dim")
    grid.add_row(Text(finding.status, STATUSES[finding.status].style), text)


def _page_of(finding, kinds):
    stem = finding.chapter
    return f"{kinds[stem].kind}: {stem}" if stem else ""


def grouped(findings):
    """Findings that say the same of the same symbol, together."""
    groups = {}
    for finding in findings:
        key = (finding.symbol, finding.status, finding.replacement, finding.note)
        groups.setdefault(key, []).append(finding)
    return list(groups.values())


def shortened(places, most=PLACES):
    if len(places) <= most:
        return places
    return [*places[:most], f"and {len(places) - most} more"]


def summary(report):
    """The counts, and what was skipped and why."""
    counts = report.summary()
    table = Table(
        title=f"{counted(report.files, 'file')}, {counted(report.lines, 'line')},"
        f" {counted(counts['uses'], 'use')} of TensorFlow 1.x",
        title_justify="left",
    )
    table.add_column("status")
    table.add_column("uses", justify="right")
    table.add_column("means")
    for status, count in counts["statuses"].items():
        style = STATUSES[status].style
        table.add_row(Text(status, style), f"{count:,}", STATUSES[status].means)
    yield table
    if counts["same_but_at_edges"]:
        yield Text(at_edges(counts["same_but_at_edges"]))
    if report.taken_for_tf2[0]:
        yield Text(taken_for_tf2(report.taken_for_tf2), style="bold")
    for reason, count in counts["skipped"].items():
        yield Text(f"skipped, {reason}: {count}", style="bold")
        skipped = [skip for skip in report.skipped if skip.reason == reason]
        for skip in skipped[:SKIPPED]:
            detail = f": {printable(skip.detail)}" if skip.detail else ""
            yield Text(f"  {skip.where}{detail}")
        if count > SKIPPED:
            yield Text(f"  and {count - SKIPPED} more")


def at_edges(count):
    """What ``same`` does not promise."""
    return (
        f"{counted(count, 'use')} of what stays as it is: 1.15 gave something else at an "
        "edge (NaN, the sign of a zero, half precision, other float types under Keras, no "
        "example). With --all each says which."
    )


def taken_for_tf2(taken):
    """What a scan could not know, and how to tell it."""
    uses, files = taken
    return (
        f"{counted(uses, 'use')} in {counted(files, 'file')} that exist in both were "
        "taken for TensorFlow 2. With --assume tf1 they are read as TensorFlow 1 code."
    )


def counted(count, noun):
    """'1 use', '1,200 uses'."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _to_read(kinds):
    """How to read the chapters and pages that were named above."""
    for kind in ("chapter", "page"):
        named = [page for page in kinds.values() if page.kind == kind]
        if named:
            yield Text(f"\n{kind.capitalize()}s named above", "bold")
        for page in named:
            yield Text(f"  {page.stem}: {page.to_read}", overflow="fold")


# --------------------------------------------------------------------- explain SYMBOL


class UnknownSymbol(ValueError):
    """A symbol that is none of TensorFlow 1.x's; the message shows the nearest."""


def explained(symbol):
    """The catalogue's Rule of a symbol, which may be written tf.… or without.

    Raises:
        UnknownSymbol: with the nearest names.
    """
    name = symbol if symbol.startswith(("tf.", "tensorflow.")) else f"tf.{symbol}"
    known = public_names.resolve(name.replace("tf.", "tensorflow.", 1))
    rule = catalogue.find(name) if known and known.listed else None
    if rule is None:
        # Of next to nothing, such as "tf.", what is short would be nearest.
        said = name.strip(". ").rpartition(".")[2]
        nearest = catalogue.nearest(name)[:5] if said not in ("", "tf") else ()
        remedy = f"Nearest: {', '.join(nearest)}" if nearest else "Write it as tf.log"
        raise UnknownSymbol(
            "SYMBOL must be one of TensorFlow 1.x. "
            f"Received: {printable(symbol).strip() or 'an empty text'}. {remedy}."
        )
    return catalogue.shown(rule)


def explanation(rule, chapters=None):
    """All that the catalogue knows: of its Rule, or of a symbol as ``explained`` has it.

    chapters: {chapter: what it teaches}, of those that can be read.
    """
    if isinstance(rule, str):
        rule = explained(rule)
    table = Table(title=Text(rule.symbol), title_justify="left", show_header=False)
    table.add_column("what", style="bold")
    table.add_column("says", overflow="fold")
    # What a call is told that no difference of the arguments touches comes first; those
    # of the differences that a case answers for come with it.
    plain, touched = rule, ()
    if rule.untouched:
        status, note, evidence, found = rule.untouched
        plain = rule._replace(status=status, note=note, evidence=evidence)
        with_case = {case.when.get("argument") for case in rule.cases}
        touched = [
            difference for difference in found if difference.name not in with_case
        ]
    status = Text(plain.status, STATUSES[plain.status].style)
    means = f": {STATUSES[plain.status].means}"
    table.add_row("status", status.append(means, style="default"))
    _rows(table, plain, chapters)
    address = addresses.of_symbol(rule.symbol)
    if address:
        table.add_row("site", Text(address))
    calls = differences.touched(touched)
    if calls:
        table.add_section()
        table.add_row("when", Text(calls))
        status = differences.status(touched)
        table.add_row("status", Text(status, STATUSES[status].style))
        sentences = differences.said(plain.note, touched)
        if sentences:
            table.add_row("note", Text(" ".join(sentences)))
        table.add_row("evidence", Text(differences.SIGNATURES))
    for case in rule.cases:
        table.add_section()
        table.add_row("when", Text(condition(case.when, rule.symbol)))
        if case.status:
            table.add_row("status", Text(case.status, STATUSES[case.status].style))
        _rows(table, case, chapters)
    for name in ("before", "after"):
        if getattr(rule, name):
            table.add_section()
            table.add_row(name, Text(getattr(rule, name)))
    return table


def answer(answer, chapters=None):
    """What an errors.Answer says of a message; below it the rule that it leads to."""
    error = answer.error
    table = Table(title=Text(answer.received), title_justify="left", show_header=False)
    table.add_column("what", style="bold")
    table.add_column("says", overflow="fold")
    if error.message not in answer.received:
        table.add_row("known as", Text(error.message))
    table.add_row("means", Text(error.means))
    table.add_row("write", Text(error.remedy))
    if error.instead:
        table.add_row("instead", Text(error.instead.strip()))
    page = pages.page(error.page, chapters)
    table.add_row(page.kind, Text(f"{page.stem}: {page.to_read}"))
    if error.thread:
        table.add_row("asked in", Text(error.thread))
    table.add_row("site", Text(addresses.of_message(error)))
    table.add_row("evidence", Text(error.evidence))
    if answer.rule is None:
        return table
    return Group(table, Text(""), explanation(answer.rule, chapters))


def _rows(table, rule, chapters):
    for name in ("replacement", "note"):
        if getattr(rule, name):
            table.add_row(name, Text(getattr(rule, name)))
    if rule.chapter:
        page = pages.page(rule.chapter, chapters)
        table.add_row(page.kind, Text(f"{page.stem}: {page.to_read}"))
    if rule.evidence:
        table.add_row("evidence", Text(rule.evidence))


def condition(when, symbol):
    """What the ``when`` of a Case asks of a call, in words."""
    return " ".join(_words(when, symbol))


def _words(when, symbol):
    if "argument" in when:
        name = when["argument"]
        place = when.get("position", signature(symbol).place(name))
        by_position = "" if place is None else f" (or number {place + 1})"
        given = "" if set(VALUES) & set(when) else " is given"
        yield f"the argument {name}{by_position}{given}"
    for key, words in CONDITIONS.items():
        if key in when:
            yield words(when[key])
    if "also" in when:
        yield "and"
        yield from _words(when["also"], symbol)


CONDITIONS = {
    "missing": lambda name: f"the argument {name} is missing",
    "keyword": lambda name: f"the argument {name} is given by name",
    "is": lambda value: f"is {_literal(value)}",
    "is_not": lambda value: f"is not {_literal(value)}",
    "kind": lambda kind: f"is written as a {kind}",
    "positional_from": lambda count: f"more than {count} arguments go by position",
    "without_call": lambda names: f"the file never uses {names.replace('|', ' or ')}",
    "with_call": lambda names: (
        f"it is given what {names.replace('|', ' or ')} returned"
    ),
}


def _literal(value):
    """As Python has it: None, and symbols of TensorFlow, are texts in rules.toml."""
    if value == "None":
        return value
    if isinstance(value, str) and value.startswith("tensorflow."):
        return catalogue.canonical(value)
    return repr(value)
