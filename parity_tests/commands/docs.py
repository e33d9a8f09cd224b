"""tf-parity docs: the reading room, a site of the pages and of both programs."""

import webbrowser

import click

from parity_tests.commands import options, outputs
from parity_tests.commands.mistakes import told


@click.command(
    "docs",
    cls=options.Command,
    examples=["docs --open", "docs --run report.json --output site"],
)
@click.option(
    "--output",
    "-o",
    metavar="DIR",
    type=click.Path(),
    default="site",
    show_default=True,
    help="Folder of the site; what an earlier build put there is replaced.",
)
@click.option(
    "--run",
    "run_path",
    metavar="FILE",
    type=click.Path(),
    help="What `run --json FILE` wrote, whose numbers stand beside the code.  "
    "[default: a run that comes along]",
)
@click.option("--open", "is_opened", is_flag=True, help="Show it in the browser.")
def command(output, run_path, is_opened):
    """Build the reading room: chapters side by side, the guide, every TF1 symbol.

    In English, and below zh/ in Chinese as far as it is translated. Needs the extra:
    pip install '.[docs]'. It needs no TensorFlow and fetches nothing.
    """
    from parity_tests.site import build
    from tf2_keras.migrate import processes

    with told(build.BuildError):
        page = build.build(output, run_path or "", processes.cores())
    outputs.show(f"The first page is {page}")
    if is_opened:
        webbrowser.open(page.as_uri())
