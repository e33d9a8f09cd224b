"""Runs tests in children of a process that has imported TensorFlow, but run no op.

Before its first op TensorFlow has none of its threads, which a child would lose; after
its import a run of tests costs the import of the project, and the tests.
"""

import contextlib
import gc
import importlib
import os
import re
import resource
import signal
import sys
import time

import pytest
from hypothesis import is_hypothesis_test, settings

OTHERS = ["tensorflow.compat.v1", "keras", "hypothesis.extra.numpy", "xdist.plugin"]
OTHERS += ["click", "fissix.pytree", "jinja2", "rich.progress"]
LONGEST = 1800  # seconds of the processor for the claims of a module


class Choice:
    """A plugin of pytest: which tests run, in which order, and for how long at most.

    name: of a class or function; tests that are named after it come first.
    noticed: {test: how many faults it noticed}; those with many come first.
    only: "all" tests, those "named" after it if there are any, or a set of tests.
    examples: how many a property draws at most; None for all.
    drawing: whether only what draws examples runs, if there is something.
    patience: seconds of the processor that a test may take.
    """

    def __init__(
        self,
        name="",
        noticed=None,
        only="all",
        examples=None,
        drawing=False,
        patience=60,
    ):
        self.name, self.noticed, self.only = name, noticed or {}, only
        self.examples, self.drawing, self.patience = examples, drawing, patience

    def pytest_collection(self):
        if self.examples:
            settings.register_profile(
                "few", settings.default, max_examples=self.examples
            )
            settings.load_profile("few")

    def pytest_collection_modifyitems(self, items):
        named = [item for item in items if self.name in item.nodeid]
        if self.only == "named":
            items[:] = named or items
        elif self.only != "all":
            items[:] = [item for item in items if item.nodeid in self.only]
        if self.drawing:
            items[:] = [item for item in items if is_hypothesis_test(item.obj)]
        items.sort(
            key=lambda item: (item not in named, -self.noticed.get(item.nodeid, 0))
        )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        # Hypothesis lets nothing else through that a test raises.
        signal.signal(signal.SIGPROF, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_PROF, self.patience)
        try:
            return (yield)
        except KeyboardInterrupt:
            print(f"\nFAILED {item.nodeid} - {self.patience} s were not enough")
            raise
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)


def import_others():
    """Imports what is not of the project; runs no op, and forgets the project."""
    from parity_tests.witness import reference_conditions

    reference_conditions.import_tensorflow(forked=True)
    for name in OTHERS:
        importlib.import_module(name)
    from tensorflow.python.eager import context

    if context.context()._initialized:
        raise RuntimeError("No op may run before a fork. Received: a started context.")
    for name in list(sys.modules):
        if name.split(".")[0] in ("parity_tests", "tf1_graph", "tf2_keras"):
            del sys.modules[name]
    gc.freeze()  # or pytest's collections of garbage touch all of it in every child


def run_tests(words, choice, folder, seconds=10 * LONGEST):
    """Runs tests in a child of this process.

    Returns:
        (whether they hold, those that failed, what was printed)
    """
    printed = folder / "printed.txt"
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException), printed.open("w") as file:
            os.setsid()
            # A busy machine makes no claim fail: only what waits is measured by the clock.
            resource.setrlimit(resource.RLIMIT_CPU, (LONGEST, LONGEST))
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
            sys.path[0] = str(folder / "copy")
            code = pytest.main(
                [*words, "-x", "-q", "--hypothesis-profile=quick", "--assert=plain"]
                + ["-p", "no:randomly", "-p", "no:cacheprovider"]
                + [f"--basetemp={folder / 'temporary'}"],
                plugins=[choice],
            )
            sys.stdout.flush()
            os._exit(code)
        os._exit(pytest.ExitCode.INTERNAL_ERROR)
    end, ended, status = time.monotonic() + seconds, 0, None
    while not ended and time.monotonic() < end:
        time.sleep(0.02)
        ended, status = os.waitpid(child, os.WNOHANG)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if not ended:
        os.waitpid(child, 0)
    text = printed.read_text(encoding="utf-8", errors="replace")
    accepted = [0, pytest.ExitCode.NO_TESTS_COLLECTED] if choice.drawing else [0]
    holds = bool(ended) and os.waitstatus_to_exitcode(status) in accepted
    return holds, re.findall(r"^FAILED (.+?)(?: - .*)?$", text, re.M), text
