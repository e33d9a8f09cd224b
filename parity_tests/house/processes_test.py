"""Claims about the processes that tests start: none of them is left behind."""

import ast
import os
import pathlib
import select
import subprocess

import pytest

FOLDER = pathlib.Path(__file__).parents[1]
# Ignores what can be ignored, starts a child that does, and both hold a pipe open.
STUBBORN = r"""
import os, signal, sys, time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
os.fork()
os.write(1, b"ready\n")
time.sleep(600)
"""


class Failure(Exception):
    """A test that fails while its process runs."""


@pytest.mark.parametrize("failing", [False, True])
def test_nothing_that_a_test_starts_outlives_it(started_python, failing):
    reading, writing = os.pipe()
    try:
        with started_python("-c", STUBBORN, pass_fds=[writing]) as process:
            os.close(writing)
            assert process.stdout.readline() == process.stdout.readline() == "ready\n"
            if failing:
                raise Failure
    except Failure:
        assert failing
    # The pipe ends once nobody holds it open any more.
    assert select.select([reading], [], [], 60)[0] and os.read(reading, 1) == b""
    os.close(reading)


def test_a_process_that_takes_too_long_is_ended(run_python):
    reading, writing = os.pipe()
    with pytest.raises(subprocess.TimeoutExpired):
        run_python("-c", STUBBORN, pass_fds=[writing], timeout=1)
    os.close(writing)
    assert select.select([reading], [], [], 60)[0] and os.read(reading, 1) == b""
    os.close(reading)


STARTS = [
    f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output")
]


def endless(source):
    """Lines of a test file that start a process which nothing has to end."""
    for node in ast.walk(ast.parse(source)):
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        keywords = [keyword.arg for keyword in getattr(node, "keywords", ())]
        without = called in STARTS and "timeout" not in keywords
        if without or called == "subprocess.Popen":
            yield node.lineno


@pytest.mark.parametrize(
    "line, expected",
    [
        ("subprocess.run(words)", [1]),
        ("subprocess.Popen(words, timeout=1)", [1]),
        ("subprocess.check_output(words, text=True)", [1]),
        ("subprocess.run(words, timeout=300)", []),
        ("run_python('-c', program)", []),
        ("program = 'subprocess.run(words)'", []),
    ],
)
def test_a_process_that_nothing_ends_is_seen(line, expected):
    assert list(endless(line)) == expected


def test_a_process_of_a_test_has_an_end():
    """The fixtures end theirs; what else is started has a timeout."""
    for path in FOLDER.rglob("*_test.py"):
        lines = list(endless(path.read_text(encoding="utf-8")))
        assert not lines, f"{path.relative_to(FOLDER)}: use run_python in lines {lines}"
