"""FILE.py[:pair] of the commands that take a user's own pair, and how it may fail."""

import contextlib
import os
import sys

import click

from parity_tests.commands import options
from parity_tests.commands.mistakes import UserError, lines, shortened
from parity_tests.pair import loading


def arguments(command):
    """FILE.py[:pair], and the options that say what of the pair is played."""
    for option in (
        options.number(
            "--seed", int, 0, 2**32 - 1, 1, "Which plays are drawn of a strategy."
        ),
        options.number(
            "--examples",
            int,
            1,
            1_000_000,
            5,
            "Plays to draw, of batches that are a strategy.",
        ),
        options.steps("the pair"),
        click.argument("file", metavar="FILE.py[:pair]", type=click.Path()),
    ):
        command = option(command)
    return command


def timeout(what):
    """--timeout of what may hang."""
    says = f"Seconds after which a {what} that hangs ends."
    return options.number("--timeout", float, 1, 1_000_000, 60, says)


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
