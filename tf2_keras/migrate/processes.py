"""Processes that work beside this one, and end with it.

Can be imported under Python 3.7 as well.
"""

import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import types
from multiprocessing import context


def cores():
    """How many this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


@contextlib.contextmanager
def pool(workers, prepare=None, *arguments):
    """A ProcessPoolExecutor; whatever ends its block early ends its processes as well.

    prepare: called with the arguments in each process, before its work.
    """
    executor = concurrent.futures.ProcessPoolExecutor(
        workers,
        _Context(),
        _begin,
        (prepare, arguments),
    )
    try:
        yield executor
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        executor.shutdown()


class Alone:
    """A kind of Process that does not run the caller's program again, as others do that begin anew.

    A program that says what it does outside of ``if __name__ == "__main__":`` would come
    to the same call in every process that it starts, and start its own there.
    """

    def start(self):
        program = sys.modules["__main__"]
        sys.modules["__main__"] = types.ModuleType("__main__")
        try:
            super().start()
        finally:
            sys.modules["__main__"] = program


class _Process(Alone, context.SpawnProcess):
    pass


class _Context(context.SpawnContext):
    Process = _Process


def _begin(prepare, arguments):
    # Ctrl-C reaches every process of a terminal; only the first is to answer it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if prepare is not None:
        prepare(*arguments)


def _end_with_parent():
    multiprocessing.parent_process().join()
    os._exit(1)
