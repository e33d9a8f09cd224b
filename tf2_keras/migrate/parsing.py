"""A text of Python 3 or Python 2 as a syntax tree, with places in the text as it is.

What Python 3 parses goes through ``ast``; the rest is read as Python 2 by fissix, the
successor of lib2to3, rewritten in memory, and parsed again. fissix reads what Python 3
refuses of Python 2.7's own library; parso no longer has a grammar for Python 2 and left
errors in it.
"""

import ast
import functools
from typing import NamedTuple

LONGEST_LINE = 120  # characters of a line that a report shows
PYTHON_2_FIXERS = tuple(
    f"fissix.fixes.fix_{name}"
    for name in (
        "except",
        "exec",
        "ne",
        "paren",
        "print",
        "raise",
        "repr",
        "tuple_params",
    )
)


class Refused(Exception):
    """A text that cannot be parsed: what is wrong, and its line, 0 if none is."""

    def __init__(self, what, line):
        super().__init__(what)
        self.what, self.line = what, line


class Place(NamedTuple):
    """Where a node stands in its file; line and column count from 1, in characters.

    cell: where in a notebook, or ''.
    text: the line as written, without the blanks around it; cut where it is long.
    """

    line: int
    column: int
    cell: str
    text: str


def line_of(lines, number):
    """The line of this number, counted from 1, as a Place has it; '' behind the last."""
    line = lines[number - 1].strip() if number <= len(lines) else ""
    return line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + "…"


def statements(text):
    """Statements of a Python 3 or Python 2 text, and their positions in it.

    Returns:
        [ast.stmt], and a function: (line, column in UTF-8 bytes from 0) of a node ->
        (line, column in characters from 1) in the text.

    Raises:
        Refused: if it is neither.
    """
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError) as error:
        return _python_2(text, error)
    return body, _characters(text)


def _characters(text):
    """(line, column in UTF-8 bytes from 0) -> (line, column in characters from 1)."""
    lines = text.split("\n")

    def place(line, column):
        text = lines[line - 1] if line <= len(lines) else ""
        if not text.isascii():
            column = len(text.encode("utf-8")[:column].decode("utf-8", "ignore"))
        return line, column + 1

    return place


def _python_2(text, error):
    """``text`` rewritten as Python 3 and parsed; positions are mapped back."""
    # Takes 0.1 s, which only code bases with Python 2 in them pay.
    from fissix.pgen2 import driver, parse, pgen, token
    from fissix.pgen2 import tokenize as python_2_tokenize

    # fissix keeps its grammar in a cache below HOME and dies where it cannot write
    # there, or reads there what another process has half written.
    driver.load_grammar = pgen.generate_grammar
    from fissix import pygram, pytree

    refused = Refused(
        getattr(error, "msg", None) or str(error), getattr(error, "lineno", None) or 0
    )
    if not text.endswith("\n"):
        text += "\n"
    for grammar in (pygram.python_grammar, pygram.python_grammar_no_print_statement):
        try:
            tree = driver.Driver(grammar, convert=pytree.convert).parse_string(text)
        except (
            parse.ParseError,
            python_2_tokenize.TokenError,
            IndentationError,
            KeyError,
            AttributeError,
            ValueError,
        ):
            continue
        for leaf in tree.leaves():
            leaf.value = _modern(leaf.value, leaf.type, token)
        _fixers().refactor_tree(tree, "source")
        try:
            rewritten = str(tree)
            return ast.parse(rewritten).body, _positions(tree, rewritten)
        except (SyntaxError, ValueError):
            continue
    raise refused


def _modern(value, kind, token):
    """A token of Python 2 that Python 3 has in another form."""
    if kind == token.STRING and value[:2].lower() == "ur":
        return value[1:]
    if kind == token.NUMBER:
        value = value.rstrip("lL")
        if value.isdecimal() and value.startswith("0") and value.strip("0"):
            return "0o" + value
        return value
    if value in ("async", "await") and kind in (token.NAME, token.ASYNC, token.AWAIT):
        return value + "_"
    return value


@functools.cache
def _fixers():
    from fissix import refactor

    return refactor.RefactoringTool(PYTHON_2_FIXERS)


def _positions(tree, rewritten):
    """Maps positions in the rewritten text to where each token stood before."""
    original, line, column = {}, 1, 0
    for leaf in tree.leaves():
        for text, is_value in ((leaf.prefix, False), (leaf.value, True)):
            if is_value and leaf.lineno:
                original[line, column] = (leaf.lineno, leaf.column + 1)
            breaks = text.count("\n")
            line += breaks
            column = len(text) - text.rfind("\n") - 1 if breaks else column + len(text)
    exact = _characters(rewritten)

    def place(line, column):
        line, column = exact(line, column)
        return original.get((line, column - 1), (line, column))

    return place
