"""Every file read: what it uses of TensorFlow, whatever state it is in.

Large code bases are read by several processes. A file that takes its process down, or
that the reader fails on, is one skipped file; the others are read.
"""

import collections
import concurrent.futures
import contextlib
import os
import sys
import threading
from concurrent.futures.process import BrokenProcessPool
from typing import NamedTuple

from tf2_keras.migrate import names, processes, sources
from tf2_keras.migrate.bindings import Use
from tf2_keras.migrate.parsing import Place

# Below this, starting other processes takes longer than reading.
WORTH_PROCESSES = 1_000_000  # bytes
CHUNK = 250_000
# Code is nested as deeply as it is written: a chain of some thousand links takes up to
# six calls a link, and Python 3.10 parses it without a bound of its own. Only what is
# touched of a stack takes memory.
DEEP_CALLS = 30_000
DEEP_STACK = 512 * 2**20  # bytes


class Located(NamedTuple):
    """A use and where it stands in its file."""

    use: Use
    place: Place


class Read(NamedTuple):
    """What reading one file gave; small, as it travels between processes.

    lines: how many it has; -1 if it could not be used at all.
    uses: [Located].
    skipped: (sources.Skipped, ...), of the file or of some of its cells.
    """

    file: str
    lines: int
    uses: list
    imports_keras: bool
    skipped: tuple


def unread(file, reason, detail="", line=0):
    return Read(file, -1, [], False, (sources.Skipped(file, reason, detail, line),))


# ---------------------------------------------------------------------------- one file


def read_file(file):
    """The Read of one file."""
    try:
        return _read(file)
    except sources.Unusable as unusable:
        return unread(file, *unusable.skipped[1:])
    except (RecursionError, MemoryError):
        return unread(file, "nested too deeply")
    except Exception as error:  # a fault of the reader, and of this file only
        return unread(file, "crashes the reader", f"{type(error).__name__}: {error}")


def _read(file):
    source = sources.read(file)
    if not source.may_use_tensorflow:
        return Read(file, source.lines, [], False, source.skipped)
    program = names.read(source.body)
    uses = [Located(use, source.place(use.line, use.column)) for use in program.uses]
    return Read(file, source.lines, uses, program.imports_keras, source.skipped)


def read_files(files):
    """[Read] of some files, on a stack for deep recursion if the system grants one."""
    file_reads = []

    def run():
        file_reads.extend(map(read_file, files))

    size, calls = threading.stack_size(DEEP_STACK), sys.getrecursionlimit()
    try:
        # The limit is that of the whole process, which waits meanwhile.
        sys.setrecursionlimit(DEEP_CALLS)
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join()
    except RuntimeError:  # no such stack
        sys.setrecursionlimit(calls)
        run()
    finally:
        threading.stack_size(size)
        sys.setrecursionlimit(calls)
    return file_reads


# --------------------------------------------------------------------------- all files


def read_all(files, workers, on_progress):
    """[Read] of every file, in order."""
    sizes = {file: _size(file) for file in files}
    total, done = sum(sizes.values()), 0
    reads = {}

    def tell(more):
        nonlocal done
        for read in more:
            reads[read.file] = read
            done += sizes[read.file]
        on_progress(done, total)

    on_progress(0, total)
    if workers is None:
        workers = processes.cores() if total > WORTH_PROCESSES else 1
    if workers <= 1 or len(files) < 2:
        for file in files:
            tell(read_files([file]))
    else:
        chunks = _chunks(files, sizes)
        _read_together(chunks, workers, tell)
        # A file that takes its process down takes others' results with it.
        left = [[file for file in chunk if file not in reads] for chunk in chunks]
        _read_in_turn(filter(None, left), tell)
    return [reads[file] for file in files]


def _size(file):
    try:
        return os.path.getsize(file)
    except OSError:
        return 0


def _chunks(files, sizes):
    chunks, size = [[]], 0
    for file in files:
        if size > CHUNK:
            chunks.append([])
            size = 0
        chunks[-1].append(file)
        size += sizes[file]
    return chunks


def _read_together(chunks, workers, tell):
    """Reads the chunks at once; what a pool that breaks had not read is left."""
    with processes.pool(workers) as pool:
        jobs = [pool.submit(read_files, chunk) for chunk in chunks]
        for job in concurrent.futures.as_completed(jobs):
            with contextlib.suppress(BrokenProcessPool):
                tell(job.result())


def _read_in_turn(chunks, tell):
    """Reads one chunk at a time; one that breaks its process is halved, down to the
    file that does it."""
    waiting = collections.deque(chunks)
    while waiting:
        with processes.pool(1) as pool, contextlib.suppress(BrokenProcessPool):
            while waiting:
                tell(pool.submit(read_files, waiting[0]).result())
                waiting.popleft()
        if waiting:
            chunk = waiting.popleft()
            half = len(chunk) // 2
            if half:
                waiting.extendleft([chunk[half:], chunk[:half]])
            else:
                tell([unread(chunk[0], "crashes the reader")])
