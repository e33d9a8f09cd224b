"""The rows of docs/traps.md as data: what people write, and how far off it is."""

import functools
import itertools
from typing import NamedTuple

from markdown_it import MarkdownIt

from tf2_keras.migrate import pages

PAGE = "traps"
COLUMNS = 6


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
    page = pages.docs() / f"{PAGE}.md"
    if not page.is_file():
        return ()
    tokens = MarkdownIt().enable("table").parse(page.read_text(encoding="utf-8"))
    found, section, row = [], "", []
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
                found.append(Trap(texts[0], texts[1], off, texts[5], section))
            row = []
    return tuple(found)


def _code(cell):
    return "".join(part.content for part in cell.children or ()) or cell.content
