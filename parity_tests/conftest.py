"""Settles the reference conditions before TensorFlow loads, and states them.

Hypothesis profiles: quick (default), ci, thorough; choose one with
``pytest --hypothesis-profile=thorough``. The first two draw the same examples in every
run, so that what fails was broken by a change; thorough draws new ones.
"""

import sys

import pytest
from hypothesis import HealthCheck, settings

from parity_tests.commands import cli
from parity_tests.witness import reference_conditions

reference_conditions.settle()

COMMON = dict(
    deadline=None,  # the first example of a pair traces its functions
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile("quick", max_examples=25, derandomize=True, **COMMON)
settings.register_profile("ci", max_examples=150, derandomize=True, **COMMON)
settings.register_profile("thorough", max_examples=1000, print_blob=True, **COMMON)
settings.load_profile("quick")


def pytest_report_header(config):
    """The reference conditions, in the header of every test run."""
    conditions = reference_conditions.describe()
    return "conditions: " + ", ".join(f"{k} {v}" for k, v in conditions.items())


@pytest.fixture
def tf_parity(monkeypatch, capfd):
    """Runs the command line in this process: (exit code, stdout, stderr)."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["tf-parity", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        output = capfd.readouterr()
        return stop.value.code or 0, output.out, output.err

    return call
