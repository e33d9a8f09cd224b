"""Which folders a recording may replace: goldens, and nothing that anyone else put there.

Runs under Python 3.7 as well.
"""

import json
import os
import shutil

from parity_tests.witness import golden

# All that ``record`` writes, with --export.
EXPORTS = (
    "checkpoint",
    "model.ckpt.data-00000-of-00001",
    "model.ckpt.index",
    "model.ckpt.meta",
    "saved_model",
    "saved_model/saved_model.pb",
    "saved_model/variables",
    "saved_model/variables/variables.data-00000-of-00001",
    "saved_model/variables/variables.index",
)


class ForeignFolder(ValueError):
    """A folder that holds something else than a golden; the text is one line."""

    def __init__(self, received):
        self.received = " ".join(received.split())
        super().__init__(
            f"A golden may replace nothing but a golden. Received: {self.received}. Take away what is "
            "there, or name another folder."
        )


def require_replaceable(folder):
    """Passes where ``folder`` is not there, is empty, or is a golden and no more.

    Raises:
        ForeignFolder: otherwise.
    """
    if not os.path.lexists(folder):
        return
    if os.path.islink(folder) or not os.path.isdir(folder):
        raise ForeignFolder(f"{folder}, which is no folder")
    try:
        names = sorted(_names(folder))
    except OSError as error:
        raise ForeignFolder(f"{folder} ({error.strerror})") from None
    foreign = [
        name for name in names if name not in (golden.JSON, golden.NPZ) + EXPORTS
    ]
    if foreign:
        raise ForeignFolder(f"{folder} with {', '.join(map(repr, foreign[:3]))}")
    if names and not _says_that_it_is_one(os.path.join(folder, golden.JSON)):
        raise ForeignFolder(f"{folder}, whose files are not those of a golden")


def replace(part, folder):
    """Moves the folder ``part`` to where ``folder`` is; the old one goes last.

    Raises:
        ForeignFolder: if ``folder`` holds something else than a golden.
    """
    require_replaceable(folder)
    replaced = part + ".replaced"
    if os.path.exists(folder):
        os.rename(folder, replaced)
    os.rename(part, folder)
    shutil.rmtree(replaced, ignore_errors=True)


def _names(folder):
    """Everything within, by paths from there; links are named and not followed."""

    def refuse(error):
        raise error

    for place, folders, files in os.walk(folder, onerror=refuse):
        for name in folders + files:
            path = os.path.join(place, name)
            written = os.path.relpath(path, folder).replace(os.sep, "/")
            yield written + " (a link)" if os.path.islink(path) else written


def _says_that_it_is_one(path):
    try:
        with open(path, encoding="utf-8") as file:
            facts = json.load(file)
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(facts, dict) and {"format", golden.HASH} <= set(facts)
