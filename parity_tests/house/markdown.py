"""The pages of the project, and the code that stands in them.

Pages are parsed as CommonMark, so that what a reader sees as code is what is tested.
A comment directly above a block says how it is to be taken: ``<!-- executed -->``,
``<!-- not executed: REASON -->``.
"""

import itertools
import pathlib
import re
import shlex
from typing import NamedTuple

from markdown_it import MarkdownIt

ROOT = pathlib.Path(__file__).parents[2]
PARSER = MarkdownIt("commonmark")


class Code(NamedTuple):
    """A block, or words of a line, set as code.

    page: path from the root. line: of the page, from 1. language: first word of the
    block's fence, or ``inline``. remark: the comment directly above a block.
    """

    page: str
    line: int
    language: str
    text: str
    remark: str = ""

    @property
    def place(self):
        return f"{self.page}:{self.line}"


def pages():
    """Every page, as a path; none where only the package is installed."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def code(page):
    """All Code of a page, in its order."""
    pieces, remark = [], ""
    name = page.relative_to(ROOT).as_posix()
    for token in PARSER.parse(page.read_text(encoding="utf-8")):
        if token.type == "fence":
            language = token.info.partition(" ")[0]
            pieces.append(Code(name, token.map[0] + 1, language, token.content, remark))
        for child in token.children or ():
            if child.type == "code_inline":
                pieces.append(Code(name, token.map[0] + 1, "inline", child.content))
        comment = re.fullmatch(r"<!-- (.*?) -->\n?", token.content)
        remark = comment[1] if token.type == "html_block" and comment else ""
    return pieces


def links(page):
    """The targets of all links and pictures of a page."""
    for token in PARSER.parse(page.read_text(encoding="utf-8")):
        for child in token.children or ():
            target = child.attrGet("href") or child.attrGet("src")
            if target:
                yield target


def anchors(page):
    """What a link may add to the address of a page: its headings as GitHub writes them."""
    tokens = PARSER.parse(page.read_text(encoding="utf-8"))
    headings = [
        "".join(part.content for part in content.children)
        for opening, content in itertools.pairwise(tokens)
        if opening.type == "heading_open"
    ]
    return {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}


def commands(piece):
    """The command lines of a Code, each as its words; what a console printed is none."""
    lines = piece.text.splitlines()
    if piece.language == "console":
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    for line in lines:
        for command in line.split(" && "):
            words = shlex.split(command, comments=True)
            if words:
                yield words
