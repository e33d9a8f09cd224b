"""Rewrites what is only called otherwise today, and touches nothing else of a file.

    for fix in plan(scan.scan(['project'])).fixes:
        print(fix.diff())

A use is rewritten where its answer is ``renamed``, its new name is alive, and the call can
stay as it is, apart from arguments that have another name. All else is left, with its
reason. Names are replaced in the text itself, so that no blank or comment moves;
what comes out is parsed and must be the old program with those names in their places.
"""

import ast
import difflib
import io
import re
import tokenize
from typing import NamedTuple

from tf2_keras.migrate.api_table import api, canonical, canonical_target, tables
from tf2_keras.migrate.printable import printable
from tf2_keras.migrate.rule_file import UNPROVEN

DOTTED = re.compile(r"tf(\.\w+)+")
V1 = "tf.compat.v1."
# TensorFlow's table names their arguments; but the size of a block is a shape today.
OTHER_VALUES = ("tf.batch_to_space", "tf.nn.space_to_batch", "tf.space_to_batch")
LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")


class Left(NamedTuple):
    """A use that a person has to rename, or a file that is not touched (line 0)."""

    file: str
    line: int
    symbol: str
    why: str


class Fix(NamedTuple):
    """What becomes of one file.

    before, after: its bytes.
    count: how many uses are rewritten.
    """

    file: str
    before: bytes
    after: bytes
    count: int
    codec: str

    def diff(self):
        """A unified diff, as text."""
        sides = [
            [line.rstrip("\r\n") for line in LINE.findall(side.decode(self.codec))]
            for side in (self.before, self.after)
        ]
        name = printable(self.file)
        lines = difflib.unified_diff(*sides, name, name, lineterm="")
        return "".join(line + "\n" for line in lines)


class Plan(NamedTuple):
    """[Fix] of the files that change, and [Left]."""

    fixes: list
    left: list


class Refused(Exception):
    """Why a use or a file is left as it is."""


def plan(report):
    """The Plan for all findings of a scan.Report; reads its files, writes nothing."""
    by_file = {}
    for finding in report.findings:
        if finding.status == "renamed" and finding.use is not None:
            by_file.setdefault(finding.file, []).append(finding)
    fixes, left = [], []
    for file, findings in by_file.items():
        try:
            fix, of_file = _fixed(file, findings)
        except (Refused, OSError) as error:
            left.append(Left(file, 0, "", str(error)))
            continue
        left += of_file
        if fix.count:
            fixes.append(fix)
    return Plan(fixes, left)


# -------------------------------------------------------------------------- one file


class Edit(NamedTuple):
    """Text that takes the place of text[start:end]."""

    start: int
    end: int
    text: str


def _fixed(file, findings):
    if file.endswith(".ipynb"):
        raise Refused("a notebook: only .py files are rewritten")
    with open(file, "rb") as stream:
        before = stream.read()
    source = Source(before)
    edits, left, count = [], [], 0
    for finding in findings:
        try:
            more = _edits(finding, source)
        except Refused as error:
            left.append(Left(file, finding.line, finding.symbol, str(error)))
            continue
        edits += more
        count += bool(more)
    after = source.edited(edits)
    return Fix(file, before, after.encode(source.codec), count, source.codec), left


class Source:
    """A file as text and as a tree, and where each chain of names begins.

    Raises:
        Refused: if it is no Python 3, or would not come back as the same bytes.
    """

    def __init__(self, data):
        try:
            self.codec = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
            self.text = data.decode(self.codec)
            self.tree = ast.parse(self.text)
        except (SyntaxError, ValueError, LookupError, RecursionError) as error:
            where = f", line {error.lineno}" if getattr(error, "lineno", None) else ""
            reason = getattr(
                error, "msg", error
            )  # else ast says "<unknown>" of the file
            raise Refused(f"not parsed as Python 3: {reason}{where}") from None
        if self.text.encode(self.codec) != data:
            raise Refused(f"its bytes are not those that {self.codec} gives")
        self.starts, self.lines, start = [], LINE.findall(self.text), 0
        for line in self.lines:
            self.starts.append(start)
            start += len(line)
        self.chains, self.calls = {}, {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute):
                self.chains.setdefault(_place(node), []).append(node)
            elif isinstance(node, ast.Call):
                self.calls[id(node.func)] = node

    def offset(self, line, column):
        """Of a place that ast names: a line from 1, a column in UTF-8 bytes from 0."""
        text = self.lines[line - 1]
        if not text.isascii():
            column = len(text.encode("utf-8")[:column].decode("utf-8", "ignore"))
        return self.starts[line - 1] + column

    def span(self, node):
        return (
            self.offset(node.lineno, node.col_offset),
            self.offset(node.end_lineno, node.end_col_offset),
        )

    def chain(self, use, names):
        """The node of these names, written where a use is; its base's name."""
        for node in self.chains.get((use.line, use.column), ()):
            start, end = self.span(node)
            base, *attributes = self.text[start:end].split(".")
            if attributes == names and base.isidentifier():
                return node, base
        raise Refused("not written out in one piece")

    def edited(self, edits):
        """The text with the edits made, which have already been made in the tree."""
        parts, end = [], 0
        for edit in sorted(edits):
            parts += [self.text[end : edit.start], edit.text]
            end = edit.end
        text = "".join((*parts, self.text[end:]))
        if edits and ast.dump(ast.parse(text)) != ast.dump(self.tree):
            raise Refused("what comes out would not be the same program")
        return text


