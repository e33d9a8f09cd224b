"""The cells of a notebook as syntax trees, with places in its file."""

import ast
import bisect
import json
import json.decoder
import json.scanner
import re
from typing import NamedTuple

from tf2_keras.migrate import parsing

# Cell magics whose body is Python and runs in the notebook's own namespace.
TRANSPARENT_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")
TRANSPARENT_LINES = ("%time ", "%timeit ", "%prun ")
SURROGATE_PAIR = re.compile(r"\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}")


class Notebook(NamedTuple):
    """All code cells as one body.

    place: (line, column) of a node -> sources.Place in the notebook's file.
    lines: how many lines of code there are.
    refused: [(what was wrong, line in the file)] of cells that cannot be parsed.
    """

    body: list
    place: object
    lines: int
    refused: list


def read(text):
    """The Notebook of a text.

    Raises:
        parsing.Refused: if it has not the form of a notebook.
    """
    line_starts = [0]
    for index, character in enumerate(text):
        if character == "\n":
            line_starts.append(index + 1)

    body, refused, read_cells, offset, lines = [], [], [], 0, 0
    for number, pieces in _code_cells(text):
        source = "".join(pieces)
        lines += source.count("\n") + (not source.endswith("\n"))
        place_in_file = _in_json(text, pieces, line_starts)
        try:
            statements, place_in_cell = _cell_statements(source)
        except parsing.Refused as error:
            line, _ = place_in_file(max(error.line, 1), 1)
            refused.append((f"cell {number}: {error.what}", line))
            continue
        for statement in statements:
            ast.increment_lineno(statement, offset)
        read_cells.append(
            (offset, number, source.split("\n"), place_in_cell, place_in_file)
        )
        offset += source.count("\n") + 10
        body += statements

    def place(line, column):
        index = bisect.bisect_right(read_cells, line - 1, key=lambda cell: cell[0]) - 1
        first, number, source, place_in_cell, place_in_file = read_cells[index]
        line, column = place_in_cell(line - first, column)
        return parsing.Place(
            *place_in_file(line, column),
            f"cell {number}, line {line}",
            parsing.line_of(source, line),
        )

    return Notebook(body, place, lines, refused)


def _code_cells(text):
    """[(number of the cell, its source as pieces that each are one string of JSON)]"""
    try:
        content = _parse_json(text)
        cells = content.get("cells")
        if cells is None:  # the format before 2015
            cells = [cell for sheet in content["worksheets"] for cell in sheet["cells"]]
        return [
            (number, _pieces(number, cell.get("source", cell.get("input", ""))))
            for number, cell in enumerate(cells, 1)
            if cell.get("cell_type") == "code"
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise parsing.Refused(str(error), getattr(error, "lineno", 0)) from None


def _pieces(number, source):
    pieces = [source] if isinstance(source, str) else source
    if not isinstance(pieces, list) or not all(
        isinstance(piece, str) for piece in pieces
    ):
        raise TypeError(f"the source of cell {number} is no text and no list of texts")
    return pieces


# ------------------------------------------------------------------- what is in a cell


def _cell_statements(source):
    """Statements of a cell; its magics and shell lines only if they are in the way."""
    lines = source.split("\n")
    first = lines[0].strip()
    if first.startswith("%%"):
        if first.split(maxsplit=1)[0] not in TRANSPARENT_MAGICS:
            return [], None
        lines[0] = ""
    try:
        return parsing.statements("\n".join(lines))
    except parsing.Refused:
        pass
    # As in IPython, a cell may begin indented.
    written = next((line for line in lines if line.strip()), "")
    indent = written[: len(written) - len(written.lstrip())]
    bare = [line.removeprefix(indent) for line in lines]
    body, place = parsing.statements("\n".join(_without_magics(bare)))

    def shifted(line, column):
        line, column = place(line, column)
        return line, column + len(lines[line - 1]) - len(bare[line - 1])

    return body, shifted


def _without_magics(lines):
    going_on = False  # a shell line ended with a backslash
    for line in lines:
        if going_on:
            going_on = line.rstrip().endswith("\\")
            yield ""
        else:
            replaced = _without_magic(line)
            going_on = replaced != line and line.rstrip().endswith("\\")
            yield replaced


def _without_magic(line):
    """``line`` if it is Python, else a line of the same width that does nothing."""
    bare = line.lstrip()
    indent = line[: len(line) - len(bare)]
    for magic in TRANSPARENT_LINES:
        if bare.startswith(magic):
            # As the body of an if, the rest of the line stays where it is.
            return indent + "if 1:".ljust(len(magic)) + bare[len(magic) :]
    if bare.startswith(("%", "!", "?")):
        return indent + "pass"
    if bare.rstrip().endswith("?") and "#" not in bare:
        return indent + "pass"
    name, assigned, value = bare.partition("=")
    if assigned and value.lstrip().startswith(("!", "%")):
        return f"{indent}{name}= None"
    return line


# ----------------------------------------------------------------- places in the JSON


class _Located(str):
    """A string of a JSON text, with where it begins there.

    offsets: where each of its characters stands there, once that was asked.
    """

    start = 0
    offsets = ()


def _parse_json(text):
    decoder = json.JSONDecoder()

    def parse_string(source, end, strict=True):
        value, after = json.decoder.scanstring(source, end, strict)
        located = _Located(value)
        located.start = end
        return located, after

    decoder.parse_string = parse_string
    decoder.scan_once = json.scanner.py_make_scanner(decoder)
    return decoder.decode(text)


def _in_json(text, pieces, line_starts):
    """(line, column) in a cell's source -> (line, column) in the notebook's file."""
    located = []  # (line and column in the cell where it begins, piece)
    line = column = 0
    for piece in pieces:
        located.append(((line, column), piece))
        breaks = piece.count("\n")
        line += breaks
        column = len(piece) - piece.rfind("\n") - 1 if breaks else column + len(piece)

    def place(line, column):
        wanted = (line - 1, column - 1)
        index = bisect.bisect_right(located, wanted, key=lambda start: start[0]) - 1
        if index < 0:
            return 1, 1
        (line, column), piece = located[index]
        start = 0
        for _ in range(wanted[0] - line):
            start = piece.find("\n", start) + 1
            column = 0
        if not piece.offsets:
            piece.offsets = _offsets(text, piece)
        position = piece.offsets[min(start + wanted[1] - column, len(piece))]
        at = bisect.bisect_right(line_starts, position) - 1
        return at + 1, position - line_starts[at] + 1

    return place


def _offsets(text, piece):
    """Where each character of a string stands in its JSON text, and where it ends."""
    offsets, position = [], piece.start
    for _ in piece:
        offsets.append(position)
        if text[position] != "\\":
            position += 1
        elif text[position + 1] != "u":
            position += 2
        else:
            # Two escapes are one character where they are a surrogate pair.
            position += 12 if SURROGATE_PAIR.match(text, position) else 6
    return [*offsets, position]
