"""Processes that work beside this one, and end with it."""

import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import threading


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
        multiprocessing.get_context("spawn"),
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


def _begin(prepare, arguments):
    # Ctrl-C reaches every process of a terminal; only the first is to answer it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if prepare is not None:
        prepare(*arguments)


def _end_with_parent():
    multiprocessing.parent_process().join()
    os._exit(1)
