"""Files and notebooks as syntax trees, whatever state they are in; nothing is imported.

files, skipped = find(['project'])   # folders are searched, links followed once
source = read('project/train.py')    # or raises Unusable with the reason
"""

import errno
import io
import os
import stat
import tokenize
import warnings
from typing import NamedTuple

from tf2_keras.migrate import notebooks, parsing
from tf2_keras.migrate.printable import printable

SUFFIXES = (".py", ".ipynb")
# A syntax tree takes 50 to 100 times the size of its source.
LARGEST = {".py": 2 * 2**20, ".ipynb": 20 * 2**20}
PASSED_OVER = ("__pycache__", "node_modules", "site-packages")
# Reasons by which no code of the project goes unread.
HARMLESS = ("virtual environment", "symlink loop", "broken link", "not a regular file")


class Skipped(NamedTuple):
    """A file, folder or cell that was not scanned; line 0 where none is to blame."""

    file: str
    reason: str
    detail: str = ""
    line: int = 0

    @property
    def where(self):
        return printable(self.file) + (f":{self.line}" if self.line else "")

    @property
    def why(self):
        detail = f": {printable(self.detail)}" if self.detail else ""
        return self.reason + detail


class Unusable(Exception):
    """A file that cannot be scanned; holds the Skipped."""

    def __init__(self, *skipped):
        super().__init__(*skipped)
        self.skipped = Skipped(*skipped)


class Source(NamedTuple):
    """A file as statements.

    body: the statements, [ast.stmt]; of all cells, in order, for a notebook.
    place: (line, column) of a node -> parsing.Place in the file.
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
            _search(path, files, skipped, seen)
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


def _search(root, files, skipped, seen):
    # Folders may be nested more deeply than calls: what comes next is last.
    waiting = [(root, True, ())]
    while waiting:
        path, is_folder, above = waiting.pop()
        if not is_folder:
            _take(path, files, skipped, seen)
            continue
        try:
            status = os.stat(path)
            here = (status.st_dev, status.st_ino)
            if here in above:
                skipped.append(Skipped(path, "symlink loop"))
            if here in seen:
                continue
            seen.add(here)
            entries = sorted(os.scandir(path), key=lambda entry: entry.name)
        except OSError as error:
            skipped.append(Skipped(path, "unreadable folder", error.strerror or ""))
            continue
        if above and any(entry.name == "pyvenv.cfg" for entry in entries):
            skipped.append(Skipped(path, "virtual environment"))
            continue
        for entry in reversed(entries):
            if entry.name.startswith(".") or entry.name in PASSED_OVER:
                continue
            if _is_folder(entry):
                waiting.append((entry.path, True, (*above, here)))
            elif entry.name.endswith(SUFFIXES):
                waiting.append((entry.path, False, above))


def _is_folder(entry):
    try:
        return entry.is_dir()
    except OSError:
        return False


# ---------------------------------------------------------------------- reading a file


def read(path):
    """The file as a Source.

    Raises:
        Unusable: with the reason, if nothing of it can be scanned.
        RecursionError, MemoryError: if it is nested too deeply for this stack.
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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the code that is read, such as '\d'
        return (_notebook if notebook else _module)(path, data)


def _module(path, data):
    text = decode(path, data)
    try:
        body, place_in_text = parsing.statements(text)
    except parsing.Refused as error:
        raise Unusable(path, "syntax error", error.what, error.line) from None
    lines = text.split("\n")

    def place(line, column):
        line, column = place_in_text(line, column)
        return parsing.Place(line, column, "", parsing.line_of(lines, line))

    count = text.count("\n") + bool(text and not text.endswith("\n"))
    return Source(path, body, place, _may_use_tensorflow(text), count)


def _notebook(path, data):
    try:
        text = data.decode("utf-8-sig")
        notebook = notebooks.read(text)
    except (UnicodeError, parsing.Refused) as error:
        line = getattr(error, "line", 0)
        raise Unusable(path, "broken notebook", str(error), line) from None
    skipped = [
        Skipped(path, "syntax error", detail, line) for detail, line in notebook.refused
    ]
    return Source(
        path,
        notebook.body,
        notebook.place,
        _may_use_tensorflow(text),
        notebook.lines,
        tuple(skipped),
    )


def _may_use_tensorflow(text):
    return any(name in text for name in ("tensorflow", "tf.", "tfv1", "keras"))


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
