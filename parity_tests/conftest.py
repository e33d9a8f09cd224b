"""Settles the reference conditions before TensorFlow loads, and states them.

Hypothesis profiles, chosen by ``pytest --hypothesis-profile=NAME``:

- quick (default): few examples, the same in every run, so that what fails was broken by
  a change;
- ci: as many, new ones in every run, so that what was missed can still be found;
- thorough: a thousand new ones a property.

The header prints the seed of the new ones. No profile shrinks what it finds, since that
is minutes without a word for an optimizer: ``--shrink`` does.
"""

import contextlib
import os
import pathlib
import random
import signal
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, Phase, settings

from parity_tests.commands import cli
from parity_tests.witness import reference_conditions

reference_conditions.import_tensorflow()  # quietly, whatever a test imports first

# Each says whether it is random: what is not said is taken from Hypothesis's own profile,
# and where a variable ``CI`` is set, that one draws the same in every run.
PROFILES = {
    "quick": {"max_examples": 15, "derandomize": True},
    "ci": {"max_examples": 15, "derandomize": False},
    "thorough": {"max_examples": 1000, "derandomize": False},
}


def pytest_addoption(parser):
    parser.addoption(
        "--shrink",
        action="store_true",
        help="Let Hypothesis shrink what fails to its smallest example (minutes).",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """Before Hypothesis's own, which then loads the profile and sets the seed."""
    shrinks = config.getoption("--shrink", default=False)
    left_out = {Phase.explain, *([] if shrinks else [Phase.shrink])}
    for name, differing in PROFILES.items():
        settings.register_profile(
            name,
            deadline=None,  # the first example of a pair traces its functions
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            phases=[phase for phase in Phase if phase not in left_out],
            print_blob=True,
            **differing,
        )
    # Hypothesis does so as well, but before this file is found if no folder is named.
    settings.load_profile(config.getoption("--hypothesis-profile") or "quick")
    if config.getoption("--hypothesis-seed") is None:
        # Drawn here and not by Hypothesis, so that the header can state it; a worker of
        # pytest-xdist is handed it.
        given = getattr(config, "workerinput", {}).get("hypothesis_seed")
        drawn = given or str(random.SystemRandom().getrandbits(32))
        config.option.hypothesis_seed = drawn


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    node.workerinput["hypothesis_seed"] = node.config.getoption("--hypothesis-seed")


def examples(config):
    """The options that draw the same examples again."""
    profile = config.getoption("--hypothesis-profile") or "quick"
    if settings.default.derandomize:
        return f"--hypothesis-profile={profile}"
    seed = config.getoption("--hypothesis-seed")
    return f"--hypothesis-profile={profile} --hypothesis-seed={seed}"


def pytest_report_header(config):
    """The reference conditions and the examples' seed, in the header of every run."""
    # Before the first test file does: TensorFlow greets while it is imported.
    reference_conditions.import_tensorflow()
    conditions = reference_conditions.describe()
    return [
        "conditions: " + ", ".join(f"{k} {v}" for k, v in conditions.items()),
        f"examples: {examples(config)}",
    ]


def pytest_terminal_summary(terminalreporter, config):
    if terminalreporter.stats.get("failed"):
        terminalreporter.write_line(
            f"The same examples again: pytest TEST {examples(config)}; with --shrink as "
            "well, the smallest that fails. Keep it as an @example."
        )


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
