"""What both editions of the site show of each other, and how Chinese is searched."""

import functools
import html
import json
import re

from docutils import nodes
from sphinx.search.en import SearchEnglish
from sphinx.transforms import SphinxTransform

from parity_tests.site import catalogues, links
from parity_tests.site.words import _

# A switch names a language in that language.
TITLES = {"en": "English", "zh-CN": "中文"}
HAN = "\u3400-\u9fff"


class Untranslated(SphinxTransform):
    """Says on a page of the Chinese edition how many of its passages are in English."""

    default_priority = 25  # right after Sphinx has put the translations in

    def apply(self, **_options):
        if self.config.language == links.ENGLISH:
            return
        left = sum(
            catalogues.needs_translation(node.rawsource)
            for node in self.document.findall(nodes.TextElement)
            if node.get("translated") is False and node.rawsource
        )
        title = self.document.next_node(nodes.title)
        if left and title is not None:
            said = _("{count} passages of this page are not translated yet.")
            note = nodes.paragraph(
                text=said.format(count=left), classes=["untranslated"]
            )
            title.parent.insert(title.parent.index(title) + 1, note)


class SearchEnglishOnce(SearchEnglish):
    """As Sphinx searches English, but a word is stemmed once: there are few of them."""

    def __init__(self, options):
        super().__init__(options)
        self.stem = functools.cache(super().stem)


class SearchChinese(SearchEnglishOnce):
    """Chinese is searched by pairs of characters, which need no dictionary."""

    lang = "zh"
    language_name = "English"  # whose stemmer the script takes by this name
    js_splitter_code = f"""
function splitQuery(query) {{
  const words = [];
  for (const [run] of query.matchAll(/[{HAN}]+|[^\\W_]\\w*/gu))
    if (/[{HAN}]/.test(run) && run.length > 2)
      for (let place = 0; place < run.length - 1; place++)
        words.push(run.slice(place, place + 2));
    else words.push(run);
  return words;
}}
"""

    def split(self, input):
        words = []
        for run in re.findall(rf"[{HAN}]+|[^\W_{HAN}][^\W{HAN}]*", input):
            if re.match(f"[{HAN}]", run) and len(run) > 2:
                words += [run[place : place + 2] for place in range(len(run) - 1)]
            else:
                words.append(run)
        return words


def switched(app, page, _template, context, _doctree):
    """Gives a page its switch of languages, and scripts the words of the site."""
    words = {
        "which": _("Which program"),
        "pages": _("All pages"),
        "contents": _("On this page"),
    }
    context["site_words"] = json.dumps(
        {name: str(word) for name, word in words.items()}, ensure_ascii=False
    )
    context["site_languages"] = ""
    if not app.config.parity_editions:
        return
    is_english = app.config.language == links.ENGLISH
    of_both = page in (*catalogues.edition(), "search")
    if is_english:
        other, target = "zh-CN", f"{links.FOLDER}/{page if of_both else 'index'}.html"
    else:
        other, target = "en", f"{page}.html"
    address = html.escape(links.address(app.config, page, target))
    context["site_languages"] = (
        f'<p class="languages"><a href="{address}" lang="{other}" '
        f'hreflang="{other}">{TITLES[other]}</a></p>'
    )
    if of_both:
        context["metatags"] = context.get("metatags", "") + (
            f'<link rel="alternate" hreflang="{other}" href="{address}">'
        )
