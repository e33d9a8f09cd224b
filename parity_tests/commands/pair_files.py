"""FILE.py[:pair] of the commands that take a user's own pair, and how it may fail."""

import contextlib
import os
import sys

import click

from parity_tests.commands.mistakes import UserError, lines, shortened
from parity_tests.pair import loading

argument = click.argument("file", metavar="FILE.py[:pair]", type=click.Path())


def require_file(file):
    """The path of FILE.py; before TensorFlow's seconds."""
    path, _ = loading.split(file)
    if not os.path.isfile(path):
        kind = "a folder" if os.path.isdir(path) else "no such file"
        raise UserError(
            f"FILE.py must name a file. Received: {shortened(path)} ({kind}). "
            "Make one with tf-parity new-pair DIR."
        )
    if not path.endswith(".py"):
        raise UserError(
            f"FILE.py must be a file of Python. Received: {shortened(path)}. "
            "Write the pair in one, see docs/own_pair.md."
        )
    return path


@contextlib.contextmanager
def explained():
    """A mistake in a pair as one line; of code of the user's its traceback before that."""
    from parity_tests.pair.errors import PairError, SideFailed

    try:
        yield
    except SideFailed as error:
        sys.stderr.write(lines(error.trace))
        raise UserError(str(error)) from None
    except PairError as error:
        raise UserError(str(error)) from None
