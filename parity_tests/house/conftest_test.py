"""Claims about conftest.py, each in a run of its own: examples, and processes left."""

import os
import re
import subprocess
import sys

import pytest

from parity_tests.house.markdown import ROOT

PROPERTY = """
from hypothesis import given, strategies as st

@given(st.integers(0, 10**9))
def test_drawn(number):
    with open({path!r}, "a") as file:
        file.write(f"{{number}}\\n")
    assert number < {limit}
"""
LEAVES_A_PROCESS = """
import subprocess, sys

def test_leaves_a_process():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with open({path!r}, "w") as file:
        file.write(f"{{process.pid}}\\n")
"""


@pytest.fixture
def run(tmp_path):
    """Runs a test file: (numbers that it wrote, exit code, what pytest printed)."""

    def call(*options, source=PROPERTY, limit=10**10):
        path = tmp_path / "written.txt"
        path.unlink(missing_ok=True)
        test_file = tmp_path / "written_test.py"
        test_file.write_text(source.format(path=str(path), limit=limit))
        result = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", test_file, "-p", "no:cacheprovider"),
                # A folder elsewhere: the project's conftest is named.
                *("-p", "parity_tests.conftest", "--rootdir", tmp_path, *options),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
        )
        numbers = [int(line) for line in path.read_text().split()]
        return numbers, result.returncode, result.stdout

    return call


def test_quick_draws_the_same_in_every_run(run):
    first, code, _ = run("-q")
    assert code == 0 and len(first) == 25
    assert first == run("-q")[0]


def test_ci_draws_new_ones_and_says_how_to_draw_them_again(run):
    first, code, printed = run("--hypothesis-profile=ci", "-n", "1")
    assert code == 0 and len(first) == 25
    # What the header says holds for a worker of pytest-xdist and for a run without.
    again = re.search(r"^examples: (.*)$", printed, re.M)[1].split()
    assert first == run("-q", *again)[0]
    assert first != run("-q", "--hypothesis-profile=ci")[0]


def test_thorough_draws_a_thousand(run):
    numbers, code, _ = run("-q", "--hypothesis-profile=thorough")
    assert code == 0 and len(numbers) == 1000


def test_shrinking_is_asked_for(run):
    limit = 5_000_000
    numbers, code, printed = run("-q", "--hypothesis-profile=ci", limit=limit)
    # Nothing but the failing example is tried again.
    failing = {number for number in numbers if number >= limit}
    assert code == 1 and len(failing) == 1
    assert f"number={min(failing)}" in printed.replace(" ", "")
    again = re.search(r"pytest TEST (.*); with --shrink", printed)[1].split()
    numbers, code, printed = run("-q", *again, "--shrink", limit=limit)
    assert code == 1 and failing < set(numbers)
    assert f"number={limit}" in printed.replace(" ", "")


def test_a_process_that_a_test_leaves_is_ended(run):
    (process,), code, printed = run("-q", source=LEAVES_A_PROCESS)
    assert code == 1
    assert "A test must end what it starts. Received: " in printed
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
