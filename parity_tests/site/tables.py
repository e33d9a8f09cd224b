"""The tables of the generated pages of docs/, as data."""

import functools
import itertools
from typing import NamedTuple

from markdown_it import MarkdownIt


class Row(NamedTuple):
    """A row of a table: the heading above it, the texts of its cells, and their links.

    links: the first target of each cell, '' where it has none.
    """

    section: str
    cells: tuple
    links: tuple


@functools.cache
def rows(path):
    """Every ``Row`` of a page, in its order; none where the pages did not come along."""
    if not path.is_file():
        return ()
    tokens = MarkdownIt().enable("table").parse(path.read_text(encoding="utf-8"))
    result, section, cells = [], "", []
    for opening, token in itertools.pairwise(tokens):
        if opening.type == "heading_open":
            section = token.content
        elif opening.type == "td_open":
            cells.append(token.children or ())
        elif opening.type == "tr_close" and cells:
            result.append(
                Row(section, tuple(map(_text, cells)), tuple(map(_link, cells)))
            )
            cells = []
    return tuple(result)


def _text(tokens):
    return "".join(token.content for token in tokens)


def _link(tokens):
    return next((token.attrs["href"] for token in tokens if "href" in token.attrs), "")
