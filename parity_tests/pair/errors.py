"""What can go wrong with a pair of a user's own, told apart: a mistake, or their code.

Runs under Python 3.7 as well.
"""

import contextlib
import os
import traceback

from tf1_graph.errors import printable

PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OURS = tuple(
    os.path.join(PACKAGES, package) + os.sep
    for package in ("parity_tests", "tf1_graph", "tf2_keras")
)


class PairError(ValueError):
    """A mistake in a pair: the rule, what was received, the remedy, in one line."""


class SideFailed(PairError):
    """Code of the user's raised something.

    Attributes:
        trace: its traceback, as text, from where their code begins.
    """

    def __init__(self, message, trace):
        super().__init__(message)
        self.trace = trace


def mistake(rule, received, remedy):
    """A ``PairError`` of one printable line."""
    return PairError(printable(f"{rule}. Received: {received}. {remedy}."))


@contextlib.contextmanager
def theirs(rule):
    """Turns what code of the user's raises into a ``SideFailed``.

    What this project refused, by rule, received and remedy, stays one line.

    Args:
        rule: what that code must do, such as "tf1 must build a graph".
    """
    try:
        yield
    except PairError:
        raise
    except Exception as error:
        if isinstance(error, ValueError) and _is_refusal(error):
            raise PairError(printable(str(error))) from None
        raise SideFailed(
            printable(
                "{}. Received: {}: {:.200}. Its traceback is above; mend it there.".format(
                    rule, type(error).__name__, said(error).rstrip(".")
                )
            ),
            trace_of(error),
        ) from None


def said(error):
    """The line of an error's message that says what is wrong.

    TensorFlow puts a heading before it, "in user code:" for one, and after it the node,
    "[[{{node sub}}]]", and where that was made.
    """
    text = str(error).partition("\nOriginal stack trace for ")[0]
    lines = [line.strip() for line in text.strip().splitlines()]
    lines = [line for line in lines if line and not line.startswith(("[[", 'File "'))]
    if not lines:
        return "no reason given"
    if not lines[0].endswith(":"):
        return lines[0]
    known = type(error).__name__ + ": "
    return lines[-1][len(known) :] if lines[-1].startswith(known) else lines[-1]


def _is_refusal(error):
    """Whether this project raised it: from no file of the user's or of a library's."""
    innermost = error.__traceback__
    while innermost.tb_next is not None:
        innermost = innermost.tb_next
    path = innermost.tb_frame.f_code.co_filename
    return path.startswith(OURS) and ". Received: " in str(error)


def trace_of(error):
    """The traceback of an error as text, from the first frame that is not this project's."""
    begin = error.__traceback__
    while begin is not None:
        path = begin.tb_frame.f_code.co_filename
        if not (path.startswith(OURS) or path.startswith(("<frozen", os.__file__))):
            break
        begin = begin.tb_next
    return "".join(
        traceback.format_exception(type(error), error, begin or error.__traceback__)
    )
