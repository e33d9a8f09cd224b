"""Files and folders that are not whole yet: gone also where a process ends at once.

What a ``finally`` would clean up stays if Python never comes back from a kernel that
waits; who ends such a process calls ``remove`` first. Runs under Python 3.7 as well.
"""

import contextlib
import os

_paths = []  # in order of creation


@contextlib.contextmanager
def noted(*paths):
    """For as long as the ``with`` lasts, these are unfinished; folders first."""
    _paths.extend(paths)
    try:
        yield
    finally:
        for path in paths:
            _paths.remove(path)


def remove():
    """Removes all of them that are there; of folders only empty ones."""
    for path in reversed(list(_paths)):
        with contextlib.suppress(OSError):
            os.rmdir(path) if os.path.isdir(path) else os.unlink(path)
