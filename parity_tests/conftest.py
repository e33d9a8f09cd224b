"""Settles the reference conditions before TensorFlow loads, and states them."""

import contextlib
import functools
import gc
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from parity_tests.commands import cli
from parity_tests.engine import processors
from parity_tests.house import permissions
from parity_tests.witness import environment, process_state, reference_conditions

# Graphs are many small objects: looking for garbage after every 700 new ones costs a fifth
# of building a chapter, most of it in what TensorFlow's import leaves and nothing frees.
gc.set_threshold(20_000, 10, 10)
reference_conditions.import_tensorflow()  # quietly, whatever a test imports first
gc.freeze()

CACHED = type(functools.cache(len))


def pytest_report_header():
    """The reference conditions, in the header of every run."""
    # Before the first test file does: TensorFlow greets while it is imported.
    reference_conditions.import_tensorflow()
    conditions = reference_conditions.describe()
    return "conditions: " + ", ".join(f"{k} {v}" for k, v in conditions.items())


@pytest.fixture(autouse=True)
def nothing_left_behind():
    """Fails a test that leaves in the process what those after it would read.

    Seeds are no concern of it: pytest-randomly sets them anew, and so does what draws.
    """
    before = process_state.read()
    yield
    after = process_state.read()
    process_state.write(before)
    after[process_state.SEED] = before[process_state.SEED]
    assert after == before, "A test must leave its process as it was."


@pytest.fixture(scope="module", autouse=True)
def freed_with_the_module(request):
    """Frees what a file's tests built and traced: its caches and its PAIRS hold it.

    And so does TensorFlow, which registers for good, with all of its graph, the gradient
    of every call of a ``tf.custom_gradient``; and Keras, by names and kernels. Graphs are
    cycles, for whose collection a process with our threshold would wait long.
    """
    from tensorflow.python.framework.ops import gradient_registry

    known = set(gradient_registry.list())
    yield
    for held in vars(request.module).values():
        if isinstance(held, CACHED):
            held.cache_clear()
    if hasattr(request.module, "PAIRS"):
        request.module.PAIRS.close()
    for name in set(gradient_registry.list()) - known:
        if name.startswith("CustomGradient-"):
            del gradient_registry._registry[name]
    if "keras" in sys.modules:
        sys.modules["keras"].backend.clear_session()  # collects, too


@pytest.fixture
def tf_parity(monkeypatch, capfd):
    """Runs the command line in this process: (exit code, stdout, stderr)."""
    for name in ("COLUMNS", "FORCE_COLOR"):  # a test says so if it wants them
        monkeypatch.delenv(name, raising=False)

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["tf-parity", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        output = capfd.readouterr()
        return stop.value.code or 0, output.out, output.err

    return call


@pytest.fixture
def permissions_bind():
    """Has permission bits bind root, too, or skips."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(permissions.binding())
        except OSError as error:
            pytest.skip(f"permission bits do not bind this user: {error}")
        yield


ROOT = pathlib.Path(__file__).parents[1]
LONGEST = 600  # seconds that a process of a test may take


@pytest.fixture(scope="session")
def started_python():
    """Starts Python in a process of its own; it and its children end with the ``with``.

    Its two outputs are pipes of text unless options of ``subprocess.Popen`` say else.
    """

    @contextlib.contextmanager
    def started(*words, **options):
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        with subprocess.Popen(
            [sys.executable, *map(str, words)],
            **{"cwd": ROOT, "text": True, "start_new_session": True} | options,
        ) as process:
            try:
                yield process
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    return started


@pytest.fixture(scope="session")
def run_python(started_python):
    """Runs Python in a process of its own: a ``subprocess.CompletedProcess``."""

    def run(*words, timeout=LONGEST, **options):
        with started_python(*words, **options) as process:
            output = process.communicate(timeout=timeout)
        return subprocess.CompletedProcess(words, process.returncode, *output)

    return run


# TensorFlow 1.15.5 itself, for the claims that run it live.


@pytest.fixture(scope="session")
def genuine_python():
    """A Python with TensorFlow 1.15.5, or a skip."""
    python = environment.find()
    if python is None:
        pytest.skip(
            "no Python with TensorFlow 1.15.5 here: `python -m "
            "parity_tests.witness.environment` builds one"
        )
    return python


@pytest.fixture(scope="session")
def needed_here():
    """A function that skips unless a golden is of this kind of processor.

    Kernels are chosen by it, and so is whether two of them round alike: a budget that was
    needed where it was measured may be needed no more.
    """
    from parity_tests.witness import golden, replay

    def require(*names):
        for name in names:
            facts = golden.Golden(replay.GOLDENS / name).facts
            if not processors.same_kind(facts):
                pytest.skip(f"budgets of {name} were measured on {facts['cpu']}")

    return require


@pytest.fixture(scope="module")
def restored(genuine_python, tmp_path_factory):
    """A function of requests that gives [records], see ``handed_over.player``."""
    from parity_tests.witness import handed_over

    said = tmp_path_factory.mktemp("restored") / "said.txt"
    with handed_over.player(genuine_python, said) as play:
        yield play
