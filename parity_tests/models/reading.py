"""Sets the files of a chapter side by side, function by function."""

import ast
import hashlib
import pathlib
import re
from typing import NamedTuple

from rich.console import Group
from rich.rule import Rule
from rich.syntax import Syntax
from rich.table import Table

from parity_tests.models import chapters

ROOT = pathlib.Path(__file__).parents[2]
# Below this width two columns of code are too narrow to read: one follows the other.
LEAST_WIDTH_OF_TWO = 120


# {module of tf1_graph: where 1.15 had it}: today's compat.v1 lost what these stand in for.
STOOD_FOR = {
    "rnn_cell": "tensorflow.nn",
    "rnn": "tensorflow.contrib",
    "crf": "tensorflow.contrib",
    "seq2seq": "tensorflow.contrib",
}


class Passage(NamedTuple):
    """A stretch of top-level source: a function, a class, or what lies between.

    name: of the function or class; 'beginning' before the first.
    first_line: 1-based.
    """

    name: str
    first_line: int
    source: str


def sources(name):
    """(path of the TF1 file, path of its twin), of a chapter or of ``chapters.BESIDES``."""
    return (
        ROOT / "tf1_graph" / "models" / f"{name}.py",
        ROOT / "tf2_keras" / "models" / f"{name}.py",
    )


def all_sources(name):
    """``sources`` of each of a chapter's stems, one after the other."""
    return tuple(path for stem in chapters.stems(name) for path in sources(stem))


def as_of_1_15(names, folder):
    """{chapter: path of its TF1 side}, copied into a folder with 1.15's own modules.

    What the chapter has in files besides stands behind it.

    A chapter whose cells come from ``tf1_graph.rnn_cell`` shows those of
    ``tf.nn.rnn_cell`` to who reads it.
    """

    def imported(line):
        modules = line[1].split(", ")
        return "\n".join(f"from {STOOD_FOR[name]} import {name}" for name in modules)

    copies = {}
    for name in names:
        files = [sources(stem)[0] for stem in chapters.stems(name)]
        text = "\n\n".join(path.read_text(encoding="utf-8") for path in files)
        text = re.sub(
            "^from tf1_graph import (.+)$", imported, text, flags=re.MULTILINE
        )
        copies[name] = pathlib.Path(folder) / f"{name}.py"
        copies[name].write_text(text, encoding="utf-8")
    return copies


def passages(path):
    """The passages of a Python file, in order; comments go with what follows them."""
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    begun = [("beginning", 1)]
    end = 0
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            first = min([node.lineno] + [d.lineno for d in node.decorator_list])
            begun.append((node.name, _with_comments(lines, first)))
        elif begun[-1][0] != "beginning" and node.lineno > end:
            # Statements after a function: constants between, or the main block.
            begun.append((_label(node), _with_comments(lines, node.lineno)))
        end = node.end_lineno
    starts = [first for _, first in begun] + [len(lines) + 1]
    return [
        Passage(name, first, "\n".join(lines[first - 1 : after - 1]).strip("\n"))
        for (name, first), after in zip(begun, starts[1:], strict=True)
    ]


def _with_comments(lines, first):
    while first > 1 and lines[first - 2].startswith("#"):
        first -= 1
    return first


def _label(node):
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return "main"


def aligned(name):
    """[(TF1 passage or None, twin's passage or None)] of two ``sources``, in order.

    Passages of one name stand beside each other. One without a counterpart stands where
    its own file has it, between those of its neighbours.
    """
    left, right = (passages(path) for path in sources(name))
    on_right = {passage.name: i for i, passage in enumerate(right)}
    rows, taken = [], 0
    for passage in left:
        partner = on_right.get(passage.name)
        if partner is None or partner < taken:
            rows.append((passage, None))
            continue
        rows += [(None, alone) for alone in right[taken:partner]]
        rows.append((passage, right[partner]))
        taken = partner + 1
    return rows + [(None, alone) for alone in right[taken:]]


def side_by_side(name, width):
    """A rich renderable of both sides, in two columns if ``width`` allows."""
    return Group(
        *(part for stem in chapters.stems(name) for part in _two_files(stem, width))
    )


def _two_files(name, width):
    paths = [path.relative_to(ROOT).as_posix() for path in sources(name)]
    parts = []
    for left, right in aligned(name):
        title = (left or right).name
        if width < LEAST_WIDTH_OF_TWO:
            for path, passage in zip(paths, (left, right), strict=True):
                if passage is not None:
                    parts += [Rule(f"{title} · {path}", align="left"), _code(passage)]
            continue
        table = Table(box=None, expand=True, padding=(0, 1), show_header=True)
        for path in paths:
            # What is too long goes on below; an ellipsis would hide code.
            table.add_column(path, ratio=1, header_style="dim", overflow="fold")
        table.add_row(_code(left), _code(right))
        parts += [Rule(title, align="left"), table]
    return parts


def _code(passage):
    if passage is None:
        return "—"
    return Syntax(
        passage.source,
        "python",
        line_numbers=True,
        start_line=passage.first_line,
        word_wrap=True,
        background_color="default",
        theme="ansi_dark",
    )


def digests(name):
    """{path from the root: SHA-256 of it} of a chapter's files."""
    return {
        path.relative_to(ROOT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in all_sources(name)
    }
