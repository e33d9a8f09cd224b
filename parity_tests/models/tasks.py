"""The tasks of a program: each a process of its own on this machine, gone when all is done.

TensorFlow makes its devices, its servers and its cluster once a process. A task is forked
from a process that has imported TensorFlow and run no op, in a tenth of a second. However
this process ends, by a failure, Ctrl-C or a signal that nothing can catch, its tasks end
with it.

Runs under Python 3.7 as well.
"""

import collections
import contextlib
import importlib
import json
import multiprocessing
import os
import signal
import socket
import threading
import time
from multiprocessing import connection, context
from unittest import mock

from parity_tests.models import chapters
from parity_tests.witness import reference_conditions
from tf2_keras.migrate import processes

SECONDS = 300  # that the tasks of a program may take
ADDRESS = "127.0.0.1"  # nothing is said to another machine
PRELOADED = ["parity_tests.models.preloaded"]  # once, for all tasks


class TaskError(Exception):
    """The tasks of a program did not all come to their end."""


# serving: {job: how many tasks} that serve until all others are done.
# working: {job: how many tasks} whose ``run`` returns.
Cluster = collections.namedtuple("Cluster", ["serving", "working"])


def run(side, arrays, config, cluster, fault=None, **options):
    """Runs the tasks of a program, each with its TF_CONFIG, if there are several.

    Args:
        side: a module with ``run``, which each task calls.
        arrays, config: what it takes.
        cluster: a ``Cluster``.
        fault: of the chapter, whose patch is planted in every task; or None.
        **options: what ``run`` takes besides.

    Returns:
        records; what several tasks saw at the same step is one.

    Raises:
        TaskError: a task failed, was ended, or took longer than ``SECONDS``.
    """
    names = [
        (job, index) for jobs in cluster for job in jobs for index in range(jobs[job])
    ]
    # Each task looks at what is said here already when it imports TensorFlow.
    reference_conditions.settle()
    with contextlib.ExitStack() as stack:
        started = {
            name: stack.enter_context(
                _started(side.__name__, fault, arrays, config, options, environment)
            )
            for name, environment in _environments(names).items()
        }
        working = {name: started[name] for name in names if name[0] in cluster.working}
        returned = _returned(working, started)
    return _merged([returned[name] for name in working])


def _environments(names):
    """{task: its environment}: the TF_CONFIG of a cluster on free ports."""
    if len(names) == 1:
        return {names[0]: {}}
    addresses = collections.OrderedDict()
    with contextlib.ExitStack() as held:  # or the same port would be free twice
        for job, _ in names:
            port = free_port(held)
            addresses.setdefault(job, []).append(f"{ADDRESS}:{port}")
    return {
        (job, index): {
            "TF_CONFIG": json.dumps(
                {"cluster": addresses, "task": {"type": job, "index": index}}
            )
        }
        for job, index in names
    }


def free_port(held):
    """A port that nobody listens on; held until the stack ``held`` is closed."""
    listener = held.enter_context(socket.socket())
    listener.bind((ADDRESS, 0))
    return listener.getsockname()[1]


class _Process(processes.Alone, context.ForkServerProcess):
    pass


@contextlib.contextmanager
def _started(side, fault, arrays, config, options, environment):
    """(process, what it tells) of a task, which ends with the block."""
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload(PRELOADED)
    ours, theirs = forking.Pipe()
    says = fault and fault.says
    process = _Process(
        target=_work, args=(theirs, side, says, arrays, config, options, environment)
    )
    try:
        process.start()
        theirs.close()
        yield process, ours
    finally:
        ours.close()
        if process.pid:
            process.kill()
            process.join()


def _work(tells, side, says, arrays, config, options, environment):
    """A task, in its process."""
    # Ctrl-C reaches every process of a terminal; only the first is to answer it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = threading.Thread(target=_end_with_parent, args=(tells,), daemon=True)
    parent.start()
    # What C++ writes of a peer that goes is no message of ours; an exception is told.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.environ.update(environment)
    try:
        module = importlib.import_module(side)
        patch = _patch(module, says) if says else {}
        with mock.patch.multiple(module, **patch) if patch else mock.MagicMock():
            tells.send(("records", module.run(*arrays, config=config, **options)))
    except BaseException as error:
        lines = str(error).strip().splitlines() or [""]
        tells.send(("error", f"{type(error).__name__}: {lines[0]}"))
    parent.join()  # to others that are not done yet this one would be lost


def _patch(module, says):
    """{attribute: its replacement} of the fault that says so."""
    (fault,) = (
        fault
        for fault in chapters.faults(module.__name__.rpartition(".")[2]).values()
        if fault.says == says
    )
    return fault.patch(module) if fault.patch else {}


def _end_with_parent(tells):
    with contextlib.suppress(EOFError, OSError):
        tells.recv()  # nothing ever comes
    os._exit(1)


def _returned(working, started):
    """{task: what its ``run`` returned}, once all of ``working`` have."""
    returned, end = {}, time.monotonic() + SECONDS
    while not returned.keys() >= working.keys():
        waiting = {
            tells: name for name, (_, tells) in started.items() if name not in returned
        }
        ready = connection.wait(list(waiting), max(0, end - time.monotonic()))
        if not ready:
            missing = [_said(name) for name in working if name not in returned]
            raise TaskError(
                "The tasks of a program must all come, and be done within "
                f"{SECONDS} seconds. Received: nothing from {', '.join(missing)}. "
                "Look what it waits for, or use fewer of them."
            )
        for tells in ready:
            name = waiting[tells]
            try:
                kind, value = tells.recv()
            except (EOFError, OSError):
                process = started[name][0]
                process.join(10)
                kind, value = "error", f"it ended with {process.exitcode}"
            if kind == "error":
                raise TaskError(
                    "A task of a program must come to its end. "
                    f"Received: {_said(name)}, {value}. "
                    "Run it again; ports are chosen anew."
                )
            returned[name] = value
    return returned


def _said(name):
    job, index = name
    return f"{job} {index}"


def _merged(histories):
    """One history of several: the records of the same step are one."""
    merged = []
    for records in zip(*histories):
        of_all = {}
        for record in records:
            for stage, tensors in record.items():
                of_all.setdefault(stage, {}).update(tensors)
        merged.append(of_all)
    return merged
