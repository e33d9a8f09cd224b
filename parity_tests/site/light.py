"""Takes out of the written pages what no reader sees, for the site has a limit of size.

A quarter of the site was names of classes that no style sheet knows, indents,
and colours that are the colour of the text.
"""

import pathlib
import re

from parity_tests.site import links

# What differs between languages of _static/; the rest is there once.
OF_A_LANGUAGE = ("language_data.js", "translations.js", "documentation_options.js")
LANGUAGE_FILES = "|".join(map(re.escape, OF_A_LANGUAGE))
STATIC = re.compile(rf'((?:href|src)=")((?:\.\./)*_static/(?!{LANGUAGE_FILES}))')
PREFORMATTED = re.compile(r"(<pre\b.*?</pre>)", re.DOTALL)
CODE = re.compile(r'<code class="docutils literal notranslate">(.*?)</code>', re.DOTALL)
# Names, punctuation and spaces have the colour of the text around them; operators had one
# of their own, which was two thirds of all colours and a twentieth of the site, and so had
# numbers, which need none.
PLAIN = re.compile(r'<span class="(?:[nopw]|m[fi])">([^<]*)</span>')
CELL = re.compile(r"<td\b.*?</td>", re.DOTALL)
CODE_OF_CELL = re.compile(r"(?<=<code)(?: [^>]*)?>[^<]{12,}(?=</code>)")
BETWEEN_WORDS = re.compile(r"(?<=[._(])(?=\w)")
SHORTER = (
    (re.compile(r'(<(?:tr|dt|dd)) class="(?:row|field)-(?:odd|even)">'), r"\1>"),
    (re.compile(r'<span class="colon">:</span>'), ":"),
    (re.compile(r"<dd><p>([^\n]*)</p>\s*</dd>"), r"<dd>\1</dd>"),
    (re.compile(r'class="headerlink reference external"'), 'class="headerlink"'),
    (re.compile(r'class="reference internal"'), 'class="reference"'),
    (re.compile(r' xmlns="http://www.w3.org/2000/svg"'), ""),  # HTML knows svg
    (re.compile(r"\n\s+"), "\n"),
)


def lightened(page):
    """The HTML of a page that has the same text, in fewer bytes; names in tables break."""
    page = CODE.sub(_without_words, page)
    page = PLAIN.sub(r"\1", page)
    parts = PREFORMATTED.split(page)
    for number in range(0, len(parts), 2):
        for pattern, shorter in SHORTER:
            parts[number] = pattern.sub(shorter, parts[number])
        parts[number] = CELL.sub(_breakable, parts[number])
    return "".join(parts)


def _breakable(cell):
    """A cell whose long names break between their words: a column need not be as wide."""
    return CODE_OF_CELL.sub(lambda code: BETWEEN_WORDS.sub("<wbr>", code[0]), cell[0])


def _without_words(code):
    words = re.sub(r'<span class="pre">(.*?)</span>', r"\1", code[1])
    return f'<code class="literal">{words}</code>'


def written(app, exception):
    """Lightens all pages of a built site."""
    if exception is not None or app.builder.format != "html":
        return
    folder = pathlib.Path(app.outdir)
    is_shared = app.config.parity_editions and app.config.language != links.ENGLISH
    for path in folder.rglob("*.html"):
        page = lightened(path.read_text(encoding="utf-8"))
        if is_shared:
            page = STATIC.sub(r"\1../\2", page)
        path.write_text(page, encoding="utf-8")
    if is_shared:
        for path in (folder / "_static").rglob("*"):
            if path.is_file() and path.name not in OF_A_LANGUAGE:
                path.unlink()
