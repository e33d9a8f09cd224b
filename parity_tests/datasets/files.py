"""Reading the files and folders that a user names, without surprises.

A named file may be absent, a folder, a device that never ends, or far larger than
memory; each becomes a `DatasetError`. Paths appear in messages through `repr`, so that
a line break in a name cannot break the one line.
"""

from __future__ import annotations

import os
import stat

from parity_tests.datasets.errors import DatasetError

# The largest true file is the MNIST training images with 47 MB; CIFAR's have 31 MB.
LARGEST_FILE_BYTES = 2**30

NAMES_SHOWN = 8


def path_text(path):
    """The path as a `str`.

    Raises:
        DatasetError: `path` is neither a string nor a path object.
    """
    try:
        return os.fsdecode(path)
    except TypeError:
        raise DatasetError(
            "A data path must be a string or a path object",
            f"a value of type {type(path).__name__}",
            "Name a folder, such as --data DIR",
        ) from None


def read_file(path) -> bytes:
    """The content of one regular file of at most `LARGEST_FILE_BYTES`.

    Raises:
        DatasetError: the file is missing, a folder, not a regular file, unreadable,
            empty or too large.
    """
    path = path_text(path)
    # Looked at before opened: opening a named pipe would wait for ever.
    status = _status(path, "A data file must exist and be readable")
    if stat.S_ISDIR(status.st_mode):
        raise DatasetError(
            "A data file must be a file",
            f"the folder {path!r}",
            "Name a file inside it",
        )
    if not stat.S_ISREG(status.st_mode):
        raise DatasetError(
            "A data file must be a regular file",
            f"{path!r}, a device, pipe or socket",
            "Copy its content into a file first",
        )
    if status.st_size > LARGEST_FILE_BYTES:
        raise DatasetError(
            f"A data file may hold at most {LARGEST_FILE_BYTES} bytes",
            f"{path!r} with {status.st_size} bytes",
            "Name one of the data set's own files",
        )
    try:
        with open(path, "rb") as file:
            # No more than was looked at, should the file grow meanwhile.
            content = file.read(status.st_size)
    except OSError as error:
        raise _unreadable(path, error, "A data file must be readable") from error
    if not content:
        raise DatasetError(
            "A data file must not be empty",
            f"{path!r} with 0 bytes",
            "Fetch the file again",
        )
    return content


def list_folder(folder):
    """The names in a folder, sorted.

    Raises:
        DatasetError: the folder is missing, not a folder, or cannot be listed.
    """
    folder = path_text(folder)
    status = _status(folder, "A data folder must exist and be readable")
    if not stat.S_ISDIR(status.st_mode):
        raise DatasetError(
            "The data path must be a folder",
            f"the file {folder!r}",
            "Name the folder that holds the data files",
        )
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        raise _unreadable(folder, error, "A data folder must be readable") from error


def described_content(folder, names):
    """What a folder holds, short enough for a message.

    Args:
        folder: the path, as text.
        names: the names in it.
    """
    if not names:
        return f"the empty folder {folder!r}"
    shown = ", ".join(repr(name) for name in names[:NAMES_SHOWN])
    more = len(names) - NAMES_SHOWN
    return f"folder {folder!r} with {shown}" + (f" and {more} more" if more > 0 else "")


def _status(path, rule):
    try:
        return os.stat(path)
    except PermissionError as error:
        raise _unreadable(path, error, rule) from error
    except OSError as error:
        raise DatasetError(
            rule,
            f"{path!r} ({_reason(error)})",
            "Check the spelling of the path",
        ) from error
    except ValueError as error:  # a NUL character within the path
        raise DatasetError(
            rule, f"{path!r} ({error})", "Check the spelling of the path"
        ) from error


def _unreadable(path, error, rule):
    return DatasetError(
        rule,
        f"{path!r} ({_reason(error)})",
        "Grant yourself read permission, or copy the data to a place you can read",
    )


def _reason(error):
    return error.strerror or type(error).__name__
