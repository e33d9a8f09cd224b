"""Claims about the Hypothesis profiles of conftest.py, each in a run of its own."""

import re
import subprocess
import sys

import pytest

from parity_tests.house.markdown import ROOT

PROPERTY = """
from hypothesis import given, strategies as st

@given(st.integers(0, 10**9))
def test_drawn(number):
    with open({drawn!r}, "a") as file:
        file.write(f"{{number}}\\n")
    assert number < {limit}
"""


@pytest.fixture
def run(tmp_path):
    """Runs a property: (its examples in order, what pytest printed)."""

    def call(*options, limit=10**10):
        drawn = tmp_path / "drawn.txt"
        drawn.unlink(missing_ok=True)
        (tmp_path / "property_test.py").write_text(
            PROPERTY.format(drawn=str(drawn), limit=limit)
        )
        result = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", tmp_path, "-p", "no:cacheprovider"),
                # A folder elsewhere: the project's conftest is named.
                *("-p", "parity_tests.conftest", "--rootdir", tmp_path, *options),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert result.returncode == (limit < 10**9), result.stdout + result.stderr
        return [int(line) for line in drawn.read_text().split()], result.stdout

    return call


def test_quick_draws_the_same_in_every_run(run):
    first, _ = run("-q")
    assert len(first) == 25
    assert first == run("-q")[0]


def test_ci_draws_new_ones_and_says_how_to_draw_them_again(run):
    first, printed = run("--hypothesis-profile=ci", "-n", "1")
    assert len(first) == 25
    # What the header says holds for a worker of pytest-xdist and for a run without.
    again = re.search(r"^examples: (.*)$", printed, re.M)[1].split()
    assert first == run("-q", *again)[0]
    assert first != run("-q", "--hypothesis-profile=ci")[0]


def test_thorough_draws_a_thousand(run):
    assert len(run("-q", "--hypothesis-profile=thorough")[0]) == 1000


def test_shrinking_is_asked_for(run):
    limit = 5_000_000
    drawn, printed = run("-q", "--hypothesis-profile=ci", limit=limit)
    # Nothing but the failing example is tried again.
    failing = {number for number in drawn if number >= limit}
    assert len(failing) == 1
    assert f"number={min(failing)}" in printed.replace(" ", "")
    again = re.search(r"pytest TEST (.*); with --shrink", printed)[1]
    drawn, printed = run("-q", *again.split(), "--shrink", limit=limit)
    assert failing < set(drawn)
    assert f"number={limit}" in printed.replace(" ", "")
