"""The geometry of a report's plots: in percent of the area that a page gives them.

Inline SVG without text, so that it may be stretched to any width; labels are HTML. No
plotting library draws that: theirs hold fixed sizes, colours of one scheme, or a script.
"""

import math
from typing import NamedTuple

from parity_tests.engine.cell_tables import short
from parity_tests.engine.ulps import INCOMPARABLE
from parity_tests.pair.traces import SESSION

SHADES = 8
BITS = 4  # binary places that a shade takes
MOST_ROWS = 40  # of a heat map
TICKS = 4


class Line(NamedTuple):
    """name: for the legend. kind: class of its look. path: SVG. last: its last value."""

    name: str
    kind: str
    path: str
    last: str


class Plot(NamedTuple):
    """lines: [Line]. x, y: [(percent from the left or the bottom, label)]."""

    lines: list
    x: list
    y: list


class Row(NamedTuple):
    """A row of a heat map: cells are (left, width, shade, what it says), in columns."""

    name: str
    worst: str
    cells: list


class HeatMap(NamedTuple):
    """rows: [Row], the furthest off first. equal: how many others never differ.
    more: how many are not shown. columns: how many there are. x: as of a Plot."""

    rows: list
    equal: int
    more: int
    columns: int
    x: list


def told(ulps):
    """A distance in words."""
    if ulps == INCOMPARABLE:
        return "not comparable"
    return f"{short(ulps) if ulps else 0} ULP"


def losses(trace, level):
    """The ``Plot`` of both sides' losses, or None where nothing has one."""
    series = []
    for number, (name, _) in enumerate(trace.losses[SESSION].items()):
        suffix = f" {name}" if len(trace.losses[SESSION]) > 1 else ""
        for side, kind in ((SESSION, "tf1"), (level, "tf2")):
            points = [
                (step, value)
                for step, value in trace.losses[side].get(name, ())
                if math.isfinite(value)
            ]
            if points:
                title = ("TF1" if side == SESSION else f"the twin, {level}") + suffix
                last = f"{points[-1][1]:.6g}"
                series.append((title, f"{kind} s{number % 6}", points, last))
    if not series:
        return None
    values = [value for *_, points, _ in series for _, value in points]
    ticks = _ticks(min(values), max(values))
    low, high = min(*ticks, *values), max(*ticks, *values)
    return _plot(series, trace.steps, low, high, [(v, f"{v:.4g}") for v in ticks])


def drift(trace):
    """The ``Plot`` of each stage's greatest distance, in binary places; None if all are 0.

    One ULP is 1, each doubling one more; what is not comparable stands at the top.
    """
    series, highest = [], 4
    drifts = {stage: trace.drift(stage) for stage in trace.measured}
    for columns in drifts.values():
        known = [ulps for ulps in columns.values() if ulps != INCOMPARABLE]
        highest = max([highest, *(ulps.bit_length() for ulps in known)])
    for number, (stage, columns) in enumerate(drifts.items()):
        if not columns:
            continue
        points = [
            (
                min(trace.steps, column * trace.width),
                min(highest, columns.get(column, 0).bit_length()),
            )
            for column in sorted(trace.measured[stage] | set(columns))
        ]
        last = told(max(columns.values()))
        series.append((stage, f"s{number % 6}", points, last))
    if not series:
        return None
    ticks = [0, *range(BITS, highest + 1, max(BITS, highest // TICKS))]
    labels = [(bits, "0" if bits == 0 else short(2 ** (bits - 1))) for bits in ticks]
    return _plot(series, trace.steps, 0, highest, labels)


def heat_map(trace, stages):
    """The ``HeatMap`` of the tensors of the last of some stages; None without any."""
    names = trace.tensors.get(stages[-1]) or trace.tensors.get(stages[0], {})
    differing = {}
    for name in names:
        columns = {}
        for stage in stages:
            for column, ulps in trace.drift(stage, name).items():
                columns[column] = max(columns.get(column, 0), ulps)
        if columns:
            differing[name] = columns
    if not names:
        return None
    # First what parts first, then what is furthest off.
    listed = sorted(
        differing.items(), key=lambda item: (min(item[1]), -max(item[1].values()))
    )
    rows = [
        Row(name, told(max(columns.values())), _cells(trace, columns))
        for name, columns in listed[:MOST_ROWS]
    ]
    return HeatMap(
        rows,
        len(names) - len(differing),
        len(listed) - len(rows),
        trace.columns,
        _steps(trace.steps, trace.columns * trace.width),
    )


def shade(ulps):
    """1 to SHADES, each of BITS binary places; "none" for what is not comparable."""
    if ulps == INCOMPARABLE:
        return "none"
    return str(min(SHADES, 1 + (ulps.bit_length() - 1) // BITS))


def shades():
    """[(shade, the distances that it stands for)]."""
    named = [
        (str(number), f"up to {short(2 ** (BITS * number) - 1)} ULP")
        for number in range(1, SHADES)
    ]
    return [*named, (str(SHADES), "more"), ("none", "not comparable")]


def steps_of(trace, column):
    """Which steps a column stands for, as text."""
    first = column * trace.width
    last = min(trace.steps, first + trace.width - 1)
    return f"step {first}" if first == last else f"steps {first}–{last}"


def _cells(trace, columns):
    """Neighbours of one shade are one cell."""
    cells = []
    for column in sorted(columns):
        ulps, begin = columns[column], column
        if cells and cells[-1][1] == column and shade(cells[-1][2]) == shade(ulps):
            begin, _, before = cells.pop()
            ulps = max(ulps, before)
        cells.append((begin, column + 1, ulps))
    spoken = []
    for begin, end, ulps in cells:
        place = steps_of(trace, begin)
        if end - begin > 1:
            last = min(trace.steps, end * trace.width - 1)
            place = f"steps {begin * trace.width}–{last}"
        spoken.append((begin, end - begin, shade(ulps), f"{place}: {told(ulps)}"))
    return spoken


def _plot(series, steps, low, high, ticks):
    span = (high - low) or 1.0
    lines = []
    for title, kind, points, last in series:
        places = [
            f"{100 * step / max(1, steps):.2f} {100 - 100 * (value - low) / span:.2f}"
            for step, value in points
        ]
        # One point is a line of no length, which round ends make a dot.
        path = "M" + "L".join(places if len(places) > 1 else places * 2)
        lines.append(Line(title, kind, path, last))
    y = [(round(100 * (value - low) / span, 2), label) for value, label in ticks]
    return Plot(lines, _steps(steps, max(1, steps)), y)


def _steps(steps, extent):
    """[(percent from the left, label)] of round steps up to the last."""
    ticks = sorted({int(tick) for tick in _ticks(0, max(1, steps)) if tick <= steps})
    return [(round(100 * tick / extent, 2), f"{tick:,}") for tick in ticks]


def _ticks(low, high):
    """About TICKS round numbers from ``low`` to ``high``."""
    span = (high - low) or abs(high) or 1.0
    unit = 10.0 ** math.floor(math.log10(span / TICKS))
    unit *= next((m for m in (1, 2, 5) if span / (m * unit) <= TICKS), 10)
    first = math.ceil(low / unit - 1e-9)
    count = math.floor(high / unit + 1e-9) - first + 1
    return [(first + number) * unit for number in range(max(1, count))]
