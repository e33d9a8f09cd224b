"""How a mistake in a hand-over is told: rule, received, remedy, in one line."""

from tf2_keras.migrate.printable import printable


class HandoverError(ValueError):
    """A mistake of the caller's, or a file that is not what it must be."""


def mistake(rule, received, remedy):
    """A ``HandoverError`` of one printable line, whatever is in names and paths."""
    if not received or received[0] == " ":  # only what is said of a name that is empty
        received = f"an empty text{received}"
    text = " ".join(f"{rule}. Received: {received}. {remedy}.".split())
    return HandoverError(printable(text))
