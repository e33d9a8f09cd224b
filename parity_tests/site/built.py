"""What the pages of a built site hold, for the claims about them."""

import functools
import html
import html.parser
import re


class Page(html.parser.HTMLParser):
    """The links and the anchors of a page, and its text."""

    def __init__(self, text):
        super().__init__()
        self.links, self.anchors, self.texts, self.headings = [], set(), [], []
        self.blocks, self.is_within_block = [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.anchors.update(filter(None, (named.get("id"), named.get("name"))))
        self.links += filter(None, (named.get("href"), named.get("src")))
        self.headings += [tag] if tag in ("h1", "h2", "h3", "h4") else []
        if tag == "pre":
            self.is_within_block = True
            self.blocks.append("")

    def handle_endtag(self, tag):
        self.is_within_block &= tag != "pre"

    def handle_data(self, data):
        self.texts.append(data)
        if self.is_within_block:
            self.blocks[-1] += data

    @property
    def text(self):
        return " ".join("".join(self.texts).split())


@functools.cache
def page(path):
    return Page(path.read_text(encoding="utf-8"))


@functools.cache
def targets(path):
    """(links, anchors) of a page, for claims about all of them: a parser takes long."""
    text = path.read_text(encoding="utf-8")
    named = {"id": [], "name": [], "href": [], "src": []}
    for tag in re.findall(r"<\w[^>]+>", text):
        for name, value in re.findall(r'\s(id|name|href|src)="([^"]*)"', tag):
            named[name].append(html.unescape(value))
    return {*named["href"], *named["src"]}, {"", *named["id"], *named["name"]}
