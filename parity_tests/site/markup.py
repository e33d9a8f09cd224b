"""HTML of the generated pages of symbols, parts and Keras objects.

As nodes of docutils their hundred thousand elements took most of the time of a build.
"""

import functools
import html
import re

from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer, TextLexer
from sphinx.errors import SphinxError

from parity_tests.models import chapters
from parity_tests.site import links
from tf2_keras.migrate import addresses

# Of a file that pages lead to, strings, comments and names that are defined have a colour.
KEYWORD = re.compile(r'<span class="(?:k|kc|kn)">([^<]*)</span>')
NAME = re.compile(r'<span class="(?:nb|bp|nn|ow)">([^<]*)</span>')
TEST = re.compile(r'<span class="nf">(test_\w+)')
escaped = functools.partial(html.escape, quote=False)


class UnknownName(SphinxError):
    """What a directive names does not exist: stops the build, with file and line.

    directive: that names it. error: what to say.
    """

    def __init__(self, directive, error):
        self.category = directive.name
        super().__init__(f"{directive.get_location()}: {error}")


def required(directive, known):
    """The one argument of a directive, which must be one of the names that are known.

    Raises:
        UnknownName: if it is not.
    """
    (name,) = directive.arguments
    try:
        chapters.require_known(name, known, f"The module of {{{directive.name}}}")
    except ValueError as error:
        raise UnknownName(directive, error) from None
    return name


def addresses_from(env):
    """(where in the site) -> its address from the document that is being read."""
    return functools.partial(links.address, env.config, env.docname)


def page(entries):
    """The one node of a page's entries."""
    text = "\n".join(['<div class="entries">', *entries, "</div>\n"])
    return nodes.raw("", text, format="html")


def heading(name):
    """The heading of an entry, whose address is its name; in no table of contents."""
    name = html.escape(name)
    return f'<h2 id="{name}"><a href="#{name}">{name}</a></h2>'


def code(text):
    return f"<code>{escaped(text)}</code>" if text else ""


def link(address, content):
    return f'<a href="{html.escape(address)}">{content}</a>'


def symbol(text, address):
    """The name or a call of a TF1 symbol, which leads to its entry if it has any."""
    name = text.partition("(")[0]
    if not name.startswith("tf.") or not addresses.has_entry(name):
        return code(text)
    return link(address(addresses.of_symbol(name)), code(text))


def fields(rows):
    """A list of (name, HTML), without those that have nothing to say; '' if none has.

    Tags that HTML lets one leave out are: twenty thousand of these are a megabyte.
    """
    said = [f"<dt>{name}<dd>{text}" for name, text in rows if text]
    return f"<dl>{''.join(said)}</dl>" if said else ""


def block(text, is_python=True):
    lexer = PythonLexer() if is_python else TextLexer()
    return highlight(text, lexer, HtmlFormatter(wrapcode=False)).rstrip()


def table(heading, rows):
    """A table of rows of HTML; '' without rows."""
    if not rows:
        return ""
    lines = [_row("th", heading), *(_row("td", row) for row in rows)]
    return "\n".join(
        [
            '<div class="table-wrapper container"><table class="docutils">',
            *lines,
            "</table></div>",
        ]
    )


def _row(tag, cells):
    return "<tr>" + "".join(f"<{tag}>{cell}" for cell in cells)


def colored(text, lexer):
    """HTML of lines of code; of names those alone have a colour that are defined."""
    return NAME.sub(r"\1", highlight(text, lexer, HtmlFormatter(nowrap=True)))


def file(text, lexer):
    """A file in few colours, with numbers of its lines; a name of a test is its address."""
    lines = colored(text, lexer).rstrip("\n").split("\n")
    shown = "".join(f"<i>{line}\n</i>" for line in lines)
    shown = KEYWORD.sub(r"\1", shown)
    shown = TEST.sub(r'<span class="nf" id="\1">\1', shown)
    return f'<div class="highlight file"><pre style="--before: 0">{shown}</pre></div>'
