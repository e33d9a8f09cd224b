"""What advice leads to: chapters, pages of the guide, tests; and where each is to read.

The pages lie in docs/ of a checkout and in share/doc/tf-parity of an installation, the
tests beside this package in both.
"""

import functools
import importlib.metadata
import os
import pathlib
from typing import NamedTuple

ROOT = pathlib.Path(__file__).parents[2]
CHECKOUT = ROOT / "docs"
INSTALLED = "share/doc/tf-parity"


class Page(NamedTuple):
    """Where something is told.

    stem: 'resnet', 'input'.
    is_chapter: whether it is a pair of programs, which `tf-parity read` shows.
    teaches: in half a sentence; for a page its title.
    file: its path on this machine, from the working folder if it is below; where it did
        not come along, from the top of the project.
    exists: whether it did.
    """

    stem: str
    is_chapter: bool
    teaches: str
    file: str
    exists: bool

    @property
    def kind(self):
        return "chapter" if self.is_chapter else "page"

    @property
    def to_read(self):
        """The command that shows it, or the path of what to open."""
        return f"tf-parity read {self.stem}" if self.is_chapter else self.file

    @property
    def address(self):
        """A link to it, or ''."""
        return pathlib.Path(self.file).absolute().as_uri() if self.exists else ""


def page(stem, chapters=None):
    """The Page of what a rule names.

    chapters: {chapter: what it teaches}, of those that can be read.
    """
    chapters = chapters or {}
    is_chapter = stem in chapters or (docs() / "models" / f"{stem}.md").is_file()
    path = f"{'models' if is_chapter else 'guide'}/{stem}.md"
    file = docs() / path
    if not file.is_file():
        return Page(stem, is_chapter, chapters.get(stem, ""), f"docs/{path}", False)
    teaches = chapters.get(stem, "") if is_chapter else _title(file)
    return Page(stem, is_chapter, teaches, _from_here(file), True)


def located(path):
    """Where 'docs/guide/layers.md' is to read on this machine, as a ``Page``'s file."""
    file = docs() / path.removeprefix("docs/")
    return _from_here(file) if file.is_file() else path


def named(findings, chapters=None):
    """[Page] of all that the findings name: chapters first, in their order."""
    stems = {finding.chapter for finding in findings if finding.chapter}
    order = {stem: number for number, stem in enumerate(chapters or {})}
    return sorted(
        [page(stem, chapters) for stem in stems],
        key=lambda page: (
            not page.is_chapter,
            order.get(page.stem, len(order)),
            page.stem,
        ),
    )


class Proof(NamedTuple):
    """A test that shows what a rule claims: 'parity_tests/…_test.py::test_…'.

    address: a link to its file, or ''.
    command: what runs it, wherever the package is.
    """

    evidence: str
    address: str
    command: str


def proof(evidence):
    path, _, test = evidence.partition("::")
    file = ROOT / path
    module = path.removesuffix(".py").replace("/", ".")
    address = file.as_uri() if file.is_file() else ""
    return Proof(evidence, address, f"pytest --pyargs {module} -k {test}")


@functools.cache
def docs():
    """The folder of the pages, whether or not they came along."""
    if (CHECKOUT / "guide" / "README.md").is_file():
        return CHECKOUT
    try:
        files = importlib.metadata.files("tf-parity") or ()
    except importlib.metadata.PackageNotFoundError:
        files = ()
    for file in files:
        if file.as_posix().endswith(f"/{INSTALLED}/guide/README.md"):
            return pathlib.Path(file.locate()).resolve().parents[1]
    return CHECKOUT  # which is not there


def _title(file):
    return file.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ").strip()


def _from_here(file):
    try:
        return os.fspath(file.relative_to(pathlib.Path.cwd()))
    except (ValueError, OSError):
        return os.fspath(file)
