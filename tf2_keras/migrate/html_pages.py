"""Pages that load nothing from anywhere, all of one look, ``look.css``.

Its colours and fonts, ``palette.css``, are those of the reading room as well.
"""

import functools
import pathlib

import jinja2

from tf2_keras.migrate.printable import printable

HERE = pathlib.Path(__file__).parent


def rendered(template, **given):
    """The text of a page.

    Args:
        template: path of a Jinja template; it may include what stands beside it, and
            ``look.css``.
        **given: what it takes. All text in it is escaped, and what could not be seen
            written out, unless the template says ``safe``.
    """
    return _environment(template.parent).get_template(template.name).render(given)


def plot(drawn, caption):
    """HTML of a figure, for a page that has ``palette.css`` and ``figure.css``.

    drawn: a Plot of ``parity_tests.engine.curves``.
    """
    return str(_environment().get_template("figure.html").module.plot(drawn, caption))


@functools.cache
def _environment(*folders):
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, HERE]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalized,
    )


def _finalized(value):
    # What a template says is safe is of another type.
    return printable(value, kept="\n\t") if type(value) is str else value
