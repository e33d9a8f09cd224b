"""Plays the chapters of the group "program": a whole program on each side.

Such a chapter has no model that is played move by move. Its two files have a ``Config``
with ``steps``, and a ``run(..., config)`` that does all that the program does and returns
what was seen of it, a list of records as ``engine.records`` says: the stages are the
chapter's own, such as the batches, the calls of hooks, or what stands in a file. A
program that writes files takes the folder for them as ``folder``. What consists of tasks,
or wants a process of its own, says so by the ``cluster`` of the chapter's setup, and each
task calls ``run``.

Runs under Python 3.7 as well.
"""

import contextlib
import errno
import inspect
import os
import tempfile

import numpy as np

from parity_tests.models import chapters, tasks

# What may become of a folder while a program writes to it, and where to write instead.
LOST = {
    errno.ENOSPC: ("room", "a folder of another disk"),
    errno.EDQUOT: ("room", "a folder of another disk"),
    errno.EACCES: ("permission", "a folder that can be written to"),
    errno.EROFS: ("permission", "a folder that can be written to"),
}


class FolderError(Exception):
    """There is no folder, no room or no permission for the files that a program writes."""


def cluster(side, config):
    """The ``tasks.Cluster`` that one side of a chapter runs in, or None for this process."""
    package, setup = _setup_of(side)
    return setup.cluster(package, config) if hasattr(setup, "cluster") else None


def _setup_of(side):
    package, _, name = side.__name__.partition(".models.")
    return package, chapters.setup(name)


def records(side, arrays, config, fault=None):
    """What ``run`` of one side returns.

    Args:
        side: the module ``tf1_graph.models.NAME`` or ``tf2_keras.models.NAME``.
        arrays: what the chapter's ``load`` returned to train on.
        config: of that side.
        fault: a ``pair.Fault`` of the chapter, to be planted in tasks; elsewhere the
            caller has to.

    Raises:
        FolderError: where the program writes files, and there is no room for them.
        tasks.TaskError: where it has tasks, and one of them failed.
    """
    _, setup = _setup_of(side)
    history = []
    for part in setup.parts(config) if hasattr(setup, "parts") else [config]:
        of_tasks = cluster(side, part)
        with _scratch(side) as options:
            if of_tasks is not None:
                history += tasks.run(side, arrays, part, of_tasks, fault, **options)
            else:
                history += side.run(*arrays, config=part, **options)
    return history


@contextlib.contextmanager
def _scratch(side):
    """{"folder": one for a while}, where ``run`` of a side takes it."""
    if "folder" not in inspect.signature(side.run).parameters:
        yield {}
        return
    try:
        folder = tempfile.TemporaryDirectory()
    except OSError as error:
        raise FolderError(
            "A program that writes files must have a folder for them. "
            f"Received: {error}. Set TMPDIR to a folder that can be written to."
        ) from None
    with folder as path:
        try:
            yield {"folder": path}
        except Exception as error:  # of Python's, or of TensorFlow's kernels
            told = [number for number in LOST if os.strerror(number) in str(error)]
            if not told:
                raise
            lost, remedy = LOST[told[0]]
            raise FolderError(
                f"A program that writes files must have {lost} for them. "
                f"Received: {os.strerror(told[0])}, below {tempfile.gettempdir()}. "
                f"Set TMPDIR to {remedy}."
            ) from None


def rest_of(records, before):
    """What a program says that begins where another one was after so many steps."""
    stages = ("initial values", "updates")
    states = [
        (number, record[stage])
        for number, record in enumerate(records)
        for stage in stages
        if stage in record
    ]
    number, state = states[before]
    return [{**records[0], "initial values": state}, *records[number + 1 :]]


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
