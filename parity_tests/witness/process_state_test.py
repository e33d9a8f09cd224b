"""Claims about what a process keeps: known, settled for a body, put back."""

import json
import re

import pytest

from parity_tests.witness import process_state

READ_IN_A_NEW_PROCESS = """
import json
from parity_tests.witness import process_state, reference_conditions

reference_conditions.import_tensorflow()
print(json.dumps(process_state.read()))
"""


def values(field):
    """{name: what it is in a new process, or in another one}."""
    settings = process_state.settings()
    return {name: getattr(setting, field) for name, setting in settings.items()}


@pytest.mark.slow
def test_what_is_called_new_is_what_a_new_process_has(run_python):
    run = run_python("-c", READ_IN_A_NEW_PROCESS)
    assert json.loads(run.stdout) == values("new"), run.stderr


def test_a_body_starts_as_a_new_process_does_and_leaves_nothing():
    with process_state.as_other():
        before = process_state.read()
        assert before == values("other")
        assert not any(before[name] == value for name, value in values("new").items())
        with process_state.as_new():
            assert process_state.read() == values("new")
        assert process_state.read() == before


def test_what_a_body_sets_goes_with_it():
    before = process_state.read()
    with pytest.raises(KeyError), process_state.as_new():
        process_state.write(values("other"))
        raise KeyError
    assert process_state.read() == before


LEFT_BEHIND = """
import keras
import tensorflow as tf

def test_that_leaves_an_option():
    tf.config.optimizer.set_experimental_options({"remapping": True})

def test_that_leaves_a_type():
    keras.config.set_floatx("float64")

def test_that_finds_all_as_it_was():
    assert keras.config.floatx() == "float32"
    assert "remapping" not in tf.config.optimizer.get_experimental_options()
    tf.random.set_seed(7)
"""


@pytest.mark.slow
def test_a_test_that_leaves_something_behind_fails_and_those_after_it_do_not(
    run_python, tmp_path
):
    path = tmp_path / "left_test.py"
    path.write_text(LEFT_BEHIND)
    run = run_python(
        *("-m", "pytest", path, "--rootdir", tmp_path, "-p", "no:randomly"),
        *("-p", "no:cacheprovider", "-p", "parity_tests.conftest", "-rE"),
    )
    assert re.findall(r"(?m)^ERROR \S+::(\w+)", run.stdout) == [
        "test_that_leaves_an_option",
        "test_that_leaves_a_type",
    ], run.stdout
    assert run.stdout.count("AssertionError: A test must leave its process") >= 2
    assert "3 passed, 2 errors" in run.stdout
