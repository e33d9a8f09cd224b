"""Pages that load nothing from anywhere, all of one look, ``look.css``."""

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
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, HERE]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalized,
    )
    return environment.get_template(template.name).render(given)


def _finalized(value):
    # What a template says is safe is of another type.
    return printable(value, kept="\n\t") if type(value) is str else value
