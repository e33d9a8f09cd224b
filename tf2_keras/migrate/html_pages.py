"""Pages that load nothing from anywhere, all of one look, ``look.css``."""

import pathlib

import jinja2

HERE = pathlib.Path(__file__).parent


def rendered(template, **given):
    """The text of a page.

    Args:
        template: path of a Jinja template; it may include what stands beside it, and
            ``look.css``.
        **given: what it takes. All of it is escaped unless the template says ``safe``.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, HERE]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(template.name).render(given)
