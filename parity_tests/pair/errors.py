"""What can go wrong with a pair of a user's own, told apart: a mistake, or their code.

Runs under Python 3.7 as well.
"""

import contextlib
import os
import sysconfig
import threading
import traceback

from tf1_graph.errors import printable

PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OURS = tuple(
    os.path.join(PACKAGES, package) + os.sep
    for package in ("parity_tests", "tf1_graph", "tf2_keras")
)


# Python's own, what is installed, and the scripts that start it all.
LIBRARIES = tuple(
    resolved(sysconfig.get_path(kind)) + os.sep
    for kind in ("stdlib", "platstdlib", "purelib", "platlib", "scripts")
    for resolved in (os.path.abspath, os.path.realpath)
)
HEADING = "Traceback (most recent call last):\n"
GENERATED = "__autograph_generated_file"  # what AutoGraph makes of a function


def is_theirs(path):
    """Whether a frame of this file is the user's: neither ours nor a library's."""
    if path.startswith((*OURS, *LIBRARIES, "<frozen")) or GENERATED in path:
        return False
    return not {"site-packages", "dist-packages"} & set(path.split(os.sep))


def defect_at(error):
    """The "file:line" of this project at which an error of its own began, or None: code
    of the user's was called on the way, or there was no memory."""
    if isinstance(error, MemoryError) or "ResourceExhausted" in type(error).__name__:
        return None
    frames = traceback.extract_tb(error.__traceback__)
    if any(is_theirs(frame.filename) for frame in frames):
        return None
    ours = [frame for frame in frames if frame.filename.startswith(OURS)]
    if not ours:
        return None
    return f"{os.path.relpath(ours[-1].filename, PACKAGES)}:{ours[-1].lineno}"


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


class Exited(SystemExit):
    """``os._exit``, which nothing could tell of."""


@contextlib.contextmanager
def _exits_raised():
    """Lets ``os._exit`` raise what ``sys.exit`` does, in this thread of this process."""
    exit_now, place = os._exit, (os.getpid(), threading.get_ident())

    def ended(code):
        if (os.getpid(), threading.get_ident()) != place:
            exit_now(code)  # of a child that was forked, or of what watches the time
        raise Exited(code)

    os._exit = ended
    try:
        yield
    finally:
        os._exit = exit_now


@contextlib.contextmanager
def unended():
    """Turns what would end Python, in code of the user's, into a ``SideFailed``."""
    try:
        with _exits_raised():
            yield
    except SystemExit as error:
        raise _failed("Code of a pair must not end Python", error) from None


@contextlib.contextmanager
def theirs(rule):
    """Turns what code of the user's raises into a ``SideFailed``.

    What this project refused, by rule, received and remedy, stays one line.

    Args:
        rule: what that code must do, such as "tf1 must build a graph".
    """
    try:
        with _exits_raised():
            yield
    except PairError:
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, ValueError) and _is_refusal(error):
            raise PairError(printable(str(error))) from None
        raise _failed(rule, error) from None


def _failed(rule, error):
    received = "{}: {:.200}".format(type(error).__name__, said(error).rstrip("."))
    if isinstance(error, SystemExit):
        exit_function = "os._exit" if isinstance(error, Exited) else "sys.exit"
        received = f"it ended Python, {exit_function}({error.code!r})"
    message = f"{rule}. Received: {received}. Its traceback is above; mend it there."
    return SideFailed(printable(message), trace_of(error))


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
    """The traceback of an error as text: the user's frames, or the libraries' if it has
    none of theirs; never this project's."""
    told = traceback.TracebackException(type(error), error, error.__traceback__)
    waiting = [told]
    while waiting:
        part = waiting.pop()
        others = [
            frame
            for frame in part.stack
            if not frame.filename.startswith((*OURS, "<frozen"))
        ]
        kept = [frame for frame in others if is_theirs(frame.filename)] or others
        part.stack = traceback.StackSummary.from_list(kept)
        waiting += filter(None, (part.__cause__, part.__context__))
    text = "".join(told.format())
    return text if text.startswith(HEADING) else HEADING + text
