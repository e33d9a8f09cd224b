"""The geometry of a plot of curves: in percent of the area that a page gives it.

Inline SVG without text, so that it may be stretched to any width; labels are HTML
(``tf2_keras/migrate/figure.html``). No plotting library draws that: theirs hold fixed
sizes, colours of one scheme, or a script.
"""

import math
from typing import NamedTuple

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


def of_values(series, steps):
    """The ``Plot`` of curves over one axis of numbers; None without any.

    Args:
        series: [(name, kind, [(step, value)], last value as text)].
        steps: of the axis.
    """
    if not series:
        return None
    values = [value for *_, points, _ in series for _, value in points]
    marks = ticks(min(values), max(values))
    low, high = min(*marks, *values), max(*marks, *values)
    return plot(series, steps, low, high, [(value, f"{value:.4g}") for value in marks])


def plot(series, steps, low, high, marks):
    """The ``Plot`` of curves between two heights.

    marks: [(value, label)] of the vertical axis.
    """
    span = (high - low) or 1.0
    lines = []
    for name, kind, points, last in series:
        places = [
            f"{100 * step / max(1, steps):.2f} {100 - 100 * (value - low) / span:.2f}"
            for step, value in points
        ]
        # One point is a line of no length, which round ends make a dot.
        path = "M" + "L".join(places if len(places) > 1 else places * 2)
        lines.append(Line(name, kind, path, last))
    y = [(round(100 * (value - low) / span, 2), label) for value, label in marks]
    return Plot(lines, of_steps(steps, max(1, steps)), y)


def of_steps(steps, extent):
    """[(percent from the left, label)] of round steps up to the last."""
    marks = sorted({int(tick) for tick in ticks(0, max(1, steps)) if tick <= steps})
    return [(round(100 * tick / extent, 2), f"{tick:,}") for tick in marks]


def ticks(low, high):
    """About TICKS round numbers from ``low`` to ``high``."""
    span = (high - low) or abs(high) or 1.0
    unit = 10.0 ** math.floor(math.log10(span / TICKS))
    unit *= next((m for m in (1, 2, 5) if span / (m * unit) <= TICKS), 10)
    first = math.ceil(low / unit - 1e-9)
    count = math.floor(high / unit + 1e-9) - first + 1
    return [(first + number) * unit for number in range(max(1, count))]
