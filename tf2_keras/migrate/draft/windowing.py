"""Windows of statements that could be functions: which saves most lines."""

import collections
import itertools
import os
import re
from typing import NamedTuple

from tf2_keras.migrate.draft import layout
from tf2_keras.migrate.draft.statements import (
    Items,
    Literal,
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


class Window(NamedTuple):
    sequence: int  # which sequence
    start: int
    external: tuple


class Plan(NamedTuple):
    """parameters: [(role, [Python by place])]. holes: [(kind, value)] of each literal."""

    parameters: list
    holes: list


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


def best(sequences):
    """(windows, length, plan) of what saves most lines; None if nothing does."""
    best, saved = None, 0
    for length in range(1, LONGEST + 1):
        groups = collections.defaultdict(list)
        for number, (statements, outputs) in enumerate(sequences):
            last_use = _last_uses(statements, outputs)
            for start in range(len(statements) - length + 1):
                shape = _shape(statements, start, length, last_use)
                if shape is not None:
                    groups[shape[0]].append(Window(number, start, shape[1]))
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
            for statement in statements_of(sequences, window, length)
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
    inside = statements_of(sequences, windows[0], length)
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
        is_layer = statement.kind == "definition"
        if statement.structure is not None or statement.why or is_layer:
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


def statements_of(sequences, window, length):
    return sequences[window.sequence][0][window.start : window.start + length]


def _saving(sequences, windows, length, plan):
    inside = statements_of(sequences, windows[0], length)
    lines = sum(lines_of(statement) for statement in inside)
    saving = -(lines + HEAD)
    starts = {(window.sequence, window.start) for window in windows}
    for place, window in enumerate(windows):
        words = ", ".join(map(rendered, given(plan, place)))
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


def grouped(plan):
    """{word of a parameter: [number]} in the order of the parameters."""
    groups = collections.OrderedDict()
    for number, (role, _) in enumerate(plan.parameters):
        groups.setdefault(_word(role), []).append(number)
    order = {"seed": 1, "name": 2}
    return {
        word: groups[word]
        for word in sorted(groups, key=lambda word: order.get(word, 0))
    }


def given(plan, place):
    """[Literal or Items] of the arguments of one call."""
    row = []
    for numbers in grouped(plan).values():
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
            (statements[place].outputs[0] or "").rpartition("/")[0].split("/")
            for place in (before, after)
        ]
        common = len(os.path.commonprefix(scopes)) if scopes[0] != [""] else 0
        torn += common > 1
    return torn


def _planned(sequences, windows, length):
    """The ``Plan`` of a function; None if it would have too many parameters."""
    by_place = [
        [
            literal
            for statement in statements_of(sequences, window, length)
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
    return Plan(parameters, holes)


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
