"""--timeout: what takes longer ends, wherever it hangs."""

import contextlib
import os
import signal
import sys
import threading
import traceback

from parity_tests.commands.mistakes import UserError, printable
from parity_tests.pair import unfinished


class Late(BaseException):
    """The time is over: no ``except Exception`` of anyone's may take it for its own."""


GRACE = 3.0  # seconds between the asking and the ending of a process that is stuck in C


@contextlib.contextmanager
def limited(seconds, what):
    """Ends what takes longer than ``seconds`` as a mistake; None for no limit.

    A handler of Python's runs only between two lines of Python, and a Session that waits
    for an empty queue never comes back to one: then the process is ended, with the same
    exit code.

    Args:
        what: that must end, such as "check".
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    thread = threading.get_ident()

    def said():
        from parity_tests.pair.errors import is_theirs

        frame = sys._current_frames().get(thread)
        places = traceback.extract_stack(frame) if frame else []
        theirs = [place for place in places if is_theirs(place.filename)]
        at = f" at {theirs[-1].filename}:{theirs[-1].lineno}" if theirs else ""
        return (
            f"{what} must end within --timeout {seconds:g} seconds. "
            f"Received: one that still runs{at}. Allow more, or look there for what waits."
        )

    def interrupt(*_):
        raise Late(said())

    with contextlib.ExitStack() as stack:
        kept = signal.signal(signal.SIGALRM, interrupt)
        stack.callback(signal.signal, signal.SIGALRM, kept)
        if seconds is not None:
            stack.enter_context(
                _ended_after(seconds + GRACE, said, UserError.exit_code)
            )
            stack.callback(signal.setitimer, signal.ITIMER_REAL, 0)
            signal.setitimer(signal.ITIMER_REAL, seconds)
        stack.enter_context(_interruptible())
        try:
            yield
        except Late as error:
            raise UserError(str(error)) from None


@contextlib.contextmanager
def _ended_after(seconds, said, code):
    """Ends the process after so long, unless the ``with`` has ended."""

    def end():
        sys.stderr.write(f"tf-parity: {printable(said())}\n")
        sys.stderr.flush()
        unfinished.remove()
        os._exit(code)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextlib.contextmanager
def _interruptible():
    """Lets Ctrl-C end a process whose main thread is stuck in C as well."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def watch():
        while number := os.read(reading, 1):
            if number[0] == signal.SIGINT:
                code = 128 + signal.SIGINT
                stack.enter_context(_ended_after(GRACE, lambda: "interrupted.", code))

    with contextlib.ExitStack() as stack:
        kept = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(kept)
            os.close(writing)
            watcher.join()
            os.close(reading)
