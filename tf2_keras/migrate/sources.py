"""Files and notebooks as syntax trees, whatever state they are in; nothing is imported.

    files, skipped = find(['project'])   # folders are searched, links followed once
    source = read('project/train.py')    # or raises Unusable with the reason

What Python 3 parses goes through ``ast``; the rest is read as Python 2 by fissix, the
successor of lib2to3, rewritten in memory, and parsed again. fissix reads what Python 3
refuses of Python 2.7's own library; parso no longer has a grammar for Python 2 and left
errors in it. Positions are those of the file as it is.
"""

import ast
import bisect
import errno
import io
import json
import json.decoder
import json.scanner
import os
import stat
import tokenize
import warnings
from typing import NamedTuple

SUFFIXES = (".py", ".ipynb")
# A syntax tree takes 50 to 100 times the size of its source.
LARGEST = {".py": 2 * 2**20, ".ipynb": 20 * 2**20}
PASSED_OVER = ("__pycache__", "node_modules", "site-packages")
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
# Cell magics whose body is Python and runs in the notebook's own namespace.
TRANSPARENT_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")
TRANSPARENT_LINES = ("%time ", "%timeit ", "%prun ")


class Skipped(NamedTuple):
    """A file, folder or cell that was not scanned; line 0 where none is to blame."""

    file: str
    reason: str
    detail: str = ""
    line: int = 0


class Unusable(Exception):
    """A file that cannot be scanned; holds the Skipped."""

    def __init__(self, *skipped):
        super().__init__(*skipped)
        self.skipped = Skipped(*skipped)


class Source(NamedTuple):
    """A file as statements.

    body: the statements, [ast.stmt]; of all cells, in order, for a notebook.
    place: (line, column) of a node -> (line, column, cell) in the file; both count from
        1, columns in characters; the cell is '' outside of notebooks.
    may_use_tensorflow: whether a name occurs that leads to it.
    lines: how many there are.
    skipped: cells that could not be parsed.
    """

    file: str
    body: list
    place: object
    may_use_tensorflow: bool
    lines: int
    skipped: tuple = ()


# ------------------------------------------------------------------------ finding files


def find(paths):
    """Every file to scan under the paths, each once, in order, and the [Skipped].

    A path that names a file is taken whatever its suffix. In folders, hidden ones,
    __pycache__, node_modules, site-packages and virtual environments are passed over.
    """
    files, skipped, seen = [], [], set()
    for path in paths:
        if os.path.isdir(path):
            _search(path, files, skipped, seen, ())
        else:
            _take(path, files, skipped, seen)
    return files, skipped


def _take(path, files, skipped, seen):
    try:
        status = os.stat(path)
    except OSError as error:
        reason = "broken link" if os.path.islink(path) else "unreadable"
        if error.errno == errno.ELOOP:
            reason = "symlink loop"
        skipped.append(Skipped(path, reason, error.strerror or ""))
        return
    if not stat.S_ISREG(status.st_mode):
        skipped.append(Skipped(path, "not a regular file"))
    elif (status.st_dev, status.st_ino) not in seen:
        seen.add((status.st_dev, status.st_ino))
        files.append(path)


def _search(folder, files, skipped, seen, above):
    try:
        status = os.stat(folder)
        here = (status.st_dev, status.st_ino)
        if here in above:
            skipped.append(Skipped(folder, "symlink loop"))
            return
        if here in seen:
            return
        seen.add(here)
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        skipped.append(Skipped(folder, "unreadable folder", error.strerror or ""))
        return
    names = {entry.name for entry in entries}
    if "pyvenv.cfg" in names and above:
        skipped.append(Skipped(folder, "virtual environment"))
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name in PASSED_OVER:
            continue
        try:
            is_folder = entry.is_dir()
        except OSError:
            is_folder = False
        if is_folder:
            _search(entry.path, files, skipped, seen, (*above, here))
        elif entry.name.endswith(SUFFIXES):
            _take(entry.path, files, skipped, seen)


# ---------------------------------------------------------------------- reading a file


def read(path):
    """The file as a Source.

    Raises:
        Unusable: with the reason, if nothing of it can be scanned.
    """
    notebook = path.endswith(".ipynb")
    largest = LARGEST[".ipynb" if notebook else ".py"]
    try:
        if os.path.getsize(path) > largest:
            raise Unusable(path, "huge", f"more than {largest // 2**20} MB")
        with open(path, "rb") as file:
            data = file.read(largest + 1)
    except OSError as error:
        raise Unusable(path, "unreadable", error.strerror or str(error)) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the code that is read, such as '\d'
            return (_notebook if notebook else _module)(path, data)
    except (RecursionError, MemoryError):
        raise Unusable(path, "nested too deeply") from None


def _module(path, data):
    text = decode(path, data)
    try:
        body, place = _statements(text)
    except _Refused as error:
        raise Unusable(path, "syntax error", error.what, error.line) from None
    return Source(
        path,
        body,
        lambda line, column: (*place(line, column), ""),
        _may_use_tensorflow(text),
        text.count("\n") + (not text.endswith("\n")),
    )


def _may_use_tensorflow(text):
    return "tensorflow" in text or "tf." in text or "tfv1" in text


