"""The Sphinx extension of the reading room: what is made besides the pages of docs/."""

import functools
import operator
import pathlib
import re

from docutils import nodes
from pygments.lexers import TextLexer, get_lexer_for_filename
from pygments.util import ClassNotFound
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

from parity_tests.models import chapters, reading
from parity_tests.site import (
    catalogues,
    chapter_pages,
    editions,
    keras_objects,
    light,
    links,
    machines,
    markup,
    numbers,
    parts,
    project,
    symbols,
)
from parity_tests.site.twin_view import TwinDirective
from parity_tests.site.words import CATALOGUE, _
from tf2_keras.migrate import addresses, html_pages
from tf2_keras.migrate.api_table import api

LOGGER = logging.getLogger(__name__)
STATIC = pathlib.Path(__file__).with_name("static")
# One source of colours, fonts and plots: the reports' own.
SHARED = ("palette.css", "figure.css")
TEMPLATES = pathlib.Path(__file__).with_name("templates")
# Hundreds of pages: the contents of the site in each would be a tenth of its size.
MANY = (f"{addresses.FOLDER}/", f"{links.FILES}/", "parts/")
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
    # Whether this build is of both editions, which then lead to each other.
    app.add_config_value("parity_editions", False, "html", bool)
    app.add_directive("twin", TwinDirective)
    app.add_directive("symbols", symbols.SymbolsDirective)
    app.add_directive("keras-objects", keras_objects.KerasObjectsDirective)
    app.add_directive("parts", parts.PartsDirective)
    app.add_domain(symbols.SymbolDomain)
    app.add_transform(editions.Untranslated)
    app.add_transform(chapter_pages.ChapterSections)
    app.add_transform(BudgetAnchors)
    app.add_transform(HeadingAnchors)
    app.add_post_transform(LinksOfCode)
    app.add_search_language(editions.SearchEnglishOnce)
    app.add_search_language(editions.SearchChinese)
    app.connect("config-inited", _configured)
    app.connect("builder-inited", _begun)
    app.connect("source-read", _contents)
    app.connect("doctree-resolved", links.addressed)
    app.connect("html-collect-pages", _files)
    app.connect("html-page-context", editions.switched)
    app.connect("html-page-context", _shortened, priority=100)  # before the theme
    app.connect("html-page-context", _leveled, priority=900)  # after the theme's own
    app.connect("build-finished", _without_what_is_ours)
    app.connect("build-finished", machines.written)
    app.connect("build-finished", light.written, priority=900)  # after the theme
    for name in (*SHARED, "site.css"):
        app.add_css_file(name)
    app.add_js_file("site.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}


def _configured(app, config):
    config.templates_path.append(str(TEMPLATES))
    shared = [html_pages.HERE / name for name in SHARED]
    config.html_static_path += map(str, (STATIC, *shared))
    for folder in config.locale_dirs or [""]:  # English: words stay as they are
        app.add_message_catalog(CATALOGUE, folder)


def _begun(app):
    """Makes documents, and lets Sphinx read them as if they lay in docs/."""
    numbers.run(app.config.parity_run)  # a wrong one ends the build before it begins
    generated = pathlib.Path(app.doctreedir) / "generated"
    is_english = app.config.language == links.ENGLISH
    if is_english:
        made = (symbols, keras_objects, parts)
        texts = [module.documents() for module in made]
        project.write(generated, functools.reduce(operator.or_, texts))
    documents = project.PagesAndGenerated(
        app.srcdir,
        app.config.source_suffix,
        generated,
        None if is_english else catalogues.edition(),
    )
    documents.restore(app.project)
    app.project = app.env.project = documents


def _contents(app, docname, source):
    """The contents of the site, which on GitHub its pages' own links are."""
    source[0] = _with_links(app, docname, source[0])
    if docname != app.config.root_doc:
        return
    documents = sorted(app.env.found_docs)
    for group, names in chapters.GROUPS.items():
        shown = [f"models/{name}" for name in names if f"models/{name}" in documents]
        caption = _("Chapters: {group}").format(group=_(group))
        source[0] += _toctree(caption, shown)
    guide = ["guide/index", *_in(documents, "guide/")]
    others = [name for name in documents if "/" not in name and name != docname]
    source[0] += _toctree(_("Guide"), list(dict.fromkeys(guide)))
    others = [*_in(documents, symbols.INDEX), *others]
    source[0] += _toctree(_("Across the chapters"), others)


def _with_links(app, docname, text):
    """A page's text with the links that its edition has."""
    page = pathlib.Path(app.env.doc2path(docname))
    if not page.is_relative_to(app.srcdir):
        return text  # a generated one, which knows where it is
    folder = docname.rpartition("/")[0]
    is_english = app.config.language == links.ENGLISH
    return links.rewritten(text, folder, None if is_english else catalogues.edition())


def _in(documents, folder):
    return [name for name in documents if name.startswith(folder)]


def _files(app):
    """A page for each file of the project that a page leads to; one set for both."""
    if app.config.language != links.ENGLISH:
        return
    # What badges lead to, and the proofs of parts.
    evidence = [part.proof for part in parts.parts()]
    evidence += [numbers.EXACT, numbers.BUDGETED, numbers.OF_PROGRAMS]
    linked = {proof.partition("::")[0] for proof in evidence}
    for docname in app.env.found_docs:
        page = pathlib.Path(app.env.doc2path(docname))
        text = page.read_text(encoding="utf-8")
        text = _with_links(app, docname, text)
        linked.update(re.findall(r"\]\(source:([^)#]+)", text))
    for path in sorted(linked):
        file = reading.ROOT / path
        if not file.is_file():
            LOGGER.warning("a page leads to a file that is not there: %s", path)
            continue
        if not links.of_source(path, app.config).startswith(links.FILES):
            continue
        try:
            lexer = get_lexer_for_filename(file.name)
        except ClassNotFound:
            lexer = TextLexer()
        text = file.read_text(encoding="utf-8")
        body = f"<h1><code>{path}</code></h1>{markup.file(text, lexer)}"
        yield f"{links.FILES}/{path}", {"title": path, "body": body}, "page.html"


def _shortened(_app, page, _template, context, _doctree):
    """Contents of few lines, where all of them on every page would take their time."""
    if page.startswith(MANY):
        tree = SHORT_TREE.format(
            *(context["pathto"](name) for name in ("index", symbols.INDEX))
        )
        context["toctree"] = lambda **_options: tree


def _leveled(_app, _page, _template, context, _doctree):
    """Captions of the contents are headings, of which the theme says no level."""
    tree = context.get("furo_navigation_tree", "")
    tree = tree.replace('class="reference internal"', "class=reference")
    context["furo_navigation_tree"] = tree.replace(
        'role="heading"', 'role="heading" aria-level="2"'
    )


def _without_what_is_ours(app, error):
    """Without our folder, by which the search names generated pages; and source maps."""
    for path in pathlib.Path(app.outdir, "_static").rglob("*.map"):
        path.unlink()
    index = pathlib.Path(app.outdir) / "searchindex.js"
    if error is None and index.is_file():
        text = index.read_text(encoding="utf-8")
        text = text.replace(f"{app.project.generated}/", "")
        index.write_text(text, encoding="utf-8")


def _toctree(caption, documents):
    return CONTENTS.format(caption=caption, documents="\n".join(documents))


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
    """Gives each heading the address that GitHub gives it, besides docutils' own.

    Before headings are translated: an address is the same in both editions.
    """

    default_priority = 5

    def apply(self, **_options):
        for section in self.document.findall(nodes.section):
            anchor = addresses.anchor(section.next_node(nodes.title).astext())
            if anchor not in self.document.ids and anchor not in section["ids"]:
                section["ids"].append(anchor)
                self.document.ids[anchor] = section


class LinksOfCode(SphinxTransform):
    """A TF1 symbol or a part that a page names in code leads to what is known of it."""

    default_priority = 900

    def apply(self, **_options):
        for literal in list(self.document.findall(nodes.literal)):
            link = _link(literal.astext())
            if link is None or any(
                isinstance(parent, (nodes.reference, nodes.title))
                for parent in _parents(literal)
            ):
                continue
            literal.replace_self(link)


def _link(text):
    """A reference in place of a literal, or None."""
    part = parts.named(text)
    if part:
        return parts.to_part(part, text)
    symbol = text.removesuffix("()")
    row = api().get(symbol)
    if row is None or not row.in_tf1 or row.kind == "module":
        return None
    return symbols.to_symbol(symbol)


def _parents(node):
    while node.parent is not None:
        node = node.parent
        yield node
