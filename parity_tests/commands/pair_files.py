"""FILE.py[:pair] of the commands that take a user's own pair, and how it may fail."""

import contextlib
import os
import re
import sys

import click

from parity_tests.commands.mistakes import UserError, printable, shortened

DEFAULT = "pair"
argument = click.argument("file", metavar="FILE.py[:pair]")


def split(file):
    """(path, name) of FILE.py:name."""
    match = re.match(r"(.*):(\w+)$", file, re.S)
    return (match[1], match[2]) if match else (file, DEFAULT)


def require_file(file):
    """The path of FILE.py; before TensorFlow's seconds."""
    path, _ = split(file)
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
        sys.stderr.write(printable(error.trace))
        raise UserError(str(error)) from None
    except PairError as error:
        raise UserError(str(error)) from None


def loaded(file):
    """The ``OwnPair`` that FILE.py:pair is; within ``explained``."""
    from parity_tests.pair import tf1_sides
    from parity_tests.pair.errors import mistake, theirs
    from parity_tests.pair.own_pair import OwnPair

    path, name = split(file)
    with tf1_sides.unswitched():
        module = tf1_sides.load(path)
    pair = getattr(module, name, None)
    if callable(pair):
        with theirs(f"{name} must return the pair"), tf1_sides.unswitched():
            pair = pair()
    if not isinstance(pair, OwnPair):
        known = [
            key for key, value in vars(module).items() if isinstance(value, OwnPair)
        ]
        named = ", ".join(f"{path}:{key}" for key in known)
        raise mistake(
            f"{shortened(path)} must hold a parity_tests.OwnPair of that name",
            f"{name}, which is {type(pair).__name__}",
            f"Use {named}" if known else f"Write {name} = parity_tests.OwnPair(...)",
        )
    pair.folder = os.path.dirname(os.path.abspath(path))
    return pair
