"""Sets the statements of two passages that correspond side by side, by their roles.

A statement's role is what it gives a name to: what computes the same thing has the same
name on both sides, however it computes it. ``return``, a docstring and a ``with`` or a
``for`` have a role as well.
"""

import ast
import difflib
import textwrap
from typing import NamedTuple


class Lines(NamedTuple):
    """Lines of a file that stand together: from ``first`` to ``last``, both included.

    role: what the statement does: '= logits', 'def forward', 'return'.
    """

    role: str
    first: int
    last: int


def rows(left, right, pins=()):
    """[([line of the left file], [line of the right file])] of two passages, in order.

    Statements of one role face each other; what lies between two such rows is one row, of
    which a side may be empty.

    Args:
        left, right: reading.Passage or None.
        pins: pairs of lines that face each other, whatever their roles.

    Raises:
        ValueError: if a pinned line is not of its passage, or two pins cross.
    """
    sides = [statements(passage) for passage in (left, right)]
    for pair in pins:
        for number, side in zip(pair, sides, strict=True):
            if not any(lines.first <= number <= lines.last for lines in side):
                raise ValueError(
                    "A pin must name a line of both passages. "
                    f"Received: {number}. Use the numbers that the view shows."
                )
    pinned = [
        tuple(
            next(i for i, lines in enumerate(side) if lines.first <= n <= lines.last)
            for n, side in zip(pair, sides, strict=True)
        )
        for pair in sorted(pins)
    ]
    if sorted(pinned, key=lambda pair: pair[1]) != pinned:
        raise ValueError(
            f"Pins must not cross. Received: {sorted(pins)}. Take one of them out."
        )
    result, begun = [], (0, 0)
    for pair in [*pinned, tuple(map(len, sides))]:
        parts = [
            side[start:end] for side, start, end in zip(sides, begun, pair, strict=True)
        ]
        result += _by_role(*parts)
        if pair != tuple(map(len, sides)):
            result.append(
                tuple(side[i : i + 1] for side, i in zip(sides, pair, strict=True))
            )
        begun = tuple(i + 1 for i in pair)
    return [tuple(map(_numbers, row)) for row in result]


def _by_role(left, right):
    """[([Lines], [Lines])]: equal roles beside each other, the rest between them."""
    matcher = difflib.SequenceMatcher(
        None, [x.role for x in left], [x.role for x in right], autojunk=False
    )
    result, begun = [], (0, 0)
    for match in matcher.get_matching_blocks():
        between = (left[begun[0] : match.a], right[begun[1] : match.b])
        if any(between):
            result.append(between)
        for i in range(match.size):
            result.append(([left[match.a + i]], [right[match.b + i]]))
        begun = (match.a + match.size, match.b + match.size)
    return result


def _numbers(side):
    return [n for lines in side for n in range(lines.first, lines.last + 1)]


def statements(passage):
    """[Lines] of a passage: its heads and the statements in them; all of its lines.

    A comment or an empty line goes with the statement that follows it.
    """
    if passage is None:
        return []
    begun = []
    for node in ast.parse(textwrap.dedent(passage.source)).body:
        _collect(node, begun)
    last = len(passage.source.splitlines())
    if not begun:
        return [Lines("text", passage.first_line, passage.first_line + last - 1)]
    ends = [end for _, _, end in begun]
    result, start = [], 1
    for (role, _, _), end in zip(begun, [*ends[:-1], last], strict=True):
        result.append(
            Lines(role, passage.first_line + start - 1, passage.first_line + end - 1)
        )
        start = end + 1
    return result


def _collect(node, begun):
    """Appends (role, first line, last line) of a statement, or of its head and body."""
    first = min([node.lineno, *[d.lineno for d in getattr(node, "decorator_list", ())]])
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        begun.append((f"def {node.name}", first, node.body[0].lineno - 1))
        # One line: a head and its body are one statement.
        if node.body[0].lineno - 1 < node.lineno:
            begun[-1] = (f"def {node.name}", first, node.end_lineno)
            return
        _begin_after_comments(begun, node)
        for inner in node.body:
            _collect(inner, begun)
        return
    if isinstance(node, ast.With) and node.body[0].lineno > node.lineno:
        # A scope of the graph: the twin has what is in it, and no scope.
        begun.append(
            ("with", first, max(i.context_expr.end_lineno for i in node.items))
        )
        for inner in node.body:
            _collect(inner, begun)
        return
    begun.append((role(node), first, node.end_lineno))


def _begin_after_comments(begun, node):
    """A head ends with its colon: comments below it go with the first statement."""
    name, first, _ = begun[-1]
    ends = [node.lineno]
    if isinstance(node, ast.FunctionDef):
        arguments = node.args
        ends += [a.end_lineno for a in (*arguments.args, *arguments.kwonlyargs)]
        ends += [
            d.end_lineno for d in (*arguments.defaults, *arguments.kw_defaults) if d
        ]
        ends += [node.returns.end_lineno] if node.returns else []
        closing = max(ends)
        if closing > node.lineno:  # ")" and ":" stand on a line of their own
            closing += 1
        begun[-1] = (name, first, min(closing, node.body[0].lineno - 1))
    else:
        ends += [base.end_lineno for base in node.bases]
        begun[-1] = (name, first, max(ends))


def role(node):
    """What a statement does, in a word that both sides share."""
    if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        return f"= {ast.unparse(target)}"
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return "docstring"
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        names = [alias.name for alias in node.names]
        return f"import {getattr(node, 'module', None) or names[0]}"
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return f"call {ast.unparse(node.value.func).rpartition('.')[2]}"
    return type(node).__name__.lower()
