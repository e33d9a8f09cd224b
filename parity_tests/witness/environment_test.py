"""Finding a Python with TensorFlow 1.15, saying what is missing, and recording there."""

import os
import pathlib
import stat
import sys

import pytest

from parity_tests.witness import environment, golden

# Says that it has TensorFlow 1.15.5, and otherwise does what {} says.
PRETENDER = """#!/bin/sh
case "$*" in *__version__*) echo 1.15.5; exit 0 ;; esac
{}
"""
# A child that dies as NumPy 2 does under Python 3.7.
DIES = r"""
echo 'session_basics: 5 steps into a folder'
printf 'Traceback (most recent call last):\n  File "x.py", line 1\nSyntaxError: no.\n' >&2
exit 3
"""


@pytest.fixture
def no_environment(monkeypatch, tmp_path):
    """A machine with neither an environment nor a Python 3.7."""
    monkeypatch.delenv(environment.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.fixture
def logs(monkeypatch, tmp_path):
    """The folder that the output of what failed goes to."""
    folder = tmp_path / "logs"
    folder.mkdir()
    monkeypatch.setattr(environment.tempfile, "tempdir", str(folder))
    return folder


def pretender(folder, does):
    """An executable that passes for a Python with TensorFlow 1.15.5."""
    path = folder / "python3.7"
    path.write_text(PRETENDER.format(does))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def failure(call, *arguments):
    """The one line that a call tells."""
    with pytest.raises(environment.NoWitness) as caught:
        call(*arguments)
    message = str(caught.value)
    assert "\n" not in message and " Received: " in message
    return message


# ---- finding and building


def test_without_one_nothing_is_found_and_the_remedy_is_told(no_environment):
    assert environment.find() is None
    message = failure(environment.build)
    assert message.startswith("TensorFlow 1.15 must run on Python 3.7. Received: ")
    assert "pyenv install 3.7" in message and environment.VARIABLE in message
    assert not list(no_environment.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    "python", [sys.executable, "/nowhere/python"], ids=["this one", "missing"]
)
def test_an_interpreter_without_tensorflow_1_15_is_refused(monkeypatch, python):
    monkeypatch.setenv(environment.VARIABLE, python)
    message = failure(environment.find)
    assert "must name a Python with TensorFlow 1.15. Received: " + python in message


@pytest.mark.parametrize("spelled", ["./python3.7", "python3.7", "~/python3.7"])
def test_a_named_interpreter_is_the_callers_wherever_it_runs(
    monkeypatch, tmp_path, spelled
):
    path = pretender(tmp_path, "exit 0")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(environment.VARIABLE, spelled)
    assert environment.find() == str(path)


def test_what_cannot_be_installed_names_the_step_and_the_interpreter(
    no_environment, logs, monkeypatch
):
    monkeypatch.setenv("PATH", f"{no_environment}:/usr/bin:/bin")
    does = 'case "$*" in *sys*) echo "(3, 7)"; exit 0 ;; esac; echo a; echo no room.; exit 1'
    python = pretender(no_environment, does)
    told = []
    message = failure(environment.build, told.append)
    step = f"making {environment.folder()} with {python}"
    assert told == [step]
    assert f"must be built; {step}. Received: exit code 1: no room. Read " in message
    assert [path.read_text() for path in logs.iterdir()] == ["a\nno room.\n"]
    assert not environment.folder().exists()


def test_a_place_that_cannot_be_made_is_told(no_environment, monkeypatch):
    (no_environment / "cache").write_text("a file")
    monkeypatch.setattr(environment, "python37", lambda: "python3.7")
    message = failure(environment.build)
    assert f"must be built in {environment.folder()}. Received: " in message


# ---- recording


def test_a_failed_recording_names_the_interpreter_the_step_and_the_last_line(
    tmp_path, logs
):
    python, told = pretender(tmp_path, DIES), []
    message = failure(
        lambda: environment.record(
            str(python), ["session_basics"], tmp_path / "out", on_line=told.append
        )
    )
    assert message.startswith(
        f"{python} must record session_basics under TensorFlow 1.15. Received: exit "
        f"code 3: SyntaxError: no. Read {logs}{os.sep}"
    )
    assert told == ["session_basics: 5 steps into a folder"]
    (log,) = logs.iterdir()
    assert "Traceback" in log.read_text()


@pytest.mark.parametrize(
    "does, received",
    [
        ("exit 1", "exit code 1: no reason given."),
        ("kill -9 $$", "signal 9: no reason given."),
    ],
    ids=["silent", "killed"],
)
def test_a_recording_that_says_nothing_is_told_by_how_it_ended(
    tmp_path, logs, does, received
):
    python = str(pretender(tmp_path, does))
    message = failure(environment.record, python, ["resnet"], tmp_path / "out")
    assert f"{python} must start under TensorFlow 1.15. Received: {received}" in message
    assert len(list(logs.iterdir())) == 1


def test_an_interpreter_that_is_gone_is_told(tmp_path):
    python = str(tmp_path / "python3.7")
    message = failure(environment.record, python, ["resnet"], tmp_path / "out")
    assert f"{python} must start under TensorFlow 1.15. Received: No such" in message


@pytest.mark.slow
@pytest.mark.usefixtures("logs")
def test_another_tensorflow_refuses_to_record(tmp_path):
    out = tmp_path / "out"
    message = failure(environment.record, sys.executable, ["session_basics"], out)
    assert "must run under TensorFlow 1.15. Received: TensorFlow 2." in message
    assert not out.exists()


def test_a_recording_sees_this_projects_packages_and_nothing_beside_them(tmp_path):
    """What lies between NumPy 2 and TensorFlow 2 once this project is installed."""
    does = 'ls -a > "{0}/seen"; pwd > "{0}/where"; echo "$*" > "{0}/words"; exit 0'
    python = pretender(tmp_path, does.format(tmp_path))
    environment.record(str(python), ["session_basics"], tmp_path / "out")
    seen = set((tmp_path / "seen").read_text().split())
    assert seen == {".", "..", *environment.PACKAGES}
    where = pathlib.Path((tmp_path / "where").read_text().strip())
    assert environment.ROOT not in [where, *where.parents] and not where.exists()
    assert (tmp_path / "words").read_text().startswith("-E -s ")


def test_a_relative_folder_is_the_callers(tmp_path, monkeypatch):
    python = pretender(tmp_path, f'echo "$*" > "{tmp_path}/words"')
    monkeypatch.chdir(tmp_path)
    environment.record(str(python), ["session_basics"], "kept")
    assert f"--out {tmp_path / 'kept'} " in (tmp_path / "words").read_text()


def test_a_folder_of_other_files_is_refused_before_anything_runs(tmp_path):
    mine = tmp_path / "kept" / "resnet" / "thesis.tex"
    mine.parent.mkdir(parents=True)
    mine.write_text("years of work")
    python = str(pretender(tmp_path, f'touch "{tmp_path}/ran"'))
    names = ["session_basics", "resnet"]
    message = failure(environment.record, python, names, tmp_path / "kept", "--replace")
    assert message.startswith("A golden may replace nothing but a golden. Received: ")
    assert f"{mine.parent} with 'thesis.tex'" in message
    assert mine.read_text() == "years of work" and not (tmp_path / "ran").exists()


def test_what_is_not_for_another_python_is_not_inherited(monkeypatch):
    """Importing TensorFlow 2 sets TF2_BEHAVIOR, which 1.15 obeys as well."""
    for name in ("TF2_BEHAVIOR", "PYTHONPATH"):
        monkeypatch.setenv(name, "1")
        assert name not in environment.clean_environment()


def test_1_15_5_records_where_this_project_is_installed(
    genuine_python, tmp_path, monkeypatch
):
    """Live, from another folder: into the caller's own, which it may then replace."""
    monkeypatch.chdir(tmp_path)
    for options in ((), ("--export", "--replace"), ("--export", "--replace")):
        environment.record(genuine_python, ["session_basics"], "kept", *options)
        facts = golden.Golden(tmp_path / "kept" / "session_basics").facts
        assert facts["tensorflow"] == "1.15.5"
    assert sorted(os.listdir("kept")) == ["session_basics"]
