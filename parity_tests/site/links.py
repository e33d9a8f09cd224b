"""Links of the pages as both editions of the site need them.

A page's link out of docs/ becomes source:PATH, the path from the project's top; a link of
the Chinese edition to a page that it does not have becomes site:ADDRESS, an address from
the top of the site. Both are turned into addresses from the page when it is written.
"""

import pathlib
import posixpath
import re

from docutils import nodes
from sphinx.util.osutil import relative_uri

from parity_tests.models import chapters

ENGLISH = "en"
FOLDER = "zh"  # of the Chinese edition, in the site
FILES = "files"  # folder of the pages of files that pages lead to
PAGE = re.compile(r"\]\((?!source:|site:)([\w./-]+)\.md(#[^)]*)?\)")


def rewritten(text, folder, edition=None):
    """Markdown with links that lead out of docs/, or out of an edition, made so.

    Args:
        text: of a page, or a message of it.
        folder: of the page in docs/; '' for docs/ itself.
        edition: documents of the Chinese edition; None for the English, which has all.
    """
    marker = "/".join([".."] * (2 if folder else 1))
    text = text.replace(f"]({marker}/", "](source:")
    if edition is None:
        return text

    def out_of_edition(link):
        target = posixpath.normpath(posixpath.join(folder, link[1]))
        document = re.sub(r"\bREADME$", "index", target)
        if document in edition:
            return link[0]
        return f"](site:{document}.html{link[2] or ''})"

    return PAGE.sub(out_of_edition, text)


def top(config):
    """Where an edition lies in the site: '' or 'zh/'."""
    return "" if config.language == ENGLISH else f"{FOLDER}/"


def address(config, document, target):
    """The address of something, named from the top of the site, from a document."""
    page, mark, anchor = target.partition("#")
    return relative_uri(f"{top(config)}{document}.html", page) + mark + anchor


def addressed(app, doctree, docname):
    """site:ADDRESS and source:PATH as addresses from this page."""
    if app.builder.format != "html":
        return
    for link in doctree.findall(nodes.reference):
        kind, _, path = link.get("refuri", "").partition(":")
        if kind in ("site", "source"):
            if kind == "source":
                path = of_source(path, app.config)
            link["refuri"] = address(app.config, docname, path)
            link["internal"] = True
            link["classes"] = [name for name in link["classes"] if name != "external"]


def of_source(path, config):
    """The address of a file of the project: those of a chapter are in its twin view."""
    parts = pathlib.PurePosixPath(path)
    name = chapters.owner(parts.stem)
    if parts.parent.name == "models" and name in chapters.NAMES and path[:2] == "tf":
        return f"{top(config)}models/{name}.html#side-by-side"
    return f"{FILES}/{path}.html"


def of_test(evidence):
    """The address of 'file::test' in the site."""
    path, _, test = evidence.partition("::")
    return f"{FILES}/{path}.html#{test}"
