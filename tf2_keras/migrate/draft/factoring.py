"""What is written more than once becomes a function, and calls in a row a loop.

Windows of statements that are equal but for their literals, and by which one tensor
leaves, are functions that could be. The one that saves most lines is taken, again and
again, within functions as well.
"""

import collections
import itertools
import os
import re
from typing import NamedTuple

from tf2_keras.migrate.draft import layout
from tf2_keras.migrate.draft.statements import (
    Call,
    Items,
    Literal,
    Statement,
    filled,
    literals,
    rendered,
    skeleton,
)

MOST_PARAMETERS = 6
LONGEST = 40  # statements of a function
MOST_INPUTS = 2
MOST_NAMES = 2  # of layers that a call hands over one by one
MOST_ROLES = 4  # in which windows are told apart
HEAD = 4  # lines of a function besides its body
TENSORS = ("x", "y")


class Function(NamedTuple):
    """parameters: [name] besides the tensors. inputs: [(parameter, tensor's name)]."""

    name: str
    parameters: list
    statements: list
    inputs: list
    result: str


class _Window(NamedTuple):
    sequence: int  # which sequence
    start: int
    external: tuple


class _Plan(NamedTuple):
    """parameters: [(role, [Python by place])]. holes: [(kind, value)] of each literal."""

    parameters: list
    holes: list


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
        best = _best(sequences)
        if best is None:
            break
        windows, length, plan = best
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


_LINES = {}


def lines_of(statement):
    """About how many lines a statement takes."""
    if statement.call is None:
        return 1
    text = f"    x = {rendered(statement.call)}" + (
        "" if statement.kind == "function" else "(x)"
    )
    if text not in _LINES:
        _LINES[text] = len(layout.laid_out(text))
    return _LINES[text]


def _best(sequences):
    """(windows, length, plan) of what saves most lines; None if nothing does."""
    best, saved = None, 0
    for length in range(1, LONGEST + 1):
        groups = collections.defaultdict(list)
        for number, (statements, outputs) in enumerate(sequences):
            last_use = _last_uses(statements, outputs)
            for start in range(len(statements) - length + 1):
                shape = _shape(statements, start, length, last_use)
                if shape is not None:
                    groups[shape[0]].append(_Window(number, start, shape[1]))
        groups = [windows for windows in groups.values() if len(windows) > 1]
        if not groups:
            continue
        for windows in groups:
            for part in _parts(sequences, windows, length):
                if _bound(sequences, part, length) <= saved:
                    continue
                plan = _planned(sequences, part, length)
                if plan is None:
                    continue
                saving = _saving(sequences, part, length, plan)
                if saving > saved:
                    best, saved = (part, length, plan), saving
    return best


# Roles of literals that may differ between calls of one function without a thought.
FREE = ("seed", "name", "channels", "units")


def _parts(sequences, windows, length):
    """Sets of windows that may share a function: all, and those alike in some roles."""
    rows = {
        window: [
            literal
            for statement in _statements_of(sequences, window, length)
            for literal in literals(statement.call)
        ]
        for window in windows
    }
    places = range(len(rows[windows[0]]))
    differing = sorted(
        {
            rows[windows[0]][place].role
            for place in places
            if len({row[place].source for row in rows.values()}) > 1
        }
        - set(FREE)
    )[:MOST_ROLES]
    seen = set()
    for count in range(len(differing) + 1):
        for alike in itertools.combinations(differing, count):
            parts = collections.defaultdict(list)
            for window, row in rows.items():
                key = tuple(word.source for word in row if word.role in alike)
                parts[(*key, _endings(row))].append(window)
            for part in parts.values():
                part = tuple(_apart(part, length))
                if len(part) > 1 and part not in seen:
                    seen.add(part)
                    yield list(part)


def _endings(row):
    """How the names of one call end behind what they have in common."""
    names = [word.source for word in row if word.role == "name"]
    suffixes = _suffixes([names]) if names else None
    return None if suffixes is None else tuple(suffixes[1])


