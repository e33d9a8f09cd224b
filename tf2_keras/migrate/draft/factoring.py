"""What is written more than once becomes a function, and calls in a row a loop.

Windows of statements that are equal but for their literals, and by which one tensor
leaves, are functions that could be. The one that saves most lines is taken, again and
again, within functions as well.
"""

import os
import re
from typing import NamedTuple

from tf2_keras.migrate.draft import windowing
from tf2_keras.migrate.draft.statements import (
    Call,
    Literal,
    Statement,
    filled,
    literals,
)

TENSORS = ("x", "y")


class Function(NamedTuple):
    """parameters: [name] besides the tensors. inputs: [(parameter, tensor's name)]."""

    name: str
    parameters: list
    statements: list
    inputs: list
    result: str


def factored(statements, outputs, names):
    """(statements, [Function]) with what repeats taken out.

    Args:
        statements: of inference, in order.
        outputs: names of the tensors that it returns.
        names: that functions may not have.
    """
    sequences = [(list(statements), list(outputs))]
    functions, taken = [], set(names)
    while True:
        found = windowing.best(sequences)
        if found is None:
            break
        windows, length, plan = found
        function, arguments = _extracted(sequences, windows, length, plan, taken)
        taken.add(function.name)
        sequences = _replaced(sequences, windows, length, function, arguments)
        sequences.append((function.statements, [function.result]))
        functions.append(function)
    bodies = [body for body, _ in sequences[1:]]
    functions = [
        function._replace(statements=body)
        for function, body in zip(functions, bodies, strict=True)
    ]
    return sequences[0][0], _in_order(functions)


def _in_order(functions):
    """Functions behind those that they call."""
    by_name = {function.name: function for function in functions}
    ordered = {}

    def visit(function):
        for statement in function.statements:
            called = statement.call and by_name.get(statement.call.function)
            if called and called.name not in ordered:
                visit(called)
        ordered[function.name] = function

    for function in functions:
        if function.name not in ordered:
            visit(function)
    return list(ordered.values())


def _extracted(sequences, windows, length, plan, taken):
    """(Function, [[Literal of each argument] by place])."""
    groups = windowing.grouped(plan)
    words = list(groups)
    spelled, parameters = {}, []
    for word in words:
        numbers = groups[word]
        if len(numbers) == 1:
            parameters.append(word)
            spelled[numbers[0]] = word
            continue
        plural = word if word.endswith("s") else f"{word}s"
        parameters.append(plural)
        spelled.update(
            (number, f"{plural}[{place}]") for place, number in enumerate(numbers)
        )
    first = windows[0]
    inside = windowing.statements_of(sequences, first, length)
    holes = iter(plan.holes)
    body = []
    for statement in inside:
        values = []
        for _ in literals(statement.call):
            kind, value = next(holes)
            if kind == "same":
                values.append(value)
            elif kind == "name":
                values.append(
                    Literal("name" + (f" + {value!r}" if value else ""), "name")
                )
            else:
                values.append(Literal(spelled[value], plan.parameters[value][0]))
        body.append(
            Statement(
                list(statement.outputs),
                filled(statement.call, iter(values)),
                list(statement.inputs),
                statement.position,
                template=statement.template,
                kind=statement.kind,
                spread=statement.spread,
            )
        )
    arguments = [windowing.given(plan, place) for place in range(len(windows))]
    name = _function_name(sequences, windows, length, body, taken)
    function = Function(
        name,
        parameters,
        body,
        list(zip(TENSORS, first.external, strict=False)),
        body[-1].outputs[0],
    )
    return function, arguments


SHORT = {
    "BatchNormalization": "norm",
    "AddBias": "bias",
    "BiasAdd": "bias",
    "ReLU": "relu",
    "MaxPooling2D": "pool",
    "AveragePooling2D": "pool",
    "Concatenate": "concat",
    "ZeroPadding2D": "pad",
}
OPERATORS = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}


def _function_name(sequences, windows, length, body, taken):
    words = []
    for statement in body:
        if statement.call is None:
            sign = re.fullmatch(r"\S+ (\S) \S+", statement.template)
            words.append(OPERATORS.get(sign[1], "op") if sign else "op")
            continue
        last = statement.call.function.rpartition(".")[2]
        word = SHORT.get(last) or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", last).lower()
        words.append(re.sub(r"(conv|pooling)\dd?$", r"\1", re.sub(r"\dd$", "", word)))
    base = "_".join(words)
    if len(words) > 4 or len(base) > 32:
        base = _scope_name(sequences, windows, length) or "block"
    name, count = base, 1
    while name in taken:
        count += 1
        name = f"{base}_{count}"
    return name


def _scope_name(sequences, windows, length):
    """What the scopes of all windows are called, without their numbers."""
    stems = set()
    for window in windows:
        inside = windowing.statements_of(sequences, window, length)
        scopes = [statement.outputs[0].split("/")[:-1] for statement in inside]
        common = os.path.commonprefix(scopes)
        stems.add(re.sub(r"[\W\d_]+$", "", common[-1]).lower() if common else "")
    stem = stems.pop() if len(stems) == 1 else ""
    return re.sub(r"\W", "_", stem) if len(stem) > 2 and stem[0].isalpha() else ""


def _replaced(sequences, windows, length, function, arguments):
    """The sequences with a call where each window was."""
    at = {
        (window.sequence, window.start): (window, row)
        for window, row in zip(windows, arguments, strict=True)
    }
    replaced = []
    for number, (statements, outputs) in enumerate(sequences):
        body, place = [], 0
        while place < len(statements):
            window, row = at.get((number, place), (None, None))
            if window is None:
                body.append(statements[place])
                place += 1
                continue
            last = statements[place + length - 1]
            call = Call(function.name, tuple((None, value) for value in row))
            body.append(
                Statement(
                    list(last.outputs),
                    call,
                    list(window.external),
                    last.position,
                    kind="function",
                    spread=True,
                )
            )
            place += length
        replaced.append((body, outputs))
    return replaced
