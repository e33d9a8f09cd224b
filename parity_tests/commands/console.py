"""What commands print on: how wide, in which colours, and what shows while one waits."""

import contextlib
import gc
import io
import os
import re
import stat
import sys

from rich.console import Console, Group
from rich.segment import Segment

from parity_tests.commands import mistakes
from parity_tests.witness import reference_conditions

WIDTHS = (40, 1000)  # columns that anything is laid out for
PIPED_WIDTH = 100  # where there is neither a terminal nor a width in COLUMNS


class PrintableConsole(Console):
    """Shows characters that would steer the terminal, of file names say, as escapes."""

    def render(self, renderable, options=None):
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(mistakes.lines(segment.text), segment.style)


def console(file, width=None):
    """A rich Console on ``file``: as wide as its terminal, as COLUMNS says, or 100."""
    # In a file there are no colours, whatever the environment wants of the terminal.
    forced = False if isinstance(file, io.StringIO) else None
    on_file = PrintableConsole(file=file, width=width, force_terminal=forced)
    if width is None and not on_file.is_terminal:
        return PrintableConsole(
            file=file, width=piped_width(file), force_terminal=forced
        )
    return on_file


def piped_width(file):
    """Columns of what goes to a file or a pipe."""
    narrowest, widest = WIDTHS
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit():
        return min(max(int(columns[:9]), narrowest), widest)
    with contextlib.suppress(OSError, AttributeError):
        # Into `less` or `head`, which show it on the terminal that stderr is.
        if stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
            columns = os.get_terminal_size(sys.stderr.fileno()).columns
            return max(columns, narrowest) if columns else PIPED_WIDTH
    return PIPED_WIDTH


def rendered(file, renderables, width=None):
    """What ``renderables`` are on ``file``, as text; lines too long for it stay whole."""
    on_file = console(file, width)
    with on_file.capture() as capture:
        on_file.print(Group(*renderables), crop=False)
    text = capture.get()
    if on_file.is_terminal:
        return text
    # Blanks that fill a line on a screen are nothing in a file.
    return re.sub(r" +$", "", text, flags=re.MULTILINE)


def say(text):
    """One line of what is going on, on stderr."""
    console(sys.stderr).print(text, markup=False, highlight=False)


def progress(*columns):
    """A bar on stderr, gone when all is done; nothing where that is no terminal."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    on_stderr = console(sys.stderr)
    shown = on_stderr.is_terminal
    return Progress(
        TextColumn("{task.description:<20}"),
        BarColumn(),
        *(columns or [MofNCompleteColumn()]),
        TimeElapsedColumn(),
        # Switched off, some versions of rich still end with an empty line.
        console=on_stderr if shown else console(io.StringIO()),
        transient=True,
        disable=not shown,
    )


def import_tensorflow():
    """Imports TensorFlow quietly; a terminal is told what the seconds go into."""
    with contextlib.ExitStack() as finally_close:
        if "tensorflow" not in sys.modules and console(sys.stderr).is_terminal:
            # A descriptor of its own: the import sends descriptor 2 nowhere.
            file = os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8")
            finally_close.enter_context(file)
            finally_close.enter_context(console(file).status("importing TensorFlow"))
        # Graphs are many small objects: to look for garbage after every 700 new ones is a
        # fifth of what they cost.
        gc.set_threshold(20_000, 10, 10)
        reference_conditions.import_tensorflow()
