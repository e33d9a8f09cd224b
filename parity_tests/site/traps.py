"""The rows of docs/traps.md as data: what people write, and how far off it is."""

import functools
import math
import re
from typing import NamedTuple

from parity_tests.site import tables
from parity_tests.site.words import _
from tf2_keras.migrate import pages

FILE = pages.docs() / "traps.md"
COLUMNS = 6
NUMBER = r"\d+(\.\d+)?(e[+-]?\d+)?"


class Trap(NamedTuple):
    """One naive migration that was measured.

    symbol: of TF1. written, instead: code, what people write and what TF1 computed.
    off: {steps: error as the page prints it}; without steps the first is all there is.
    section: of the page.
    """

    symbol: str
    written: str
    off: dict
    instead: str
    section: str


@functools.cache
def traps():
    """All Traps, in the order of the page; none where the pages did not come along."""
    result = []
    for section, cells, _links in tables.rows(FILE):
        if len(cells) == COLUMNS and cells[0].startswith("tf."):
            off = {
                steps: text
                for steps, text in zip((1, 10, 100), cells[2:5], strict=True)
                if text
            }
            result.append(Trap(cells[0], cells[1], off, cells[5], section))
    return tuple(result)


@functools.cache
def by_symbol():
    """{TF1 symbol: [its Traps]}"""
    grouped = {}
    for trap in traps():
        grouped.setdefault(trap.symbol, []).append(trap)
    return grouped


def errors(trap):
    """The errors of a Trap after 1, 10 and 100 steps, '' where there is none."""
    return [trap.off.get(steps, "") for steps in (1, 10, 100)]


def said(trap):
    """How far off a Trap is, in words: 'off by 2 after 1 step, 0.4 after 100'."""
    if list(trap.off) == [1]:
        texts = [trap.off[1]]
    else:
        texts = [
            (
                _("{error} after 1 step")
                if steps == 1
                else _("{error} after {steps} steps")
            ).format(error=text, steps=steps)
            for steps, text in trap.off.items()
        ]
    return _("off by {errors}").format(errors=_(", ").join(texts))


def plot(trap):
    """The errors over 1, 10 and 100 steps as a small SVG, both axes by powers of ten.

    The line from below is one ULP of float32, from above ten times the way trained; a
    single number is a bar.
    """
    heights = {
        steps: min(max((math.log10(float(text)) + 7) / 8, 0), 1) if float(text) else 0
        for steps, text in trap.off.items()
        if re.fullmatch(NUMBER, text)
    }
    points = [
        (2 + 23 * math.log10(steps), 14 - 12 * height)
        for steps, height in heights.items()
    ]
    if not points:
        return ""
    if len(points) == 1:
        points = [(points[0][0], 14), points[0]]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return (  # of what stands beside it in words
        '<svg class="twin-plot" aria-hidden="true" viewBox="0 0 50 16">'
        f'<path d="M0 15H50"/><polyline points="{path}"/></svg>'
    )
