"""A part takes what its TF1 symbol took in 1.15.5: names, order and defaults.

Tests of behaviour pass arguments by name, mostly all of them: a default that changed
would change no test but this one.
"""

import ast
import fnmatch
import inspect

import pytest

from parity_tests.parts import table
from parity_tests.parts.signatures import HIDDEN, KEPT
from tf2_keras.migrate import catalogue

REQUIRED = inspect.Parameter.empty
PARTS = [part for part in table.PARTS if callable(table.constructor(part.name))]
EVERY_PART = pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)


def of_tf1(part):
    """{argument: its default} of the symbol as 1.15.5 recorded it, in order."""
    text = HIDDEN.get(part.tf1) or catalogue.api()[part.tf1].signature
    arguments = ast.parse(f"def symbol{text}: pass").body[0].args
    names = [argument.arg for argument in (*arguments.args, *arguments.kwonlyargs)]
    defaults = [*arguments.defaults, *arguments.kw_defaults]
    required = [REQUIRED] * (len(names) - len(defaults))
    return dict(zip(names, [*required, *map(value_of, defaults)], strict=True))


def value_of(node):
    """The default itself; of what is no literal, its text."""
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)


def of_part(part):
    """{argument: its default} of the part, in order."""
    parameters = inspect.signature(table.constructor(part.name)).parameters
    return {
        name: parameter.default
        for name, parameter in parameters.items()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    }


def differences(part):
    """[(what, argument)] in which the two differ."""
    tf1, ours = of_tf1(part), of_part(part)
    return [
        *(("left out", name) for name in tf1 if name not in ours),
        *(("added", name) for name in ours if name not in tf1),
        *(
            ("default", name)
            for name in tf1
            if name in ours and not alike(tf1[name], ours[name])
        ),
    ]


def alike(default, other):
    """Equal, and both numbers, both flags, or neither: 1 is 1.0, but not True."""
    both_flags = isinstance(default, bool) == isinstance(other, bool)
    return both_flags and default == other


def is_kept(kept, part, what, argument):
    return (
        kept.what == what
        and fnmatch.fnmatchcase(part.name, kept.parts)
        and fnmatch.fnmatchcase(argument, kept.argument)
    )


@EVERY_PART
def test_names_and_defaults_are_those_of_1_15_or_kept_for_a_reason(part):
    for what, argument in differences(part):
        reasons = [kept for kept in KEPT if is_kept(kept, part, what, argument)]
        defaults = of_tf1(part).get(argument), of_part(part).get(argument)
        assert reasons, f"{argument} is {what}: {defaults}"


@EVERY_PART
def test_the_order_is_that_of_1_15(part):
    """Positions mean the same; ``name`` stands where Keras has it, at the end."""
    tf1 = [name for name in of_tf1(part) if name != "name"]
    ours = [name for name in of_part(part) if name != "name"]
    shared = [name for name in ours if name in tf1]
    assert shared == [name for name in tf1 if name in ours]
    names = list(of_part(part))
    assert "name" not in names or names[-1] == "name"


def test_every_reason_is_needed():
    for kept in KEPT:
        assert any(
            is_kept(kept, part, what, argument)
            for part in PARTS
            for what, argument in differences(part)
        ), kept


def test_what_is_no_call_is_the_reductions_alone():
    assert [part.name for part in table.PARTS if part not in PARTS] == [
        "losses.Reduction"
    ]


@pytest.mark.parametrize(
    "text, what",
    [
        ("(learning_rate=0.01, beta1=0.9)", [("default", "learning_rate")]),
        ("(learning_rate=0.001)", [("added", "beta1")]),
        (
            "(learning_rate=0.001, beta1=0.9, beta3=1)",
            [("left out", "beta3")],
        ),
    ],
)
def test_a_difference_is_seen(monkeypatch, text, what):
    (adam,) = (part for part in PARTS if part.name == "optimizers.Adam")
    monkeypatch.setitem(HIDDEN, adam.tf1, text)
    seen = [
        pair
        for pair in differences(adam)
        if pair[1] in ("learning_rate", "beta1", "beta3")
    ]
    assert seen == what
