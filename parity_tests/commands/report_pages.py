"""--report DIR and --logdir DIR: pages and event files, written whole or not at all."""

import contextlib
import os
import pathlib

import click

from parity_tests.commands import outputs, replaceable
from parity_tests.commands.mistakes import UserError, shortened
from parity_tests.pair import unfinished

NAME = "index.html"

option = click.option(
    "--report",
    "report_folder",
    metavar="DIR",
    type=click.Path(),
    help=f"Also write the report as one HTML page, DIR/{NAME}.",
)

logdir_option = click.option(
    "--logdir",
    metavar="DIR",
    type=click.Path(),
    help="Also write both sides as runs of TensorBoard into DIR.",
)


@contextlib.contextmanager
def opened(folder, inputs=()):
    """An ``outputs.Output`` of the page in a folder, which is made if need be.

    Looked at before the work: a page of another program's is not written over. A folder
    that was made is gone again if nothing was written into it.
    """
    if folder is None:
        with outputs.Output(None, "--report") as output:
            yield output
        return
    _require_name(folder, "--report")
    path = os.path.join(folder, NAME)
    if os.path.lexists(path) and not replaceable.is_report(path):
        raise UserError(
            f"--report must name a folder without an {NAME} of yours. "
            f"Received: {folder}. Name another one, such as "
            f"{os.path.join(folder, 'parity')}."
        )
    with made(folder, "--report"), outputs.Output(path, "--report", inputs) as output:
        yield output


@contextlib.contextmanager
def logging(logdir):
    """Makes the folder of event files; refuses one with runs, before the work."""
    if logdir is None:
        yield
        return
    _require_name(logdir, "--logdir")
    earlier = next(pathlib.Path(logdir).glob("**/*tfevents*"), None)
    if earlier is not None:
        raise UserError(
            "--logdir must name a folder without runs, whose curves new ones would be "
            f"mixed with. Received: {logdir}, which has {earlier.parent}. Name another "
            f"one, such as {os.path.join(logdir, 'new')}."
        )
    with made(logdir, "--logdir"):
        yield


def _require_name(folder, option_name):
    if not folder:
        raise UserError(
            f"{option_name} must name a folder. Received: {shortened(folder)}. "
            f"Use for instance {option_name} parity."
        )


@contextlib.contextmanager
def made(folder, option_name):
    """Makes a folder; afterwards those that were made for it are gone if still empty."""
    target = pathlib.Path(os.path.abspath(folder))
    missing = [place for place in (target, *target.parents) if not place.exists()]
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _gone(missing)
        raise UserError(
            f"{option_name} must name a folder that can be made. "
            f"Received: {folder} ({error.strerror}). "
            "Name another one, or change permissions."
        ) from None
    try:
        with unfinished.noted(*map(str, reversed(missing))):
            yield
    finally:
        _gone(missing)


def _gone(folders):
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()
