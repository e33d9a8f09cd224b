"""Claims about the Hypothesis profiles, each in a run of its own."""

import os
import re

import pytest

PROPERTY = """
from hypothesis import given, strategies as st

@given(st.integers(0, 10**9))
def test_drawn(number):
    with open({path!r}, "a") as file:
        file.write(f"{{number}}\\n")
    assert number < {limit}
"""


@pytest.fixture
def run(run_python, tmp_path):
    """Runs the property: (its examples in order, exit code, what pytest printed)."""

    def call(*options, limit=10**10, **environment):
        path = tmp_path / "drawn.txt"
        path.unlink(missing_ok=True)
        (tmp_path / "property_test.py").write_text(
            PROPERTY.format(path=str(path), limit=limit)
        )
        result = run_python(
            *("-m", "pytest", tmp_path, "-p", "no:cacheprovider"),
            *("-p", "parity_tests.house.profiles", "--rootdir", tmp_path, *options),
            env={**os.environ, **environment},
        )
        numbers = [int(line) for line in path.read_text().split()]
        return numbers, result.returncode, result.stdout

    return call


@pytest.mark.slow
def test_quick_draws_the_same_in_every_run(run):
    first, code, _ = run("-q")
    assert code == 0 and len(first) == 10
    assert first == run("-q")[0]


@pytest.mark.slow
def test_ci_draws_new_ones_and_says_how_to_draw_them_again(run):
    first, code, printed = run("--hypothesis-profile=ci", "-n", "1")
    assert code == 0 and len(first) == 10
    # What the header says holds for a worker of pytest-xdist and for a run without.
    again = re.search(r"^examples: (.*)$", printed, re.M)[1].split()
    assert first == run("-q", *again)[0]
    # Where ``CI`` is set, Hypothesis's own profile draws the same in every run.
    assert first != run("-q", "--hypothesis-profile=ci", CI="true")[0]


def test_thorough_draws_a_thousand(run):
    numbers, code, _ = run("-q", "--hypothesis-profile=thorough")
    assert code == 0 and len(numbers) == 1000


def test_shrinking_is_asked_for(run):
    limit = 1000  # two examples of three reach it, and ten are drawn
    numbers, code, printed = run("-q", "--hypothesis-profile=ci", limit=limit)
    # Nothing but the failing example is tried again.
    failing = {number for number in numbers if number >= limit}
    assert code == 1 and len(failing) == 1
    # Of a large number Hypothesis writes 1_000_000.
    assert f"number={min(failing)}," in re.sub("[ _]", "", printed)
    again = re.search(r"pytest TEST (.*); with --shrink", printed)[1].split()
    numbers, code, printed = run("-q", *again, "--shrink", limit=limit)
    assert code == 1 and failing < set(numbers)
    assert f"number={limit}," in printed.replace(" ", "")
