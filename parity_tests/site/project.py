"""The documents of the site: the pages of docs/, and those that are made at build."""

import pathlib

from sphinx.project import Project

PAGE = "README"  # what GitHub shows of a folder is the index of it here


class PagesAndMade(Project):
    """Documents of two folders, of which one is made anew by each build.

    Args:
        srcdir, source_suffix: as Sphinx has them.
        made: folder of the made documents, ``symbols/tf.nn.md``.
    """

    def __init__(self, srcdir, source_suffix, made):
        super().__init__(srcdir, source_suffix)
        self.made = pathlib.Path(made)

    def discover(self, exclude_paths=(), include_paths=("**",)):
        super().discover(exclude_paths, include_paths)
        self.docnames.update(self._made_documents())
        return self.docnames

    def _made_documents(self):
        for path in self.made.rglob("*.md"):
            yield path.relative_to(self.made).with_suffix("").as_posix()

    def path2doc(self, filename):
        path = pathlib.Path(filename)
        if path.is_relative_to(self.made):
            return path.relative_to(self.made).with_suffix("").as_posix()
        document = super().path2doc(filename)
        if document is None:
            return None
        folder, _, name = document.rpartition("/")
        if name != PAGE:
            return document
        return f"{folder}/index" if folder else "index"

    def doc2path(self, docname, absolute):
        # A symbol's module has dots in its name, which are no suffix.
        path = self.made / f"{docname}.md"
        if path.is_file():
            return type(super().doc2path(docname, absolute))(path)
        return super().doc2path(docname, absolute)


def write(folder, documents):
    """Writes made documents; what did not change keeps its time and is not read again.

    documents: {'symbols/tf.nn': text}.
    """
    folder = pathlib.Path(folder)
    kept = set()
    for docname, text in documents.items():
        path = folder / f"{docname}.md"
        kept.add(path)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for path in set(folder.rglob("*.md")) - kept:
        path.unlink()
