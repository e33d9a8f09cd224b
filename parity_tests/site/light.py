"""Takes out of the written pages what no reader sees, for the site has a limit of size.

Two thirds of a page of symbols were names of classes that no style sheet knows, indents,
and colours that are the colour of the text.
"""

import pathlib
import re

PREFORMATTED = re.compile(r"(<pre\b.*?</pre>)", re.DOTALL)
CODE = re.compile(r'<code class="docutils literal notranslate">(.*?)</code>', re.DOTALL)
# Names, punctuation and spaces have the colour of the text around them.
PLAIN = re.compile(r'<span class="[npw]">([^<]*)</span>')
UNUSED_ICONS = re.compile(r'<symbol id="svg-(?:pencil|eye)".*?</symbol>', re.DOTALL)
SHORTER = (
    (re.compile(r'(<(?:tr|dt|dd)) class="(?:row|field)-(?:odd|even)">'), r"\1>"),
    (re.compile(r'<span class="colon">:</span>'), ":"),
    (re.compile(r"<dd><p>([^\n]*)</p>\s*</dd>"), r"<dd>\1</dd>"),
    (re.compile(r'class="symbol field-list simple"'), 'class="symbol field-list"'),
    (re.compile(r'class="headerlink reference external"'), 'class="headerlink"'),
    (re.compile(r"\n\s+"), "\n"),
)


def lightened(page):
    """The HTML of a page that looks the same and has the same text, in fewer bytes."""
    page = CODE.sub(_without_words, page)
    page = PLAIN.sub(r"\1", page)
    page = UNUSED_ICONS.sub("", page)
    parts = PREFORMATTED.split(page)
    for number in range(0, len(parts), 2):
        for pattern, shorter in SHORTER:
            parts[number] = pattern.sub(shorter, parts[number])
    return "".join(parts)


def _without_words(code):
    words = re.sub(r'<span class="pre">(.*?)</span>', r"\1", code[1])
    return f'<code class="literal">{words}</code>'


def written(app, exception):
    """Lightens all pages of a built site."""
    if exception is not None or app.builder.format != "html":
        return
    for path in pathlib.Path(app.outdir).rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        path.write_text(lightened(page), encoding="utf-8")
