"""A mistake in the call: how it is said, and what of it may reach a terminal."""

import contextlib
import re

import click

# What steers a terminal, or turns the direction of its text, instead of being shown.
STEERING = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
LONGEST_VALUE = 80  # characters of what was received that a message repeats


class UserError(click.ClickException):
    """A mistake in the call: one line on stderr, exit code 2."""

    exit_code = 2


@contextlib.contextmanager
def told(*kinds):
    """Turns exceptions of these kinds into a ``UserError`` that says the same."""
    try:
        yield
    except kinds as error:
        raise UserError(str(error)) from None


def printable(text):
    r"""``text`` with each character that would steer a terminal as its escape, ``\x1b``."""
    return STEERING.sub(
        lambda match: match[0].encode("unicode_escape").decode("ascii"), text
    )


def line(text):
    """``text`` as one printable line."""
    return printable(text.strip().replace("\n", "\\n"))


def shortened(value):
    """What was received, as far as a message can show it."""
    text = str(value)
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"
