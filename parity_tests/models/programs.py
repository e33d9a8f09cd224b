"""Plays the chapters of the group "program": a whole program on each side.

Such a chapter has no model that is played move by move. Its two files have a ``Config``
with ``steps``, and a ``run(..., config)`` that does all that the program does and returns
what was seen of it, a list of records as ``engine.records`` says: the stages are the
chapter's own, such as the batches, the calls of hooks, or what stands in a file. A
program that writes files takes the folder for them as ``folder``.

Runs under Python 3.7 as well.
"""

import contextlib
import inspect
import tempfile

import numpy as np


class FolderError(Exception):
    """There is no folder for the files that a program writes."""


def records(side, arrays, config):
    """What ``run`` of one side returns.

    Args:
        side: the module ``tf1_graph.models.NAME`` or ``tf2_keras.models.NAME``.
        arrays: what the chapter's ``load`` returned to train on.
        config: of that side.

    Raises:
        FolderError: where the program writes files, and there is no room for them.
    """
    if "folder" not in inspect.signature(side.run).parameters:
        return side.run(*arrays, config=config)
    with _scratch() as folder:
        return side.run(*arrays, config=config, folder=folder)


@contextlib.contextmanager
def _scratch():
    """A folder for a while."""
    try:
        folder = tempfile.TemporaryDirectory()
    except OSError as error:
        raise FolderError(
            "A program that writes files must have a folder for them. "
            f"Received: {error}. Set TMPDIR to a folder that can be written to."
        ) from None
    with folder as path:
        yield path


def without_text(history):
    """Records of numbers alone, as a golden holds them: of text the bytes of its UTF-8.

    Yields:
        records, in which [n] strings are uint8, a line each.
    """
    for record in history:
        yield {
            stage: tensors
            if stage == "move"
            else {name: _bytes(tensor) for name, tensor in tensors.items()}
            for stage, tensors in record.items()
        }


def _bytes(tensor):
    array = np.asarray(tensor)
    if array.dtype.kind not in "SUO":
        return array
    lines = [
        text if isinstance(text, bytes) else str(text).encode()
        for text in array.ravel().tolist()
    ]
    return np.frombuffer(b"\n".join(lines), np.uint8)
