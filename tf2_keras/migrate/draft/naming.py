"""Names of layers: from the scopes of their variables, else from what they are."""

import collections

from tf2_keras.migrate.draft.errors import refusal
from tf2_keras.migrate.draft.statements import Literal, filled, literals


def named(statements):
    """Gives every statement with a base its layer's name, in order.

    A base with # is numbered where there are several; one that begins with + follows
    the name before it.
    """
    numbered = collections.Counter(
        statement.base for statement in statements if statement.base is not None
    )
    counts, taken, before = collections.Counter(), set(), "model"
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
            name = base
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
