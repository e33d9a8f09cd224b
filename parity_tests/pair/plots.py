"""What a report draws of a trace: losses, drift, and what differs when."""

import math
from typing import NamedTuple

from parity_tests.engine import curves
from parity_tests.engine.cell_tables import short
from parity_tests.engine.ulps import INCOMPARABLE
from parity_tests.pair.traces import SESSION

SHADES = 8
BITS = 4  # binary places that a shade takes
MOST_ROWS = 40  # of a heat map


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
    return curves.of_values(series, trace.steps)


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
    ticks = [0, *range(BITS, highest + 1, max(BITS, highest // curves.TICKS))]
    labels = [(bits, "0" if bits == 0 else short(2 ** (bits - 1))) for bits in ticks]
    return curves.plot(series, trace.steps, 0, highest, labels)


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
        curves.of_steps(trace.steps, trace.columns * trace.width),
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