def _bound(sequences, windows, length):
    """What a function can save at most."""
    inside = _statements_of(sequences, windows[0], length)
    lines = sum(lines_of(statement) for statement in inside)
    return len(windows) * (lines - 1) - (lines + HEAD)


def _last_uses(statements, outputs):
    uses = {}
    for place, statement in enumerate(statements):
        for name in statement.inputs:
            uses[name] = place
    for name in outputs:
        uses[name] = len(statements)
    return uses


def _shape(statements, start, length, last_use):
    """(what is equal of equal windows, names of the tensors that come in); or None."""
    inside, external, flow = {}, [], []
    window = statements[start : start + length]
    for place, statement in enumerate(window):
        if statement.structure is not None or statement.why:
            return None
        for name in statement.inputs:
            if name in inside:
                flow.append(("inside", inside[name]))
                continue
            if name not in external:
                external.append(name)
            flow.append(("outside", external.index(name)))
        inside[statement.outputs[0]] = place
    if not 1 <= len(external) <= MOST_INPUTS:
        return None
    end = start + length - 1
    leaving = [
        statement.outputs[0]
        for statement in window
        if last_use.get(statement.outputs[0], -1) > end
    ]
    if leaving != [window[-1].outputs[0]]:
        return None
    if length == 1 and (window[0].kind != "layer" or window[0].call is None):
        return None
    tokens = tuple(_token(statement) for statement in window)
    return (tokens, tuple(flow)), tuple(external)


def _token(statement):
    """What is equal of two statements that differ in literals only."""
    known = statement.__dict__.get("token")
    if known is None:
        known = statement.__dict__["token"] = (
            statement.template,
            statement.kind,
            statement.spread,
            len(statement.inputs),
            statement.call and skeleton(statement.call),
        )
    return known


def _apart(windows, length):
    """Those that do not overlap, the first ones first."""
    kept, end = [], {}
    for window in windows:
        if window.start >= end.get(window.sequence, 0):
            kept.append(window)
            end[window.sequence] = window.start + length
    return kept


def _statements_of(sequences, window, length):
    return sequences[window.sequence][0][window.start : window.start + length]


def _saving(sequences, windows, length, plan):
    inside = _statements_of(sequences, windows[0], length)
    lines = sum(lines_of(statement) for statement in inside)
    saving = -(lines + HEAD)
    starts = {(window.sequence, window.start) for window in windows}
    for place, window in enumerate(windows):
        words = ", ".join(map(rendered, _given(plan, place)))
        call = len(layout.laid_out(f"    x = function_name(x, {words}, config)"))
        # Calls in a row become rows of a loop.
        beside = (
            (window.sequence, window.start - length),
            (window.sequence, window.start + length),
        )
        if len(window.external) == 1 and starts.intersection(beside):
            call = min(call, 2)
        saving += lines - call - _torn(sequences, window, length)
    return saving - 0.3 * len(plan.parameters)


def _grouped(plan):
    """{word of a parameter: [number]} in the order of the parameters."""
    groups = collections.OrderedDict()
    for number, (role, _) in enumerate(plan.parameters):
        groups.setdefault(_word(role), []).append(number)
    order = {"seed": 1, "name": 2}
    return {
        word: groups[word]
        for word in sorted(groups, key=lambda word: order.get(word, 0))
    }


def _given(plan, place):
    """[Literal or Items] of the arguments of one call."""
    row = []
    for numbers in _grouped(plan).values():
        given = [
            Literal(plan.parameters[number][1][place], plan.parameters[number][0])
            for number in numbers
        ]
        row.append(given[0] if len(given) == 1 else Items(tuple(given)))
    return row


