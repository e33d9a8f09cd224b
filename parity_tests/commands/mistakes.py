"""A mistake in the call: how it is said, and what of it may reach a terminal."""

import contextlib
import re

import click

from tf2_keras.migrate.printable import printable

EMPTY = "an empty text"
# What was received, where that is nothing: a blank, or an end of a sentence, stands there.
NOTHING = re.compile(r"Received: (?= |,|\. [A-Z`])")
LONGEST_VALUE = 80  # characters of what was received that a message repeats


class UserError(click.ClickException):
    """A mistake in the call: one line on stderr, exit code 2."""

    exit_code = 2

    def __init__(self, message):
        super().__init__(NOTHING.sub(f"Received: {EMPTY}", message))


@contextlib.contextmanager
def told(*kinds):
    """Turns exceptions of these kinds into a ``UserError`` that says the same."""
    try:
        yield
    except kinds as error:
        raise UserError(str(error)) from None


def lines(text):
    """``text`` without what would steer a terminal but line breaks and tabs."""
    return printable(text, kept="\n\t")


def line(text):
    """``text`` as one printable line."""
    return printable(text.strip())


def shortened(value):
    """What was received, as far as a message can show it."""
    text = str(value)
    if not text:
        return EMPTY
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"
