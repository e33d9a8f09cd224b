"""Claims about the installed wheel: what it holds, and that 1.15.5 records from it.

Built as ``pip install .`` does, installed away from the checkout, run from elsewhere.
"""

import importlib.metadata
import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile

import pytest

from parity_tests.witness import environment, golden

ROOT = pathlib.Path(__file__).parents[2]
PACKAGES = ("tf1_graph", "tf2_keras", "parity_tests")
pytestmark = pytest.mark.skipif(
    not (ROOT / "pyproject.toml").is_file(), reason="a wheel is built from a checkout"
)


def tracked_files():
    """Everything in the packages that belongs to them, by paths from the checkout."""
    return {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def clean_environment():
    """Without what would lead a child back to the checkout."""
    return {
        **environment.clean_environment(),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "COLUMNS": "100",
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The path of the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    # From a copy: setuptools leaves a folder behind, and would pack it the next time.
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, source / package, ignore=ignored)
    words = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder]
    if _setuptools_is_new_enough():
        words.append("--no-build-isolation")
    result = subprocess.run(
        [*words, source],
        timeout=600,
        capture_output=True,
        text=True,
        env=clean_environment(),
    )
    output = result.stdout + result.stderr
    for reason in (
        "No matching distribution found for setuptools",
        "No module named pip",
    ):
        if result.returncode and reason in output:
            pytest.skip(f"no wheel can be built here: {reason}")
    assert result.returncode == 0, output
    (path,) = folder.glob("*.whl")
    return path


def _setuptools_is_new_enough():
    try:
        version = importlib.metadata.version("setuptools")
    except importlib.metadata.PackageNotFoundError:
        return False
    return int(version.partition(".")[0]) >= 77  # as pyproject.toml asks


@pytest.fixture(scope="module")
def tf_parity(wheel, tmp_path_factory):
    """(words, folder) -> what the installed command did, run from that folder."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:  # of Python alone: that is installing it
        archive.extractall(site_packages)
    # What it depends on lies beside it, NumPy 2 above all, as after pip install; but
    # not what an editable install leaves, which would lead back to the checkout.
    for path in pathlib.Path(sysconfig.get_path("purelib")).iterdir():
        link = site_packages / path.name
        if path.suffix != ".pth" and "editable" not in path.name and not link.exists():
            link.symlink_to(path)

    def run(words, folder_to_run_in):
        program = "from parity_tests.commands.cli import main; main()"
        return subprocess.run(
            [folder / "bin" / "python", "-c", program, *words],
            timeout=600,
            capture_output=True,
            text=True,
            cwd=folder_to_run_in,
            env=clean_environment(),
        )

    return run


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_packages(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == tracked_files()


@pytest.mark.usefixtures("genuine_python")
def test_1_15_5_records_from_the_wheel_into_the_callers_folder(tf_parity, tmp_path):
    words = ["witness", "--chapter", "session_basics", "--keep", "kept"]
    result = tf_parity(words, tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    facts = golden.Golden(tmp_path / "kept" / "session_basics").facts
    assert facts["tensorflow"] == "1.15.5"
    (tmp_path / "kept" / "session_basics" / "mine").write_text("years of work")
    result = tf_parity(words, tmp_path)
    assert result.returncode == 2 and result.stdout == ""
    assert "A golden may replace nothing but a golden" in result.stderr
    assert (tmp_path / "kept" / "session_basics" / "mine").exists()
    assert os.listdir(tmp_path) == ["kept"]


@pytest.mark.slow
def test_a_failing_child_is_one_line_that_names_interpreter_and_step(
    tf_parity, tmp_path, monkeypatch
):
    python = tmp_path / "python3.7"
    python.write_text(
        '#!/bin/sh\ncase "$*" in *__version__*) echo 1.15.5; exit 0 ;; esac\n'
        "echo Traceback; echo SyntaxError: no; exit 1\n"
    )
    python.chmod(0o755)
    monkeypatch.setenv(environment.VARIABLE, str(python))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    result = tf_parity(["witness", "--chapter", "session_basics"], tmp_path)
    assert result.returncode == 2 and result.stdout == ""
    (line,) = result.stderr.splitlines()
    told = (
        f"{python} must start under TensorFlow 1.15. Received: exit code 1: SyntaxErr"
    )
    assert told in line