def decode(path, data):
    """Text with newlines as line ends: by byte order mark or coding line, else UTF-8,
    else Latin-1, which Python 2 sources without a coding line mostly are.

    Raises:
        Unusable: for what is no text.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        codecs = ["utf-16"]
    elif b"\0" in data:
        raise Unusable(path, "binary")
    else:
        codecs = ["utf-8-sig", "latin-1"]
        try:
            declared, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
            codecs.insert(0, declared)
        except SyntaxError:
            pass
    for codec in codecs:
        try:
            text = data.decode(codec)
        except (UnicodeError, LookupError, ValueError):
            continue
        if isinstance(text, str):
            return text.replace("\r\n", "\n").replace("\r", "\n")
    raise Unusable(path, "binary")


class _Refused(Exception):
    def __init__(self, what, line):
        super().__init__(what)
        self.what, self.line = what, line


def _statements(text):
    """Statements of a Python 3 or Python 2 text, and their positions in it."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError) as error:
        return _python_2(text, error)
    return body, _characters(text)


def _characters(text):
    """(line, column in UTF-8 bytes from 0) -> (line, column in characters from 1)."""
    lines = text.split("\n")

    def place(line, column):
        of_line = lines[line - 1] if line <= len(lines) else ""
        if not of_line.isascii():
            column = len(of_line.encode("utf-8")[:column].decode("utf-8", "ignore"))
        return line, column + 1

    return place


def _python_2(text, error):
    """``text`` rewritten as Python 3 and parsed; positions are mapped back."""
    # Takes 0.1 s, which only code bases with Python 2 in them pay.
    from fissix import pygram, pytree
    from fissix.pgen2 import driver, parse, token
    from fissix.pgen2 import tokenize as python_2_tokenize

    refused = _Refused(
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


_FIXERS = []


def _fixers():
    if not _FIXERS:
        from fissix import refactor

        _FIXERS.append(refactor.RefactoringTool(PYTHON_2_FIXERS))
    return _FIXERS[0]


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


# --------------------------------------------------------------------------- notebooks


class _Located(str):
    """A string of a JSON text, with where it begins there."""

    start = 0


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


def _notebook(path, data):
    try:
        text = data.decode("utf-8-sig")
        content = _parse_json(text)
        cells = content.get("cells")
        if cells is None:  # the format before 2015
            cells = [cell for sheet in content["worksheets"] for cell in sheet["cells"]]
        pieces = [
            (number, _pieces(cell.get("source", cell.get("input", ""))))
            for number, cell in enumerate(cells, 1)
            if cell.get("cell_type") == "code"
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        line = getattr(error, "lineno", 0)
        raise Unusable(path, "broken notebook", str(error), line) from None
    line_starts = [0]
    for index, character in enumerate(text):
        if character == "\n":
            line_starts.append(index + 1)

    body, skipped, cells, offset, lines = [], [], [], 0, 0
    for number, of_cell in pieces:
        source = "".join(of_cell)
        lines += source.count("\n") + (not source.endswith("\n"))
        place_in_file = _in_json(text, of_cell, line_starts)
        try:
            statements, place = _cell_statements(source)
        except _Refused as error:
            line, _ = place_in_file(max(error.line, 1), 1)
            detail = f"cell {number}: {error.what}"
            skipped.append(Skipped(path, "syntax error", detail, line))
            continue
        for statement in statements:
            ast.increment_lineno(statement, offset)
        cells.append((offset, number, place, place_in_file))
        offset += source.count("\n") + 10
        body += statements

    def place(line, column):
        index = bisect.bisect_right(cells, line - 1, key=lambda cell: cell[0]) - 1
        first, number, in_cell, in_file = cells[index]
        line, column = in_cell(line - first, column)
        return (*in_file(line, column), f"cell {number}, line {line}")

    return Source(path, body, place, _may_use_tensorflow(text), lines, tuple(skipped))


def _pieces(source):
    return [source] if isinstance(source, str) else list(source)


def _cell_statements(source):
    """Statements of a cell; its magics and shell lines only if they are in the way."""
    lines = source.split("\n")
    first = lines[0].strip()
    if first.startswith("%%"):
        if first.split(maxsplit=1)[0] not in TRANSPARENT_MAGICS:
            return [], None
        lines[0] = ""
    try:
        return _statements("\n".join(lines))
    except _Refused:
        pass
    # As in IPython, a cell may begin indented.
    written = next((line for line in lines if line.strip()), "")
    indent = written[: len(written) - len(written.lstrip())]
    bare = [line.removeprefix(indent) for line in lines]
    body, place = _statements("\n".join(_without_magics(bare)))

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
        index = bisect.bisect_right(located, wanted, key=lambda each: each[0]) - 1
        if index < 0:
            return 1, 1
        (line, column), piece = located[index]
        start = 0
        for _ in range(wanted[0] - line):
            start = piece.find("\n", start) + 1
            column = 0
        position = _escaped(text, piece.start, start + wanted[1] - column)
        at = bisect.bisect_right(line_starts, position) - 1
        return at + 1, position - line_starts[at] + 1

    return place


def _escaped(text, position, characters):
    """Where in a JSON text a string's n-th character stands, escapes counted."""
    while characters > 0:
        if text[position] != "\\":
            position += 1
        elif text[position + 1] != "u":
            position += 2
        else:
            code = int(text[position + 2 : position + 6], 16)
            position += 12 if 0xD800 <= code < 0xDC00 else 6
        characters -= 1
    return position
