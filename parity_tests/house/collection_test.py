"""Claims about the suite: the same tests under the same names, wherever it is collected."""

import os
import pathlib
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def collected(run_python):
    """Collects in a process of its own: the ids of all tests, in order."""

    def call(folder, **environment):
        run = run_python(
            *("-m", "pytest", "--collect-only", "-q"),
            *("-c", ROOT / "pyproject.toml", ROOT / "parity_tests"),
            # Shuffling is asked for and goes by a seed; the order itself is compared.
            *("-p", "no:randomly", "-p", "no:cacheprovider"),
            cwd=folder,
            env={**os.environ, **environment},
        )
        assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
        return [line for line in run.stdout.splitlines() if "::" in line]

    return call


@pytest.mark.slow
def test_ids_depend_on_nothing_but_the_tree(collected, tmp_path):
    """Two workers of pytest-xdist that collect different ids end the whole run."""
    here = collected(ROOT, PYTHONHASHSEED="1")
    time.sleep(1.1)  # what holds the time mostly holds it in seconds
    elsewhere = collected(
        tmp_path,
        PYTHONHASHSEED="2",
        HOME=str(tmp_path),
        TMPDIR=str(tmp_path),
        TZ="Asia/Tokyo",
        LC_ALL="C",
        COLUMNS="60",
        CI="true",
    )
    assert len(here) > 1000
    assert here == elsewhere
    of_this_machine = (str(ROOT), sys.executable)
    assert not [name for name in here for path in of_this_machine if path in name]
