"""Claims about which cases a run takes, each in a run of its own."""

import os

import pytest

TESTS = """
import pytest

@pytest.mark.parametrize("number", range(40))
def test_many(number):
    with open({path!r}, "a") as file:
        file.write(f"{{number}}\\n")

@pytest.mark.parametrize("number", [40])
def test_of_one_case(number):
    test_many(number)

def test_alone():
    test_many(41)

@pytest.mark.slow
@pytest.mark.parametrize("number", range(100, 116))
def test_slow(number):
    test_many(number)

@pytest.mark.slow
def test_slow_alone():
    test_many(200)

@pytest.mark.slow(shared="site")
def test_of_a_site():
    test_many(300)

@pytest.mark.slow(shared="site")
def test_of_the_same_site():
    test_many(301)
"""


@pytest.fixture
def run(run_python, tmp_path):
    """Runs the tests: (the numbers that were met, what pytest printed)."""
    path = tmp_path / "met.txt"
    (tmp_path / "small_test.py").write_text(TESTS.format(path=str(path)))
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\ntestpaths = .\npython_files = *_test.py\n"
        "addopts = -p parity_tests.house.profiles -p parity_tests.house.drawn\n"
    )

    def call(*options):
        path.unlink(missing_ok=True)
        # The project's path; and not the folder's, for none is named here.
        environment = {**os.environ, "PYTHONPATH": os.getcwd()}
        words = ["-m", "pytest", "-p", "no:cacheprovider", *options]
        result = run_python(*words, cwd=tmp_path, env=environment)
        assert result.returncode == 0, result.stdout + result.stderr
        return sorted(map(int, path.read_text().split())), result.stdout

    return call


def test_the_whole_tree_runs_an_eighth_and_of_each_test_at_least_one(run):
    met, printed = run()
    fast = [number for number in met if number < 100]
    assert len(fast) == 7 and fast[-2:] == [40, 41]
    assert f"{len(met)} of 61 cases were taken" in printed
    assert run()[0] == met  # quick: the same in every run


def test_of_what_is_slow_the_whole_tree_runs_a_quarter(run):
    """Of three, one: two cases of the first, the second, or both that share."""
    ci = ["--hypothesis-profile=ci", "--hypothesis-seed"]
    taken = set()
    for seed in range(4):
        met, _ = run(*ci, str(seed))
        slow = tuple(number for number in met if number >= 100)
        taken.add(slow if slow[0] >= 200 else len(slow))
    assert taken <= {2, (200,), (300, 301)} and len(taken) > 1


def test_whoever_says_what_runs_all_of_it(run):
    everything = [*range(42), *range(100, 116), 200, 300, 301]
    for words in (["--whole"], ["small_test.py"], ["-k", "test"]):
        met, printed = run(*words)
        assert met == everything and "cases were taken" not in printed
    assert run("small_test.py::test_many", "-n", "2")[0] == everything[:40]


def test_ci_takes_new_ones_and_the_seed_takes_them_again(run):
    ci = ["--hypothesis-profile=ci", "--hypothesis-seed"]
    (first, _), (second, _) = (run(*ci, seed) for seed in ("7", "8"))
    assert first != second
    workers, printed = run(*ci, "7", "-n", "2")
    assert workers == first and f"{len(first)} of 61 cases were taken" in printed


def test_a_seed_takes_the_same_ones_whatever_examples_are_drawn(run):
    ci = ["--hypothesis-profile=ci", "--draw"]
    (first, _), (second, _) = (run(*ci, seed, "-n", "2") for seed in ("a1", "b2"))
    assert first != second
    assert run(*ci, "a1", "--hypothesis-seed=5")[0] == first
