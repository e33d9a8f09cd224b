"""Claims about names read from source: they are those that importing would give."""

import pytest

from parity_tests.commands import declared
from parity_tests.models import chapters
from parity_tests.parts import optimizers


@pytest.mark.parametrize("name", chapters.NAMES)
def test_faults_are_those_of_the_module(name):
    assert declared.faults(name) == tuple(chapters.faults(name))


def test_optimizers_are_those_of_the_table():
    assert declared.optimizers() == tuple(part.name for part in optimizers.PARTS)
