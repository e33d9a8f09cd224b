"""Names of layers: from the scopes of their variables, else from what they are."""

import collections
import keyword
import re

from tf2_keras.migrate.draft.errors import refusal
from tf2_keras.migrate.draft.statements import Literal, filled, literals


def named(statements):
    """Gives every statement with a base its layer's name, in order; returns the scope
    that all of them are in, or None.

    A base with # is numbered where there are several; one that begins with + follows
    the name before it.
    """
    numbered = collections.Counter(
        statement.base for statement in statements if statement.base is not None
    )
    counts, taken, before = collections.Counter(), set(), "model"
    prefix = _prefix(statements)
    for statement in statements:
        base = statement.base
        if base is None:
            continue
        if base.startswith("+"):
            name = before + base[1:]
        elif base.endswith("#"):
            counts[base] += 1
            name = base[:-1] + (str(counts[base]) if numbered[base] > 1 else "")
        else:
            name = base.removeprefix(f"{prefix}.")
        free, count = name, 0
        while free in taken:
            count += 1
            free = f"{name}_{count}"
        taken.add(free)
        statement.name = free
        statement.call = filled(
            statement.call,
            iter(
                [
                    Literal(repr(free), "name") if literal.role == "name" else literal
                    for literal in literals(statement.call)
                ]
            ),
        )
        if not base.startswith("+"):
            before = free
    return prefix


def _prefix(statements):
    """The scope that all variables of a model are in, which no name has to say."""
    scopes = {
        variable.partition("/")[0]
        for statement in statements
        for variable in statement.weights.values()
    }
    bases = [
        statement.base
        for statement in statements
        if statement.base is not None and statement.weights
    ]
    scope = scopes.pop() if len(scopes) == 1 else None
    is_whole = all(base.startswith((f"{scope}.", "+")) for base in bases)
    return scope if scope and is_whole and len(bases) > 1 else None


def paths(statements):
    """{TF1 variable: Keras path}.

    Raises:
        Undraftable: for a variable that several layers would each have for their own.
    """
    found = {}
    for statement in statements:
        for attribute, variable in statement.weights.items():
            if variable in found:
                raise refusal(
                    "A variable must belong to one layer",
                    f"{variable}, of {found[variable]} and {statement.name}/{attribute}",
                    "Call one layer twice there, by hand",
                )
            found[variable] = f"{statement.name}/{attribute}"
    return found


def python_name(name):
    """What an input is called in Python, after its name in a batch."""
    word = re.sub(r"\W", "_", name)
    word = word.lower() if word.startswith("Placeholder") else word
    return f"{word}_" if keyword.iskeyword(word) or word[0].isdigit() else word
