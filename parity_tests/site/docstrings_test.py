"""Claims about docstrings that are read from files: they are those of the objects."""

import ast
import inspect

import pytest

from parity_tests.parts import table
from parity_tests.site import docstrings


@pytest.mark.parametrize("part", table.PARTS, ids=lambda part: part.name)
def test_docstring_and_arguments_are_those_of_the_part(part):
    definition = docstrings.definition(*part.name.split("."))
    known = table.constructor(part.name)
    assert definition.docstring == inspect.getdoc(known)
    lines = (docstrings.ROOT / definition.path).read_text("utf-8").splitlines()
    assert part.name.partition(".")[2] in lines[definition.line - 1]
    if not callable(known):
        assert definition.signature == ""
        return
    read = ast.parse(f"def call{definition.signature}: ...").body[0].args
    rest = [[argument] if argument else [] for argument in (read.vararg, read.kwarg)]
    arguments = [*read.posonlyargs, *read.args, *rest[0], *read.kwonlyargs, *rest[1]]
    assert [argument.arg for argument in arguments] == list(
        inspect.signature(known).parameters
    )


DOCSTRING = """\
The first line: with a colon.

    rate = a / b

    step -= rate

Prose, which ``names`` something.

Args:
    first, second: [batch, features], float32.
    third: a number; one
        that goes on.
Returns a scalar.
Raises:
    ValueError: for another.
Source: training/adam.py, 1.15.
"""


def test_a_docstring_is_prose_code_and_sections():
    passages = docstrings.passages(DOCSTRING)
    assert [passage.title for passage in passages] == [
        *([""] * 3),
        "Args",
        "Returns",
        "Raises",
        "Source",
    ]
    first, code, prose, arguments, returned, raised, source = passages
    assert first.text == "The first line: with a colon."
    assert code.is_code and code.text == "rate = a / b\n\nstep -= rate"
    assert prose.text == "Prose, which ``names`` something."
    assert arguments.entries == (
        ("first, second", "[batch, features], float32."),
        ("third", "a number; one that goes on."),
    )
    assert returned.text == "a scalar."
    assert raised.entries == (("ValueError", "for another."),)
    assert source.text == "training/adam.py, 1.15."


def test_a_name_that_is_not_there_is_told():
    with pytest.raises(KeyError, match="has no Adamm"):
        docstrings.definition("optimizers", "Adamm")
