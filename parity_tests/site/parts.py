"""Pages of the parts of ``tf1_semantics``: what their docstrings say, argument by argument.

Each module has a page, ``parts/optimizers``, and each part an entry on it.
"""

import ast
import functools
import re
from typing import NamedTuple

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from parity_tests.site import docstrings, links, markup, tables, traps
from tf2_keras.migrate import pages

FILE = pages.docs() / "parts.md"
FOLDER = "parts"
ROOM = "tf1_semantics"
COLUMNS = 4
NAMED = re.compile(rf"{ROOM}\.(\w+\.\w+)")
# Others than parts that a docstring sends its reader to.
SENT_TO = re.compile(r"\bsee ``(\w+)``")


class Part(NamedTuple):
    """One part.

    name: with its module, 'optimizers.Adam'.
    tf1: the symbol that it stands for.
    summary: its first line.
    proof: 'parity_tests/parts/optimizers_test.py::test_…'.
    """

    name: str
    tf1: str
    summary: str
    proof: str

    @property
    def module(self):
        return self.name.partition(".")[0]

    @property
    def definition(self):
        return docstrings.definition(*self.name.split("."))


@functools.cache
def parts():
    """All Parts, in the order of docs/parts.md; none where the pages did not come along."""
    result = []
    for section, cells, targets in tables.rows(FILE):
        if len(cells) == COLUMNS and cells[1].startswith(f"{section}."):
            tf1, name, summary, test = cells
            result.append(Part(name, tf1, summary, f"{targets[3][3:]}::{test}"))
    return tuple(result)


@functools.cache
def by_name():
    """{name: Part}"""
    return {part.name: part for part in parts()}


def modules():
    """{module: [its Parts]}"""
    grouped = {}
    for part in parts():
        grouped.setdefault(part.module, []).append(part)
    return grouped


def address_of(name):
    """'parts/optimizers.html#optimizers.Adam' of a part, from the top of the site."""
    return f"{FOLDER}/{name.partition('.')[0]}.html#{name}"


def documents():
    """{document: its text} of all modules."""
    return {
        f"{FOLDER}/{module}": (
            f"---\norphan: true\n---\n\n# {ROOM}.{module}\n\n"
            f"All modules: [parts](/parts.md).\n\n```{{parts}} {module}\n```\n"
        )
        for module in modules()
    }


def to_part(name, text):
    """A reference to a part's entry, as an address from the top of the site."""
    link = nodes.reference("", "", refuri=f"site:{address_of(name)}", internal=True)
    link += nodes.literal(text=text)
    return link


def named(text):
    """The part that a piece of code is the name or a call of; None of other code."""
    called = NAMED.match(text)
    name = called[1] if called else text.partition("(")[0]
    return name if name in by_name() else None


def called(text, address):
    """HTML of a piece of code, which leads to the part that it is a call of."""
    name = named(text)
    content = markup.code(text)
    return markup.link(address(address_of(name)), content) if name else content


class PartsDirective(SphinxDirective):
    """``{parts} MODULE``: the entries of all parts of a module."""

    required_arguments = 1

    def run(self):
        module = markup.required(self, modules())
        for path in (FILE, traps.FILE, *_files(module)):
            self.env.note_dependency(str(path))
        address = markup.addresses_from(self.env)
        entries = [entry(part, address) for part in modules()[module]]
        for name, definition in _sent_to(module).items():
            entries.append(markup.heading(f"{module}.{name}"))
            entries += described(definition.docstring, module, address)
        return [markup.page(entries)]


def _files(module):
    path = docstrings.ROOT / "tf2_keras" / ROOM / module
    return sorted(path.glob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def _sent_to(module):
    """{name: Definition} of what is no part, and docstrings of the module say to see."""
    result, waiting = {}, [part.definition for part in modules()[module]]
    while waiting:
        described = waiting.pop(0)
        for name in SENT_TO.findall(described.docstring):
            if name not in result and f"{module}.{name}" not in by_name():
                result[name] = docstrings.beside(described, name)
                waiting.append(result[name])
    return result


def entry(part, address):
    """The HTML that tells of a Part.

    address: of ``markup.addresses_from``.
    """
    definition = part.definition
    result = [markup.heading(part.name)]
    if definition.signature:
        result.append(
            markup.block(_wrapped(f"{ROOM}.{part.name}{definition.signature}"))
        )
    result += described(definition.docstring, part.module, address)
    proof = address(links.of_test(part.proof))
    rows = [
        ("TF1", markup.symbol(part.tf1, address)),
        ("proven by", markup.link(proof, markup.code(part.proof.partition("::")[2]))),
        ("file", markup.code(f"{definition.path}:{definition.line}")),
    ]
    return "\n".join([*result, markup.fields(rows), _traps(part)])


def _traps(part):
    """What people write in a part's place, and how far off that is."""
    rows = [
        (markup.code(trap.written), *traps.errors(trap))
        for trap in traps.by_symbol().get(part.tf1, ())
        if named(trap.instead) == part.name
    ]
    return markup.table(("people write", "off after 1", "10", "100 steps"), rows)


def described(docstring, module, address):
    """[HTML] of a docstring: prose and code, and its sections as fields."""
    result, rows = [], []
    for passage in docstrings.passages(docstring):
        text = _inline(passage.text, module, address)
        if passage.is_code:
            result.append(markup.block(passage.text, _is_python(passage.text)))
        elif not passage.title:
            result.append(f"<p>{text}</p>")
        else:
            entries = [
                (markup.code(names), _inline(said, module, address))
                for names, said in passage.entries
            ]
            rows.append((passage.title, text + markup.fields(entries)))
    return [*result, markup.fields(rows)]


def _inline(text, module, address):
    """Text with ``code`` in it, which leads to the part that it names."""
    pieces = []
    for number, piece in enumerate(text.split("``")):
        if number % 2 == 0:
            pieces.append(markup.escaped(piece))
        elif f"{module}.{piece}" in by_name():
            target = address(address_of(f"{module}.{piece}"))
            pieces.append(markup.link(target, markup.code(piece)))
        elif named(piece):
            pieces.append(called(piece, address))
        else:
            pieces.append(markup.symbol(piece, address))
    return "".join(pieces)


def _is_python(text):
    """Formulas are no Python, though some of them would parse."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return False
    has_call = any(isinstance(node, ast.Call) for node in ast.walk(tree))
    return has_call and "^" not in text


def _wrapped(call, width=79):
    """A call as one line, or an argument a line."""
    if len(call) <= width:
        return call
    head, _, arguments = call[:-1].partition("(")
    listed = ast.parse(f"def f({arguments}): pass").body[0].args
    return f"{head}(\n    " + ",\n    ".join(_arguments(listed)) + ",\n)"


def _arguments(listed):
    positional = [*listed.posonlyargs, *listed.args]
    defaults = [None] * (len(positional) - len(listed.defaults)) + listed.defaults
    yield from map(_argument, positional, defaults)
    if listed.vararg:
        yield f"*{listed.vararg.arg}"
    elif listed.kwonlyargs:
        yield "*"
    yield from map(_argument, listed.kwonlyargs, listed.kw_defaults)
    if listed.kwarg:
        yield f"**{listed.kwarg.arg}"


def _argument(argument, default):
    return argument.arg + (f"={ast.unparse(default)}" if default else "")
