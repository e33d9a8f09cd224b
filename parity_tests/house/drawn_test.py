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
    assert len(met) == 7 and met[-2:] == [40, 41]
    assert "7 of 42 cases were taken" in printed
    assert run()[0] == met  # quick: the same in every run


def test_whoever_says_what_runs_all_of_it(run):
    everything = [*range(42)]
    for words in (["--whole"], ["small_test.py"], ["-k", "test"]):
        met, printed = run(*words)
        assert met == everything and "cases were taken" not in printed
    assert run("small_test.py::test_many", "-n", "2")[0] == everything[:40]


def test_ci_takes_new_ones_and_the_seed_takes_them_again(run):
    ci = ["--hypothesis-profile=ci", "--hypothesis-seed"]
    (first, _), (second, _) = (run(*ci, seed) for seed in ("7", "8"))
    assert len(first) == len(second) == 7 and first != second
    workers, printed = run(*ci, "7", "-n", "2")
    assert workers == first and "7 of 42 cases were taken" in printed
