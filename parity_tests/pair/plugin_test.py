"""Claims about the pytest plugin, as a project of a user's has it, under xdist as well."""

import json
import os

import pytest

TESTS = """
import pytest
from parity_tests import Budget
from parity_tests.pair import small_pair

def off():
    return small_pair.pair(tf2=lambda: small_pair.model(scale=1 + 2**-22))

STAGES = ("outputs", "loss", "gradients", "slots", "updates")
GRANTED = dict.fromkeys(STAGES, Budget(normwise=8, reason="a scale that is off"))

def test_equal(assert_parity):
    assert assert_parity(small_pair.pair(), steps=2).data["steps"] == 2

def test_from_a_file(assert_parity):
    assert_parity("pair.py")

def test_off(assert_parity):
    assert_parity(off())

@pytest.mark.parity(budgets=GRANTED, levels=["fit"])
def test_granted(assert_parity):
    assert set(assert_parity(off()).data["levels"]) == {"fit"}

@pytest.mark.parity(stepps=3)
def test_misspelt(assert_parity):
    assert_parity(off())
"""
PAIR = "from parity_tests.pair import small_pair\npair = small_pair.pair()\n"


@pytest.mark.slow
@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "under xdist"])
def test_a_pair_is_compared_in_a_test(workers, run_python, tmp_path):
    (tmp_path / "pair_test.py").write_text(TESTS)
    (tmp_path / "pair.py").write_text(PAIR)
    report = tmp_path / "report"
    root = os.getcwd()
    words = ["-p", "parity_tests.pair.plugin", "-p", "no:cacheprovider", *workers]
    words += ["--strict-markers", "--parity-report", report, "pair_test.py"]
    environment = {**os.environ, "PYTHONPATH": root}
    result = run_python("-m", "pytest", *words, cwd=tmp_path, env=environment)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "2 failed, 3 passed" in result.stdout
    assert (
        "First divergence: step 1 (move 2 of the play), move train, loss, tensor loss"
        in result.stdout
    )
    assert "must be known. Received: stepps." in result.stdout
    assert ">       assert_parity(off())" in result.stdout
    assert "checking.py" not in result.stdout  # the user's line, and none of ours
    written = {path.name: path.read_text() for path in report.iterdir()}
    assert sorted(written) == [
        f"pair_test.py_{name}.{ending}"
        for name in ("test_equal", "test_from_a_file", "test_granted", "test_off")
        for ending in ("html", "json")
    ]
    data = json.loads(written["pair_test.py_test_off.json"])
    data = data["pairs"]["pair_test.py::test_off"]
    assert data["first_divergence"]["function"]["stage"] == "loss"
    page = written["pair_test.py_test_off.html"]
    assert "The two sides part at step 1 (move 2 of the play), loss, loss" in page
    assert "pytest pair_test.py::test_off" in page
    assert (
        "are equal to the last bit over 2 steps"
        in written["pair_test.py_test_equal.html"]
    )


def test_the_plugin_imports_nothing_heavy(run_python):
    program = (
        "import sys, parity_tests.pair.plugin\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'hypothesis'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    result = run_python("-c", program)
    assert result.returncode == 0, result.stderr
