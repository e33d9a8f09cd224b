"""Claims about the processes that tests start: none of them is left behind."""

import os
import pathlib
import re
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


def test_tests_start_processes_by_the_fixtures_only():
    for path in FOLDER.rglob("*_test.py"):
        if path != pathlib.Path(__file__):
            source = path.read_text(encoding="utf-8")
            assert not re.search(r"^(import|from) subprocess\b", source, re.M), path
