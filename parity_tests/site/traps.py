"""The rows of docs/traps.md as data: what people write, and how far off it is."""

import functools
import html
import itertools
import math
import re
from typing import NamedTuple

from markdown_it import MarkdownIt

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
    if not FILE.is_file():
        return ()
    tokens = MarkdownIt().enable("table").parse(FILE.read_text(encoding="utf-8"))
    rows, section, row = [], "", []
    for opening, token in itertools.pairwise(tokens):
        if opening.type == "heading_open":
            section = token.content
        elif opening.type == "td_open":
            row.append(token)
        elif opening.type == "tr_close":
            if len(row) == COLUMNS and _code(row[0]).startswith("tf."):
                texts = [_code(cell) for cell in row]
                off = {
                    steps: text
                    for steps, text in zip((1, 10, 100), texts[2:5], strict=True)
                    if text
                }
                rows.append(Trap(texts[0], texts[1], off, texts[5], section))
            row = []
    return tuple(rows)


@functools.cache
def by_symbol():
    """{TF1 symbol: [its Traps]}"""
    grouped = {}
    for trap in traps():
        grouped.setdefault(trap.symbol, []).append(trap)
    return grouped


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
    label = html.escape(said(trap), quote=True)
    return (
        f'<svg class="twin-plot" role="img" aria-label="{label}" viewBox="0 0 50 16">'
        f'<path d="M0 15H50"/><polyline points="{path}"/></svg>'
    )


def _code(cell):
    return "".join(part.content for part in cell.children or ()) or cell.content
