"""How a mistake in a hand-over is told: rule, received, remedy, in one line."""

import textwrap

from tf2_keras.migrate.printable import printable

LONGEST = 160  # characters of what a library says


class HandoverError(ValueError):
    """A mistake of the caller's, or a file that is not what it must be."""


def said(error):
    """What a library says with an error, for a mistake's ``received``: short, whole words."""
    first, *_ = str(error).splitlines() or [""]
    return textwrap.shorten(first, LONGEST, placeholder=" …") or type(error).__name__


def mistake(rule, received, remedy):
    """A ``HandoverError`` of one printable line, whatever is in names and paths."""
    if not received or received[0] == " ":  # only what is said of a name that is empty
        received = f"an empty text{received}"
    text = " ".join(f"{rule}. Received: {received}. {remedy}.".split())
    return HandoverError(printable(text))
