"""Docstrings of the parts, read from their files: building imports no TensorFlow.

A docstring is prose and code that is indented, then sections: ``Args:``, ``Raises:``,
``Source:`` and their like, each to the next empty line or section.
"""

import ast
import copy
import functools
import inspect
import pathlib
import re
from typing import NamedTuple

ROOT = pathlib.Path(__file__).parents[2]
PACKAGE = "tf2_keras.tf1_semantics"
SECTION = re.compile(
    r"((?:Other )?args\b|Arguments\b|Call arguments\b|Input shape\b|Output shape\b|"
    r"Shapes\b|Attributes\b|Returns\b|Raises\b|Source\b)",
    re.IGNORECASE,
)
LONGEST_TITLE = 60  # of a section, before its colon


class Passage(NamedTuple):
    """A stretch of a docstring.

    title: of a section, 'Args'; '' for what stands before the sections.
    text: with neither title nor indent; of code as it is.
    is_code: whether it is indented, as formulas and programs are.
    entries: [(names, what is said of them)] of a section that lists some.
    """

    title: str
    text: str
    is_code: bool = False
    entries: tuple = ()


class Definition(NamedTuple):
    """A class or a function of a file.

    path: of the file, from the project's top.
    line: of its head.
    signature: '(learning_rate=0.001, name="adam")'; '' of an object.
    docstring: its own, or the one that it inherits.
    """

    path: str
    line: int
    signature: str
    docstring: str


@functools.cache
def definition(module, name):
    """The ``Definition`` of a name that a module of ``tf1_semantics`` has.

    Raises:
        KeyError: if it has none.
    """
    path, node = _found(f"{PACKAGE}.{module}", name)
    shown = node
    if isinstance(node, ast.Assign):  # an object: what its class says
        path, shown = _found(_module_of(path), node.value.func.id)
    lineage = list(_lineage(path, shown))
    docstring = next(filter(None, (ast.get_docstring(kind) for _, kind in lineage)), "")
    return Definition(
        path.relative_to(ROOT).as_posix(),
        node.lineno,
        "" if isinstance(node, ast.Assign) else _signature(lineage),
        docstring,
    )


def beside(described, name):
    """The ``Definition`` of a name that the file of another one has or imports.

    Raises:
        KeyError: if it does neither.
    """
    module = _module_of(ROOT / described.path)
    return definition(module.removeprefix(f"{PACKAGE}."), name)


def _lineage(path, node):
    """Yields (path, node) of a definition and of its bases in the package, in order."""
    yield path, node
    for base in getattr(node, "bases", ()):
        if isinstance(base, ast.Name):
            try:
                found = _found(_module_of(path), base.id)
            except KeyError:
                continue  # of Keras
            yield from _lineage(*found)


def _signature(lineage):
    for _, node in lineage:
        if isinstance(node, ast.FunctionDef):
            return f"({ast.unparse(node.args)})"
        for inner in node.body:
            if isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
                arguments = copy.copy(inner.args)
                arguments.args = arguments.args[1:]  # without self
                return f"({ast.unparse(arguments)})"
    return "()"


@functools.cache
def _tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def _file(module):
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _found(module, name):
    """(path, node) of a definition, wherever the module has it from."""
    path = _file(module)
    for node in _tree(path).body:
        if isinstance(node, ast.ImportFrom) and node.module.startswith(PACKAGE):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _found(node.module, alias.name)
        elif getattr(node, "name", None) == name or (
            isinstance(node, ast.Assign)
            and [ast.unparse(target) for target in node.targets] == [name]
            and isinstance(node.value, ast.Call)
        ):
            return path, node
    raise KeyError(f"{module} has no {name}")


def passages(docstring):
    """[Passage] of a docstring."""
    result, lines = [], []
    for line in [*inspect.cleandoc(docstring).splitlines(), ""]:
        begins = SECTION.match(line)
        if lines and (begins or not line):
            result.append(lines)
            lines = []
        if line:
            lines.append(line)
    return _joined([_passage(lines) for lines in result])


def _passage(lines):
    if lines[0].startswith(" "):
        return Passage("", inspect.cleandoc("\n" + "\n".join(lines)), is_code=True)
    if not SECTION.match(lines[0]):
        return Passage("", " ".join(line.strip() for line in lines))
    title, colon, rest = lines[0].partition(":")
    if not colon or len(title) > LONGEST_TITLE:  # 'Returns a scalar.'
        title, _, rest = lines[0].partition(" ")
    listed = [line for line in lines[1:] if line.startswith("    ")]
    if rest.strip() or len(listed) < len(lines) - 1:
        text = " ".join([rest.strip(), *(line.strip() for line in lines[1:])])
        return Passage(title, text.strip())
    return Passage(title, "", entries=tuple(_entries(lines[1:])))


def _entries(lines):
    """Yields (names, text) of lines such as '    epsilon: a float.', with what follows."""
    entry = []
    for line in lines:
        if not line.startswith("     ") and entry:
            yield _entry(entry)
            entry = []
        entry.append(line.strip())
    yield _entry(entry)


def _entry(lines):
    names, colon, text = " ".join(lines).partition(": ")
    return (names, text) if colon else ("", names)


def _joined(result):
    """Code of several paragraphs is one block."""
    joined = []
    for passage in result:
        if joined and passage.is_code and joined[-1].is_code:
            text = f"{joined[-1].text}\n\n{passage.text}"
            joined[-1] = passage._replace(text=text)
        else:
            joined.append(passage)
    return joined
