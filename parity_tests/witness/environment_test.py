"""Finding a Python with TensorFlow 1.15, and saying what is missing."""

import sys

import pytest

from parity_tests.witness import environment


@pytest.fixture
def no_environment(monkeypatch, tmp_path):
    """A machine with neither an environment nor a Python 3.7."""
    monkeypatch.delenv(environment.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_without_one_nothing_is_found_and_the_remedy_is_told(no_environment):
    assert environment.find() is None
    with pytest.raises(environment.NoWitness) as caught:
        environment.build()
    message = str(caught.value)
    assert message.startswith("TensorFlow 1.15 must run on Python 3.7. Received: ")
    assert "pyenv install 3.7" in message and environment.VARIABLE in message
    assert not list(no_environment.iterdir())


@pytest.mark.parametrize(
    "python", [sys.executable, "/nowhere/python"], ids=["this one", "missing"]
)
def test_an_interpreter_without_tensorflow_1_15_is_refused(monkeypatch, python):
    monkeypatch.setenv(environment.VARIABLE, python)
    with pytest.raises(environment.NoWitness, match=r"must name .* 1\.15\. Received: "):
        environment.find()


def test_a_failed_recording_tells_its_last_line(tmp_path):
    with pytest.raises(environment.NoWitness) as caught:
        environment.record(sys.executable, ["session_basics"], tmp_path)
    assert "must run under TensorFlow 1.15. Received: TensorFlow 2." in str(
        caught.value
    )
    assert not list(tmp_path.iterdir())


def test_what_tensorflow_2_tells_itself_is_not_inherited(monkeypatch):
    """Importing TensorFlow 2 sets TF2_BEHAVIOR, which 1.15 obeys as well."""
    monkeypatch.setenv("TF2_BEHAVIOR", "1")
    assert "TF2_BEHAVIOR" not in environment.clean_environment()