def _torn(sequences, window, length):
    """How many ends of a window cut through a scope of names."""
    statements, _ = sequences[window.sequence]
    start, end = window.start, window.start + length
    torn = 0
    for before, after in ((start - 1, start), (end - 1, end)):
        if before < 0 or after >= len(statements):
            continue
        scopes = [
            statements[place].outputs[0].rpartition("/")[0].split("/")
            for place in (before, after)
        ]
        common = len(os.path.commonprefix(scopes)) if scopes[0] != [""] else 0
        torn += common > 1
    return torn


def _planned(sequences, windows, length):
    """The ``_Plan`` of a function; None if it would have too many parameters."""
    by_place = [
        [
            literal
            for statement in _statements_of(sequences, window, length)
            for literal in literals(statement.call)
        ]
        for window in windows
    ]
    parameters, holes = [], []
    name_places = [
        place for place, literal in enumerate(by_place[0]) if literal.role == "name"
    ]
    suffixes = None
    if name_places:
        names = [[row[place].source for place in name_places] for row in by_place]
        suffixes = _suffixes(names)
        if suffixes is not None:
            parameters.append(("name", suffixes[0]))
    for place, literal in enumerate(by_place[0]):
        values = [row[place].source for row in by_place]
        if literal.role == "name" and suffixes is not None:
            holes.append(("name", suffixes[1][name_places.index(place)]))
        elif (
            len(set(values)) == 1
            and literal.role != "name"
            and not REFERENCE.match(literal.source)
        ):
            holes.append(("same", literal))
        else:
            known = [
                number
                for number, (role, column) in enumerate(parameters)
                if column == values and role == (literal.role or "value")
            ]
            if not known:
                known = [len(parameters)]
                parameters.append((literal.role or "value", values))
            holes.append(("parameter", known[0]))
    if sum(role == "name" for role, _ in parameters) > MOST_NAMES:
        return None
    grouped = len({_word(role) for role, _ in parameters})
    inputs = len(windows[0].external)
    if grouped + inputs + 1 > MOST_PARAMETERS:
        return None
    return _Plan(parameters, holes)


def _suffixes(names):
    """([base by place], [suffix of each]) of names with one base; None otherwise.

    A base is Python: a quoted name, or within a function ``name`` or ``name + '.conv'``.
    """
    bases, ends = [], set()
    for row in names:
        plain = [_unquoted(name) for name in row]
        if len(plain) == 1:
            base = plain[0]
        else:
            base = os.path.commonprefix(plain)
            if not all(
                name == base or name[len(base) : len(base) + 1] in "._"
                for name in plain
            ):
                base = re.sub(r"[^._\0]*$", "", base)
            base = base.rstrip("._")
        if not base:
            return None
        bases.append(base)
        ends.add(tuple(name[len(base) :] for name in plain))
    if len(ends) != 1:
        return None
    return [_quoted(base) for base in bases], list(ends.pop())


# A parameter of the function that a statement is in, not a value.
REFERENCE = re.compile(
    r"(?!config\.|True$|False$|None$)([a-z_]\w*(\[\d+\])?)( \+ '(.*)')?$"
)
MARK = "\0"  # stands before and behind a parameter at the begin of a name


def _unquoted(source):
    """The name, with ``name + '...'`` as a marked parameter and the rest."""
    reference = REFERENCE.match(source)
    if reference:
        return f"{MARK}{reference[1]}{MARK}{reference[4] or ''}"
    return source.strip("'\"")


def _quoted(name):
    if not name.startswith(MARK):
        return repr(name)
    _, parameter, rest = name.split(MARK)
    return f"{parameter} + {rest!r}" if rest else parameter


def _word(role):
    """What a parameter of a role is called."""
    return role.partition(":")[2] or role


def _extracted(sequences, windows, length, plan, taken):
    """(Function, [[Literal of each argument] by place])."""
    groups = _grouped(plan)
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
    inside = _statements_of(sequences, first, length)
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
    arguments = [_given(plan, place) for place in range(len(windows))]
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
        inside = _statements_of(sequences, window, length)
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
