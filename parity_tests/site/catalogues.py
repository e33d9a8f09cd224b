"""The catalogues of the Chinese edition, and the messages of the pages that they are of.

A message is a paragraph, a heading or a cell of a table, as its page writes it: code
blocks are none, so that both editions show the same. docs/_locale has a catalogue for each
folder of docs/ and for each page outside of them, ``site.po`` for the words that no page
has, and ``sphinx.po`` for those of the theme. After an edit of a page,

    python -m parity_tests.site.catalogues

puts its new messages into the catalogues: a translation of a message that changed is
marked as fuzzy, to be looked at; with ``--drop`` it is taken out, and the passage stands
in English until somebody translates it.
"""

import argparse
import functools
import io
import pathlib
import re

from babel.messages import extract, pofile
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from docutils.core import publish_doctree
from myst_parser.parsers.docutils_ import Parser
from sphinx.util.nodes import extract_messages

from parity_tests.engine import cell_tables
from parity_tests.models import chapters
from parity_tests.site import links, words
from tf2_keras.migrate import pages

LANGUAGE = "zh_CN"
THEME = "sphinx"  # what the theme says is translated under this name
SOURCES = pathlib.Path(__file__).parent
# As docs/conf.py has it, as far as messages depend on it.
SETTINGS = {
    "myst_enable_extensions": ["colon_fence", "deflist"],
    "myst_suppress_warnings": ["myst"],
    "doctitle_xform": False,
    "report_level": 5,
}
# What is the same in every language: names, Python's own words, threads on GitHub.
SAME = re.compile(
    r"\b(TF[12]|Keras|TensorFlow|NumPy|ULPs?|LSTM|GRU|True|False|None|\w+Error)\b"
    r"|[\w.-]+/[\w.-]+#\d+"
)


def folder():
    """The folder of the catalogues."""
    return pages.docs() / "_locale" / LANGUAGE / "LC_MESSAGES"


def domain(document):
    """The catalogue that a document's messages are in, by Sphinx's rule."""
    return document.partition("/")[0]


def read(name):
    """A catalogue by its name; an empty one where there is none."""
    path = folder() / f"{name}.po"
    if not path.is_file():
        return Catalog(locale=LANGUAGE)
    with path.open("rb") as file:
        return pofile.read_po(file, locale=LANGUAGE)


def is_translated(message):
    """Whether a Message of a catalogue is shown in its language."""
    return bool(message and message.id and message.string and not message.fuzzy)


def needs_translation(text):
    """Whether there is a word in a message besides code, names and addresses."""
    prose = re.sub(r"(`+).+?\1", " ", text)
    prose = re.sub(
        r"\[[\w/]+\.\w+\]\([^)]*\)|\]\([^)]*\)", " ", prose
    )  # paths, addresses
    return re.search(r"[A-Za-z]{2,}|\ba\b", SAME.sub(" ", prose)) is not None


@functools.cache
def documents():
    """{document: its path}, of all pages of docs/ that are written by hand or made."""
    top = pages.docs()
    found = {}
    for path in sorted(top.rglob("*.md")):
        name = path.relative_to(top).with_suffix("").as_posix()
        found[re.sub(r"\bREADME$", "index", name)] = path
    return found


@functools.cache
def edition():
    """The documents that the Chinese edition has: those whose title is translated.

    Links lead to the English page of any other.
    """
    held = []
    for document, path in documents().items():
        title = re.search(r"^# (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        if title and is_translated(_catalogue(domain(document)).get(title[1])):
            held.append(document)
    return tuple(held)


@functools.cache
def _catalogue(name):
    return read(name)


@functools.cache
def messages(document):
    """The messages of a document that need a translation, in its order, as a tuple."""
    text = documents()[document].read_text(encoding="utf-8")
    parsed = publish_doctree(text, parser=Parser(), settings_overrides=SETTINGS)
    found = (message for _node, message in extract_messages(parsed))
    return tuple(text for text in dict.fromkeys(found) if needs_translation(text))


def own_words():
    """The words of the site that no page has: those that its code gives to ``_``."""
    found = {*chapters.GROUPS, cell_tables.LEGEND}
    for path in sorted(SOURCES.glob("*.py")):
        with path.open("rb") as file:
            rows = list(extract.extract("python", file, keywords={"_": None}))
        found |= {text for _line, text, _comments, _context in rows}
    return sorted(found)


def sources():
    """{catalogue: the messages that belong into it}, of the edition's pages."""
    grouped = {words.CATALOGUE: own_words()}
    for document in edition():
        grouped.setdefault(domain(document), []).extend(messages(document))
    return {name: list(dict.fromkeys(texts)) for name, texts in grouped.items()}


def compiled(target):
    """Writes the catalogues as Sphinx reads them; links as it sees them in the pages."""
    target = pathlib.Path(target) / LANGUAGE / "LC_MESSAGES"
    target.mkdir(parents=True)
    for path in sorted(folder().glob("*.po")):
        shown = Catalog(locale=LANGUAGE)
        where = path.stem if (pages.docs() / path.stem).is_dir() else ""
        for message in filter(is_translated, read(path.stem)):
            texts = [
                links.rewritten(text, where, edition())
                for text in (message.id, message.string)
            ]
            shown.add(*texts)
        with (target / f"{path.stem}.mo").open("wb") as file:
            write_mo(file, shown)


def updated(name, texts, is_dropping=False):
    """A catalogue as the pages ask for it today, as the text of its file.

    Args:
        name: of the catalogue.
        texts: its messages.
        is_dropping: take out the translation of what changed, else it becomes fuzzy.
    """
    template = Catalog()
    for text in texts:
        template.add(text)
    catalogue = read(name)
    catalogue.update(template, no_fuzzy_matching=is_dropping)
    catalogue.obsolete.clear()
    return _written(catalogue)


def _written(catalogue):
    file = io.BytesIO()
    pofile.write_po(file, catalogue, width=0, omit_header=True, ignore_obsolete=True)
    return file.getvalue().decode("utf-8")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--drop", action="store_true", help="take out what changed")
    options = parser.parse_args(arguments)
    for name, texts in sources().items():
        path = folder() / f"{name}.po"
        path.write_text(updated(name, texts, options.drop), encoding="utf-8")


if __name__ == "__main__":
    main()
