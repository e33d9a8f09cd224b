"""What a scan found, as tables in the terminal."""

import itertools

from rich.console import Group
from rich.table import Table
from rich.text import Text

from tf2_keras.migrate import catalogue, scan

STYLES = {
    "gone": "bold red",
    "restructure": "magenta",
    "changes": "yellow",
    "renamed": "cyan",
    "same": "green",
    "unknown": "bold",
}
MEANS = {
    "gone": "absent in TensorFlow 2, even under compat.v1",
    "restructure": "no one line replaces it: see the chapter",
    "changes": "the same name or its official successor computes other numbers",
    "renamed": "the same numbers under another name",
    "same": "stays as it is",
    "unknown": "not in TensorFlow 1.15's public interface",
}
ORDER = {status: place for place, status in enumerate(MEANS)}
PLACES = 12  # of one symbol that are listed one by one
SKIPPED = 5  # files that are listed for each reason


def printable(text):
    """``text`` without what no terminal or UTF-8 file can take, such as odd file names."""
    return text.encode("utf-8", "replace").decode("utf-8")


def report(found, by="file", everything=False):
    """Everything that a scan.Report holds; grouped by file or by symbol."""
    findings = [each for each in found.findings if everything or each.status != "same"]
    tables = by_symbol(findings) if by == "symbol" else by_file(findings)
    return Group(*tables, *summary(found))


def by_file(findings):
    for file, of_file in itertools.groupby(findings, key=lambda each: each.file):
        table = _table(printable(file))
        table.add_column("line", overflow="fold", max_width=24)
        for group in grouped(list(of_file)):
            first = group[0]
            places = [each.cell or str(each.line) for each in group]
            table.add_row(
                Text(first.status, STYLES[first.status]),
                Text(first.symbol),
                _advice(first),
                Text("; ".join(shortened(places))),
            )
        yield table


def by_symbol(findings):
    table = _table("")
    table.add_column("uses", justify="right")
    table.add_column("where", overflow="fold", max_width=48)
    groups = grouped(findings)
    for group in sorted(
        groups, key=lambda group: (ORDER[group[0].status], -len(group))
    ):
        first = group[0]
        places = [f"{printable(each.file)}:{each.line}" for each in group]
        table.add_row(
            Text(first.status, STYLES[first.status]),
            Text(first.symbol),
            _advice(first),
            str(len(group)),
            Text("\n".join(shortened(places, 4))),
        )
    if groups:
        yield table


def _table(title):
    table = Table(
        title=Text(title), title_justify="left", title_style="bold", expand=True
    )
    table.add_column("status")
    table.add_column("symbol", overflow="fold", max_width=36)
    table.add_column("becomes", overflow="fold", ratio=1)
    return table


def grouped(findings):
    """Findings that say the same of the same symbol, together."""
    groups = {}
    for each in findings:
        key = (each.symbol, each.status, each.replacement, each.note)
        groups.setdefault(key, []).append(each)
    return list(groups.values())


def _advice(finding):
    text = Text(finding.replacement or "no successor")
    if not finding.replacement:
        text.stylize("dim")
    for more in (finding.note, finding.chapter and f"chapter: {finding.chapter}"):
        if more:
            text.append("\n" + more, style="dim")
    return text


def shortened(places, most=PLACES):
    if len(places) <= most:
        return places
    return [*places[:most], f"and {len(places) - most} more"]


def summary(found):
    """The counts, and what was skipped and why."""
    of_scan = found.summary()
    table = Table(
        title=f"{_number(found.files, 'file')}, {_number(found.lines, 'line')},"
        f" {_number(of_scan['uses'], 'use')} of TensorFlow 1.x",
        title_justify="left",
    )
    table.add_column("status")
    table.add_column("uses", justify="right")
    table.add_column("means")
    for status, count in of_scan["statuses"].items():
        table.add_row(Text(status, STYLES[status]), f"{count:,}", MEANS[status])
    yield table
    for reason, count in of_scan["skipped"].items():
        yield Text(f"skipped, {reason}: {count}", style="bold")
        of_reason = [each for each in found.skipped if each.reason == reason]
        for each in of_reason[:SKIPPED]:
            line = f":{each.line}" if each.line else ""
            detail = f": {each.detail}" if each.detail else ""
            yield Text(f"  {printable(each.file)}{line}{printable(detail)}")
        if count > SKIPPED:
            yield Text(f"  and {count - SKIPPED} more")


def _number(count, noun):
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


# --------------------------------------------------------------------- explain SYMBOL


class UnknownSymbol(ValueError):
    """A symbol that is none of TensorFlow 1.x's; the message shows the nearest."""


def explained(symbol):
    """The catalogue's Rule of a symbol, which may be written tf.… or without.

    Raises:
        UnknownSymbol: with the nearest names.
    """
    name = symbol if symbol.startswith(("tf.", "tensorflow.")) else f"tf.{symbol}"
    known = scan.resolve(name.replace("tf.", "tensorflow.", 1))
    rule = catalogue.find(name) if known and known.listed else None
    if rule is None:
        nearest = catalogue.nearest(name)[:5]
        remedy = f"Nearest: {', '.join(nearest)}" if nearest else "Write it as tf.log"
        raise UnknownSymbol(
            f"SYMBOL must be one of TensorFlow 1.x. Received: {symbol}. {remedy}."
        )
    return rule


def explanation(rule):
    """All that a catalogue.Rule says, as a table."""
    table = Table(title=Text(rule.symbol), title_justify="left", show_header=False)
    table.add_column("what", style="bold")
    table.add_column("says", overflow="fold")
    status = Text(rule.status, STYLES[rule.status])
    table.add_row("status", status.append(f": {MEANS[rule.status]}", style="default"))
    _rows(table, rule)
    for case in rule.cases:
        table.add_section()
        table.add_row("when", Text(_condition(case.when)))
        if case.status:
            table.add_row("status", Text(case.status, STYLES[case.status]))
        _rows(table, case)
    for name in ("before", "after"):
        if getattr(rule, name):
            table.add_section()
            table.add_row(name, Text(getattr(rule, name)))
    return table


def _rows(table, rule):
    for name in ("replacement", "note", "chapter", "evidence"):
        text = getattr(rule, name)
        if text:
            table.add_row(name, Text(text))


def _condition(when):
    words = []
    for key, value in when.items():
        if key == "argument":
            place = f" (or number {when['position'] + 1})" if "position" in when else ""
            words.append(f"the argument {value}{place} is given")
        elif key == "missing":
            words.append(f"the argument {value} is missing")
        elif key == "is":
            words.append(f"and is {value!r}")
        elif key == "positional_from":
            words.append(f"more than {value} arguments go by position")
        elif key == "without_call":
            words.append(f"the program never uses {value.replace('|', ' or ')}")
        elif key == "with_call":
            words.append(f"the program uses {value.replace('|', ' or ')}")
    return " ".join(words)
