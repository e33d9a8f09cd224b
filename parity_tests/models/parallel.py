"""Chapters run beside each other, in processes of their own.

What needs TensorFlow is imported within functions: a new process imports this module before
it has said how TensorFlow is to be imported.
"""

import multiprocessing
import threading

from parity_tests.witness import reference_conditions
from tf2_keras.migrate import processes

_advances = None  # in a process of its own, the queue that it tells its progress to


def outcomes(requests, workers, traced=False, logdir=None, on_progress=lambda _: None):
    """Yields the runner's Outcome of each request, in their order.

    Args:
        requests: [runner.Request].
        workers: processes; with 1 all is run in this one.
        traced, logdir: as of ``runner.outcome``.
        on_progress: called with the chapter's name.

    Raises:
        BrokenProcessPool: a process was ended from without.
    """
    from parity_tests.models import runner

    if workers <= 1 or len(requests) < 2:
        for request in requests:
            yield runner.outcome(
                request, traced, logdir, lambda name=request.name: on_progress(name)
            )
        return
    advances = multiprocessing.get_context("spawn").SimpleQueue()
    hearing = threading.Thread(target=_hear, args=(advances, on_progress), daemon=True)
    hearing.start()
    workers = min(workers, len(requests))
    try:
        with processes.pool(workers, _prepare, advances) as pool:
            futures = [
                pool.submit(_outcome, request, traced, logdir) for request in requests
            ]
            for future in futures:
                yield future.result()
    finally:
        advances.put(None)
        hearing.join()


def _hear(advances, on_progress):
    for name in iter(advances.get, None):
        on_progress(name)


def _prepare(advances):
    global _advances
    _advances = advances
    reference_conditions.import_tensorflow()


def _outcome(request, traced, logdir):
    from parity_tests.models import runner

    def advance():
        _advances.put(request.name)

    return runner.outcome(request, traced, logdir, advance)
