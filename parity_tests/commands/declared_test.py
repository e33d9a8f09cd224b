"""Claims about names read from source: they are those that importing would give."""

import inspect

import pytest

from parity_tests.commands import declared
from parity_tests.models import chapters
from parity_tests.parts import optimizers


@pytest.mark.parametrize("name", chapters.NAMES)
def test_faults_are_those_of_the_module(name):
    assert declared.faults(name) == {
        fault: (planted.says, planted.stage)
        for fault, planted in chapters.faults(name).items()
    }


@pytest.mark.parametrize("name", chapters.NAMES)
def test_fields_are_those_of_the_config(name):
    config = chapters.graph(name).Config
    assert declared.fields(name) == tuple(inspect.signature(config).parameters)


def test_optimizers_are_those_of_the_table():
    of_table = sorted(part.name for part in optimizers.PARTS)
    assert sorted(declared.optimizers()) == of_table


def test_a_name_that_moved_is_missed():
    with pytest.raises(LookupError, match="must assign NO_SUCH_NAME"):
        declared._assigned("parity_tests/__init__.py", "NO_SUCH_NAME")
