"""Builds the reading room into a folder: what ``tf-parity docs`` calls.

Warnings are errors, and names that lead nowhere are warnings. A folder is written whole
or not at all.
"""

import copy
import functools
import importlib.util
import io
import pathlib
import shutil
import tempfile
from unittest import mock

from tf2_keras.migrate import pages

# What the extra installs, by the names that are imported.
PACKAGES = {
    "sphinx": "Sphinx",
    "myst_parser": "MyST-Parser",
    "furo": "Furo",
    "sphinx_design": "sphinx-design",
}
INSTALL = "pip install '.[docs]' in a clone, on Python 3.11 or newer"
MARK = "objects.inv"  # what Sphinx writes into a site beside its pages
MOST = 5  # warnings that are told


class BuildError(ValueError):
    """Why there is no site; the text says what to do."""


def missing():
    """Names of the packages of the extra that are not installed."""
    return [
        title
        for name, title in PACKAGES.items()
        if importlib.util.find_spec(name) is None
    ]


def build(output, run="", jobs=1):
    """Builds the site; the path of its first page.

    Args:
        output: folder, made anew if an earlier build made it.
        run: what ``tf-parity run --json`` wrote, for the numbers beside the code; or ''.
        jobs: processes.

    Raises:
        BuildError: without the extra or the pages, if the folder holds something else,
            or if a page is wrong.
    """
    lacking = missing()
    if lacking:
        raise BuildError(
            "The extra docs must be installed to build the site. "
            f"Received: an installation without {', '.join(lacking)}. Use {INSTALL}."
        )
    if not (pages.docs() / "conf.py").is_file():
        raise BuildError(
            "The pages must be there to be built. "
            f"Received: no {pages.docs()}. Use a clone of the project."
        )
    target = pathlib.Path(output).absolute()
    if target.exists() and not _is_ours(target):
        raise BuildError(
            "--output must name a folder that does not exist, is empty, or holds a site. "
            f"Received: {output}. Name another one, such as {target / 'site'}."
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".site-", dir=target.parent) as folder:
            folder = pathlib.Path(folder)
            whole = folder / "html"
            _editions(whole, folder, run, jobs)
            if target.exists():
                shutil.rmtree(target)
            whole.rename(target)
    except OSError as error:
        raise BuildError(
            "--output must name a folder that can be written. "
            f"Received: {output} ({error.strerror or error}). Name another one."
        ) from None
    return target / "index.html"


def _is_ours(folder):
    return folder.is_dir() and ((folder / MARK).is_file() or not any(folder.iterdir()))


def _editions(output, folder, run, jobs):
    """Builds the English edition, and the Chinese one in a folder of it."""
    from parity_tests.site import catalogues, links, numbers

    run = str(pathlib.Path(run).absolute()) if run else ""
    try:
        numbers.run(run)  # before Sphinx, which would say whose handler met it
    except numbers.BadRun as error:
        raise BuildError(str(error)) from None
    settings = {"parity_run": run, "parity_editions": True}
    catalogues.compiled(folder / "locale")
    _sphinx(output, folder / "doctrees", settings, jobs)
    settings["language"] = catalogues.LANGUAGE
    settings["locale_dirs"] = [str(folder / "locale")]
    _sphinx(output / links.FOLDER, folder / "translated", settings, jobs)


def _sphinx(output, doctrees, settings, jobs):
    from docutils import frontend
    from myst_parser.mdit_to_docutils import base
    from sphinx import locale
    from sphinx.application import Sphinx
    from sphinx.errors import SphinxError
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    said = io.StringIO()
    locale.translators.clear()  # those of an edition that this process built before
    # Of each message that is translated a document is made, whose settings MyST-Parser
    # has a parser of 75 options made for, a sixth of all the time.
    made = functools.cache(frontend.get_default_settings)
    settings_once = mock.patch.object(
        base, "get_default_settings", lambda *parsers: copy.copy(made(*parsers))
    )
    try:
        with patch_docutils(pages.docs()), docutils_namespace(), settings_once:
            sphinx = Sphinx(
                pages.docs(),
                pages.docs(),
                output,
                doctrees,
                "html",
                confoverrides=settings,
                status=None,
                warning=said,
                warningiserror=True,
                parallel=jobs,
            )
            sphinx.build()
    except SphinxError as error:
        raise BuildError(str(error)) from None
    if sphinx.statuscode:
        told = said.getvalue().strip().splitlines()
        more = f" (and {len(told) - MOST} more)" if len(told) > MOST else ""
        raise BuildError(
            "Every page must be built without a warning. Received: "
            f"{'; '.join(told[:MOST])}{more}. Mend what is named."
        )
