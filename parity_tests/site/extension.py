"""The Sphinx extension of the reading room: what is made besides the pages of docs/."""

import pathlib
import re

from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_for_filename
from pygments.util import ClassNotFound
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.osutil import relative_uri

from parity_tests.models import chapters, reading
from parity_tests.site import (
    chapter_pages,
    keras_objects,
    machines,
    numbers,
    project,
    symbols,
)
from parity_tests.site.twin_view import TwinDirective
from tf2_keras.migrate import addresses
from tf2_keras.migrate.api_table import api

LOGGER = logging.getLogger(__name__)
STATIC = pathlib.Path(__file__).with_name("static")
FILES = "files"  # folder of the pages of files that pages lead to
# Hundreds of pages: the contents of the site in each would be a tenth of its size.
MANY = (f"{addresses.FOLDER}/", f"{FILES}/")
SHORT_TREE = """
<ul>
<li class="toctree-l1"><a class="reference internal" href="{}">Contents</a></li>
<li class="toctree-l1"><a class="reference internal" href="{}">Every symbol</a></li>
</ul>
"""
CONTENTS = """

```{{toctree}}
:hidden:
:caption: {caption}

{documents}
```
"""


def setup(app):
    """Sphinx's entry point."""
    app.add_config_value("parity_run", "", "env", str)
    app.add_directive("twin", TwinDirective)
    app.add_directive("symbols", symbols.SymbolsDirective)
    app.add_directive("keras-objects", keras_objects.KerasObjectsDirective)
    app.add_domain(symbols.SymbolDomain)
    app.add_transform(chapter_pages.ChapterSections)
    app.add_transform(BudgetAnchors)
    app.add_transform(HeadingAnchors)
    app.add_post_transform(LinksToSymbols)
    app.connect("builder-inited", _begun)
    app.connect("source-read", _contents)
    app.connect("doctree-resolved", _addresses)
    app.connect("html-collect-pages", _files)
    app.connect("html-page-context", _leveled, priority=900)  # after the theme's own
    app.connect("build-finished", machines.written)
    app.add_css_file("site.css")
    app.add_js_file("site.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}


def _begun(app):
    """Makes documents, and lets Sphinx read them as if they lay in docs/."""
    numbers.run(app.config.parity_run)  # a wrong one ends the build before it begins
    generated = pathlib.Path(app.doctreedir) / "generated"
    project.write(generated, symbols.documents() | keras_objects.documents())
    documents = project.PagesAndGenerated(
        app.srcdir, app.config.source_suffix, generated
    )
    documents.restore(app.project)
    app.project = app.env.project = documents
    app.config.html_static_path.append(str(STATIC))


def _contents(app, docname, source):
    """The contents of the site, which on GitHub its pages' own links are."""
    page = pathlib.Path(app.env.doc2path(docname))
    source[0] = _with_links_to_files(source[0], page, pathlib.Path(app.srcdir))
    if docname != app.config.root_doc:
        return
    for group, names in chapters.GROUPS.items():
        source[0] += _toctree(
            f"Chapters: {group}", [f"models/{name}" for name in names]
        )
    documents = sorted(app.env.found_docs)
    guide = ["guide/index", *_in(documents, "guide/")]
    others = [name for name in documents if "/" not in name and name != docname]
    source[0] += _toctree("Guide", list(dict.fromkeys(guide)))
    source[0] += _toctree("Across the chapters", [symbols.INDEX, *others])


def _in(documents, folder):
    return [name for name in documents if name.startswith(folder)]


def _files(app):
    """A page for each file of the project that a page leads to."""
    linked = set()
    for docname in app.env.found_docs:
        page = pathlib.Path(app.env.doc2path(docname))
        text = page.read_text(encoding="utf-8")
        text = _with_links_to_files(text, page, pathlib.Path(app.srcdir))
        linked.update(re.findall(r"\]\(source:([^)#]+)", text))
    for path in sorted(linked):
        file = reading.ROOT / path
        if not file.is_file():
            LOGGER.warning("a page leads to a file that is not there: %s", path)
            continue
        if not _of_source(path).startswith(FILES):
            continue
        try:
            lexer = get_lexer_for_filename(file.name)
        except ClassNotFound:
            lexer = TextLexer()
        text = file.read_text(encoding="utf-8")
        body = f'<h1><code>{path}</code></h1><div class="highlight">'
        body += highlight(text, lexer, HtmlFormatter(linenos="inline")) + "</div>"
        yield f"{FILES}/{path}", {"title": path, "body": body}, "page.html"


def _leveled(_app, page, _template, context, _doctree):
    """Captions of the contents are headings, of which the theme says no level."""
    tree = context.get("furo_navigation_tree", "")
    if page.startswith(MANY):
        tree = SHORT_TREE.format(
            *(context["pathto"](name) for name in ("index", symbols.INDEX))
        )
    context["furo_navigation_tree"] = tree.replace(
        'role="heading"', 'role="heading" aria-level="2"'
    )


def _toctree(caption, documents):
    return CONTENTS.format(caption=caption, documents="\n".join(documents))


def _with_links_to_files(text, page, top):
    """A page's links out of docs/ as source:PATH, the path from the project's top."""
    marker = "/".join([".."] * (len(page.parent.parts) - len(top.parts) + 1))
    if not page.is_relative_to(top):
        return text
    return text.replace(f"]({marker}/", "](source:")


class BudgetAnchors(SphinxTransform):
    """Gives each row of the page of budgets an address: 'resnet-eager-loss'."""

    default_priority = 200

    def apply(self, **_options):
        if self.env.docname != "tolerances":
            return
        for row in self.document.findall(nodes.row):
            words = [cell.astext().strip() for cell in row.children[:3]]
            row["ids"].append("-".join(words).replace(" ", "-"))


class HeadingAnchors(SphinxTransform):
    """Gives each heading the address that GitHub gives it, besides docutils' own."""

    default_priority = 210

    def apply(self, **_options):
        for section in self.document.findall(nodes.section):
            anchor = addresses.anchor(section.next_node(nodes.title).astext())
            if anchor not in self.document.ids and anchor not in section["ids"]:
                section["ids"].append(anchor)
                self.document.ids[anchor] = section


class LinksToSymbols(SphinxTransform):
    """A TF1 symbol that a page names in code leads to what is known of it."""

    default_priority = 900

    def apply(self, **_options):
        if self.env.docname.startswith(addresses.FOLDER + "/"):
            return
        for literal in list(self.document.findall(nodes.literal)):
            symbol = literal.astext().removesuffix("()")
            row = api().get(symbol)
            if row is None or not row.in_tf1 or row.kind == "module":
                continue
            if isinstance(literal.parent, (nodes.reference, nodes.title)):
                continue
            if any(
                isinstance(parent, (nodes.reference, nodes.title))
                for parent in _parents(literal)
            ):
                continue
            literal.replace_self(symbols.to_symbol(symbol))


def _parents(node):
    while node.parent is not None:
        node = node.parent
        yield node


def _addresses(app, doctree, docname):
    """site:ADDRESS and source:PATH as addresses from this page."""
    if app.builder.format != "html":
        return
    here = app.builder.get_target_uri(docname)
    for link in doctree.findall(nodes.reference):
        kind, _, path = link.get("refuri", "").partition(":")
        if kind == "site":
            link["refuri"] = relative_uri(here, path.partition("#")[0]) + _anchor(path)
        elif kind == "source":
            link["refuri"] = relative_uri(here, _of_source(path))
            link["internal"] = True
            link["classes"] = [name for name in link["classes"] if name != "external"]


def _anchor(path):
    return "#" + path.partition("#")[2] if "#" in path else ""


def _of_source(path):
    """The address of a file of the project: a chapter's two are in its twin view."""
    parts = pathlib.PurePosixPath(path)
    if (
        parts.parent.name == "models"
        and parts.stem in chapters.NAMES
        and path[:2] == "tf"
    ):
        return f"models/{parts.stem}.html#side-by-side"
    return f"{FILES}/{path}.html"