def _place(node):
    return node.lineno, node.col_offset


# --------------------------------------------------------------------------- one use


def _edits(finding, source):
    """The edits of one use; makes them in the tree of the source as well."""
    use, symbol = finding.use, finding.symbol
    target = _target(finding)
    whole = use.dotted.split(".")
    extra = canonical(use.dotted).count(".") - symbol.count(".")
    names = whole[use.alias : len(whole) - extra]
    if use.kind != "name" or not names or not canonical(use.dotted).startswith(symbol):
        raise Refused("reached by an import or another name: rename it there")
    node, base = source.chain(use, names)
    path = _path(target, ".".join(whole[: use.alias]), names)
    changes = _arguments(symbol, target, path, source.calls.get(id(node)), use, source)
    if path is not None:
        text = f"{base}.{path}"
        changes.append((Edit(*source.span(node), text), lambda: _rename(node, text)))
    for _, change in changes:  # nothing refuses any more
        change()
    return [edit for edit, _ in changes]


def _rename(node, text):
    new = ast.parse(text, mode="eval").body
    node.value, node.attr = new.value, new.attr


def _target(finding):
    """What a symbol is called today: by TensorFlow's table, else by its rule.

    Where no test has shown that it computes the same, or arguments take other values, it
    is TF1's own function below tf.compat.v1.
    """
    symbol = finding.symbol
    row = api().get(symbol)
    candidates = [symbol.replace("tf.", V1, 1)]
    if finding.evidence != UNPROVEN and symbol not in OTHER_VALUES:
        by_table = canonical_target(tables().renames.get(symbol, ""))
        if row is not None and row.in_v2 and not by_table:
            return symbol
        candidates[:0] = [by_table, finding.replacement]
    for target in candidates:
        if DOTTED.fullmatch(target) and _alive(target, row):
            if target.startswith(V1 + "keras."):
                break  # the same object under another name
            return target
    raise Refused("its successor is more than another name")


def _alive(target, row):
    if target.startswith(V1):
        known = api().get(target.replace(V1, "tf.", 1))
        return known is not None and known.in_compat_v1
    known = api().get(target)
    if known is None or not known.in_v2:
        return False
    return row is None or (row.kind == "module") == (known.kind == "module")


def _path(target, module, names):
    """What stands behind the base name; None if it can stay.

    module: what the base name stands for, 'tensorflow', 'tensorflow.compat.v1', ….
    """
    path = target.removeprefix("tf.")
    if module == "tensorflow.compat.v1":
        if target.startswith(V1):
            return None
        if path == ".".join(names):
            raise Refused("compat.v1 takes its arguments as they are")
        known = api()[target]
        if known.successor not in ("identical", "same") or not known.in_compat_v1:
            raise Refused("compat.v1 has something else under the new name")
    elif module != "tensorflow":
        prefix = module.replace("tensorflow", "tf", 1) + "."
        if not target.startswith(prefix):
            raise Refused("reached by another name of a module: rename it there")
        path = target.removeprefix(prefix)
    return None if path == ".".join(names) else path


# --------------------------------------------------------------------- its arguments


def _arguments(symbol, target, path, call, use, source):
    """[(Edit, its change of the tree)] for arguments with another name or place."""
    old_ways = target.startswith(V1) or use.dotted.startswith("tensorflow.compat.v1")
    if old_ways and (path is None or target.startswith(V1)):
        return []  # it takes what it took
    renamed = tables().keywords.get(symbol, {})
    order = tables().orders.get(symbol, ())
    if not renamed and not order:
        return []
    if call is None:
        raise Refused("its arguments have other names, and it is not called here")
    if any(isinstance(argument, ast.Starred) for argument in call.args) or any(
        keyword.arg is None for keyword in call.keywords
    ):
        raise Refused("its arguments have other names, and the call unpacks some")
    changes = [
        _renamed_keyword(keyword, renamed, source)
        for keyword in call.keywords
        if renamed.get(keyword.arg, keyword.arg) != keyword.arg
    ]
    first = next(
        (place for place, name in enumerate(order) if name is not None), len(call.args)
    )
    names = [
        _new_name(order[place] if place < len(order) else None, renamed)
        for place in range(first, len(call.args))
    ]
    given = [_new_name(keyword.arg, renamed) for keyword in call.keywords]
    if len({*names, *given}) < len(names) + len(given):
        raise Refused("an argument would be given twice")
    for place, name in enumerate(names, first):
        # Behind the first that moved, all of them want a name.
        start, _ = source.span(call.args[place])
        if not source.text[:start].rstrip().endswith("," if place else "("):
            raise Refused("an argument in brackets wants a name")
        changes.append((Edit(start, start, f"{name}="), lambda: None))
    if names:
        changes.append((Edit(start, start, ""), lambda: _name(call, first, names)))
    return changes


def _renamed_keyword(keyword, renamed, source):
    name = _new_name(keyword.arg, renamed)
    start = source.offset(keyword.lineno, keyword.col_offset)
    edit = Edit(start, start + len(keyword.arg), name)
    return edit, lambda: setattr(keyword, "arg", name)


def _name(call, first, names):
    named = zip(names, call.args[first:], strict=True)
    call.keywords[:0] = [ast.keyword(name, argument) for name, argument in named]
    del call.args[first:]


def _new_name(name, renamed):
    if name is None:
        raise Refused("an argument in another place has no known name")
    new = renamed.get(name, name)
    if new is None:
        raise Refused(f"its argument {name} is gone")
    return new
