"""The twin view: both programs of a chapter on one grid, a row for what corresponds.

    ```{twin} mnist_cnn inference
    :pin: 70-103
    ```

shows one function, without a second word the whole chapter. ``pin`` sets a line of the
TF1 file and a line of the twin beside each other, whatever their roles.
"""

import functools
import html
import re

from docutils import nodes
from docutils.parsers.rst import directives
from pygments.lexers import PythonLexer
from sphinx.util.docutils import SphinxDirective

from parity_tests.models import chapters, facing, reading
from parity_tests.site import links, markup, numbers, symbols, traps
from parity_tests.site.words import _

TITLES = ("TF1", "TF2")
RUN, KEEPS = "tf.Session.run", "callbacks.StepHistory"
WHY = re.compile(r"\s*# ")


def pins(text):
    """'70-103 71-109' as ((70, 103), (71, 109)).

    Raises:
        ValueError: if it is written otherwise.
    """
    if not re.fullmatch(r"\s*\d+-\d+(\s+\d+-\d+)*\s*", text or ""):
        raise ValueError(
            "pin must be pairs of lines. "
            f"Received: {text!r}. Write for instance 70-103 71-109."
        )
    return tuple(tuple(map(int, pair.split("-"))) for pair in text.split())


class TwinDirective(SphinxDirective):
    """``{twin} CHAPTER [BLOCK]``; an unknown name stops the build, with file and line."""

    required_arguments = 1
    optional_arguments = 1
    option_spec = {"pin": pins, "id": directives.unchanged}

    def run(self):
        name, *block = self.arguments
        try:
            return [
                twin(self.env, name, block[0] if block else "", self.options.get("pin"))
            ]
        except ValueError as error:
            raise markup.UnknownName(self, error) from None


def twin(env, name, block="", pinned=None):
    """A node that shows a chapter's two files, or a block, in a document that is being read.

    Args:
        name: of a chapter, or of one of its files besides.

    Raises:
        ValueError: if there is no such chapter or block.
    """
    chapters.require_known(name, chapters.STEMS, "The chapter of a twin view")
    recorded = env.config.parity_run or numbers.RECORDED
    for path in (*reading.sources(name), traps.FILE, recorded):
        env.note_dependency(str(path))
    passages = reading.aligned(name)
    if block:
        named = [(left or right).name for left, right in passages]
        chapters.require_known(block, named, f"The block of {name}")
        passages = [passages[named.index(block)]]
    pinned = pinned or ()
    for pair in pinned:
        if not any(_hold(passages_of_row, pair) for passages_of_row in passages):
            raise ValueError(
                "A pin must name a line of both passages that face each other. "
                f"Received: {pair[0]}-{pair[1]}. Use the numbers that the view shows."
            )
    address = functools.partial(links.address, env.config, env.docname)
    badges = numbers.badges(env.config.parity_run, name, address)
    text = rendered(name, passages, pinned, badges, naive(name))
    return nodes.raw("", text, format="html")


def naive(name):
    """{line of a chapter's TF1 file: [Trap]}: what people write for it, and was measured.

    What a Session fetched is told once, and only where the twin keeps it.
    """
    twin = reading.sources(name)[1].read_text(encoding="utf-8")
    mistakes, told = {}, set() if KEEPS in twin else {RUN}
    for line, symbol in sorted(symbols.uses()[name]):
        if symbol not in told:
            mistakes.setdefault(line, []).extend(traps.by_symbol().get(symbol, ()))
        told |= {symbol} & {RUN}
    return mistakes


def rendered(name, passages, pinned, badges, mistakes):
    """The view as HTML, which needs no script to be read.

    Args:
        name: of the chapter.
        passages: of ``reading.aligned``.
        pinned: pairs of lines.
        badges: {passage: HTML that stands beside its title}.
        mistakes: of ``naive``.
    """
    paths = reading.sources(name)
    lines = [highlighted(path) for path in paths]
    label = html.escape(_("{chapter}: both programs").format(chapter=name))
    parts = [f'<section class="twin highlight" aria-label="{label}">']
    parts.append('<div class="twin-head">')
    for title, path in zip(TITLES, paths, strict=True):
        place = path.relative_to(reading.ROOT).as_posix()
        parts.append(
            f'<div class="twin-side {title.lower()}"><b>{title}</b> '
            f"<code>{place}</code></div>"
        )
    shown = {n for left, _ in passages for n in _lines_of(left)}
    if any(mistakes.get(number) for number in shown):
        switch = html.escape(_("show the naive twin"))
        parts.append(
            f'<label class="twin-switch"><input type="checkbox"> {switch}</label>'
        )
    parts.append("</div>")
    for left, right in passages:
        within = [pair for pair in pinned if _hold((left, right), pair)]
        parts.append(_passage(name, left, right, within, lines, badges, mistakes))
    parts.append("</section>\n")
    return "".join(parts)


def _hold(passages, pair):
    """Whether two passages have the lines of a pin."""
    return all(
        number in _lines_of(passage)
        for passage, number in zip(passages, pair, strict=True)
    )


def _passage(name, left, right, pinned, lines, badges, mistakes):
    title = (left or right).name
    anchor = f"{name}-{title}"
    parts = [
        f'<div class="twin-block" id="{anchor}" role="group" '
        f'aria-label="{html.escape(title)}">',
        f'<div class="twin-title"><a href="#{anchor}"><code>{title}</code></a>'
        f"{badges.get(title, '')}</div>",
    ]
    for row in facing.rows(left, right, pinned):
        cells = [
            _cell(numbers_of_side, side, title)
            for numbers_of_side, side, title in zip(row, lines, TITLES, strict=True)
        ]
        cells += [
            _naive(trap) for number in row[0] for trap in mistakes.get(number, ())
        ]
        parts.append(f'<div class="twin-row">{"".join(cells)}</div>')
    # The keyboard reaches the first row, and by its arrows the others.
    first = parts[2].replace(">", ' tabindex="0">', 1)
    return "".join([*parts[:2], first, *parts[3:], "</div>"])


def _lines_of(passage):
    if passage is None:
        return ()
    return range(
        passage.first_line, passage.first_line + len(passage.source.splitlines())
    )


def _naive(trap):
    """What people write in a row's place; shown where the switch is on."""
    said = html.escape(traps.said(trap))
    return (
        f'<div class="twin-naive"><code>{html.escape(trap.written)}</code> '
        f"<span>{said}</span> {traps.plot(trap)}</div>"
    )


def _cell(numbers_of_side, highlighted_lines, title):
    side = title.lower()
    if not numbers_of_side:
        return f'<div class="{side} twin-empty"></div>'
    shown = []
    for number in numbers_of_side:
        line = highlighted_lines[number - 1]
        why = ' class="twin-why"' if _is_why(line) else ""
        shown.append(f"<i{why}>{line}\n</i>")
    # The style sheet counts on from here: a number in every line would be long.
    before = numbers_of_side[0] - 1
    return f'<pre class="{side}" style="--before: {before}">{"".join(shown)}</pre>'


def _is_why(line):
    """Whether a line is a comment of its own: those say why, the others say shapes."""
    return bool(WHY.match(html.unescape(re.sub(r"<[^>]+>", "", line))))


@functools.cache
def _highlighted(path, _changed):
    source = path.read_text(encoding="utf-8")
    return markup.colored(source, PythonLexer(stripnl=False)).split("\n")


def highlighted(path):
    """The lines of a Python file as HTML with Pygments' classes."""
    return _highlighted(path, path.stat().st_mtime_ns)
