"""The layout of the tables of numbers: nothing is cut, nothing wider than 100 columns."""

from rich.console import Group
from rich.constrain import Constrain
from rich.text import Text

from parity_tests.engine import cell_tables
from parity_tests.engine.records import STAGES, in_order

GAP = 2  # characters between two cells
WIDEST = 100  # characters of a line
OWN_INDENT = 24  # of what stands across the columns, at most


def grid(title, headings, sections, caption):
    """Lines of numbers in sections, each column as wide as its widest number.

    What would be wider than ``WIDEST`` goes on below, with the rows named again.

    Args:
        title, caption: one sentence above, some below.
        headings: of the columns of numbers; each word stands on a line of its own.
        sections: [(heading, [(name of a row, [cell, a Text or a str])])]; a row may be a
            name and a Text, which stands across the columns.
    """
    named = [row for _, of_section in sections for row in of_section]
    rows = [row for row in named if not isinstance(row[1], Text)]
    words = [heading.split() for heading in headings]
    deepest = max((len(column) for column in words), default=0)
    heads = [[""] * (deepest - len(column)) + column for column in words]
    names = GAP + max((len(name) for name, _ in named), default=0)
    widths = [
        max(len(text) for text in (*column, *(cells[number] for _, cells in rows)))
        for number, column in enumerate(heads)
    ]
    parts = [Text(title, "bold")]
    for place, columns in enumerate(_bands(names, widths)):

        def line(name, cells, style="", columns=columns):
            line = Text(name.ljust(names), style)
            if isinstance(cells, Text):
                return whole(line.append(" " * GAP).append(cells))
            for column in columns:
                line.append(" " * (GAP + widths[column] - len(cells[column])))
                line.append(cells[column])
            return whole(line)

        parts.append(Text())
        parts += [line("", cells, "bold") for cells in zip(*heads, strict=True)]
        parts.append(Text("─" * len(parts[-1]), "dim"))
        for heading, of_section in sections:
            parts.append(Text(heading, "bold"))
            parts += [
                line(" " * GAP + name, cells)
                for name, cells in of_section
                if place == 0 or not isinstance(cells, Text)
            ]
    return Constrain(Group(*parts, Text("\n" + caption, "dim")), WIDEST)


def _bands(names, widths):
    """[numbers of the columns that fit beside each other]."""
    bands, used = [], WIDEST
    for number, width in enumerate(widths):
        if used + GAP + width > WIDEST:
            bands.append([])
            used = names
        bands[-1].append(number)
        used += GAP + width
    return bands


def whole(line):
    """``line``, a Text that no break goes into: the terminal's own can be copied."""
    line.no_wrap, line.overflow = True, "ignore"
    return line


def divergence(place, description):
    """The first divergence of one comparison."""
    return whole(Text(f"\n{place}\n{description}"))


def _line(name, cells, names, widths, style=""):
    """A row; ``names`` is the width of its name, ``widths`` those of the cells."""
    line = Text((" " * GAP + name).ljust(names), style)
    for cell, width in zip(cells, widths, strict=True):
        line.append(" " * (GAP + width - len(cell)))
        line.append(cell)
    return line


def differences(title, sections):
    """A grid of comparisons. Stages of a section's own are named below its rows.

    Args:
        title: what was compared.
        sections: [(heading, [(name of a row, {stage: cell's ``as_data()``})])].
    """
    rows = [cells for _, of_section in sections for _, cells in of_section]
    stages = in_order(stage for cells in rows for stage in cells if stage in STAGES)
    return grid(
        title,
        stages,
        [
            (
                heading,
                [
                    row
                    for name, cells in of_section
                    for row in (
                        (name, [difference(cells.get(stage)) for stage in stages]),
                        *(("", line) for line in _own(cells)),
                    )
                ],
            )
            for heading, of_section in sections
        ],
        cell_tables.LEGEND,
    )


def _own(cells):
    """Lines of the stages that only some programs have: ``calls 0, kept 0``."""
    lines, room = [], WIDEST - OWN_INDENT
    for stage in in_order(cells):
        if stage in STAGES:
            continue
        shown = Text(f"{stage} ").append(difference(cells[stage]))
        if lines and len(lines[-1]) + len(shown) + GAP <= room:
            lines[-1].append(", ").append(shown)
        else:
            lines.append(shown)
    return lines


def difference(cell):
    """One comparison's worst difference, in the measure of its budget, as a Text."""
    styles = {None: "dim", True: "green", False: "bold red"}
    return Text(cell_tables.said(cell), styles[cell and cell["ok"]])


def speed(value):
    """Steps per second: 5.82, 34.4, 329, 26,830."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def conditions(environment):
    """The reference conditions as one paragraph."""
    text = ", ".join(f"{key} {value}" for key, value in environment.items())
    return Constrain(Text(text, "dim"), WIDEST)
