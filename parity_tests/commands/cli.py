"""tf-parity: the group of all commands, and how every one of them ends.

A command is a module of this package, of the command's name, that has a ``command``;
it is found by its file and imported when it is asked for.

Exit codes: 0 all within budget; 1 a divergence, or what scan's --fail-on names; 2 a
mistake in the call; 70 a defect of tf-parity; 130 Ctrl-C, 143 terminated.
"""

import collections.abc
import contextlib
import difflib
import errno
import importlib
import os
import pkgutil
import signal
import sys
import tempfile
import threading
import traceback

import click
from click.shell_completion import shell_complete

import parity_tests.commands
from parity_tests.commands import mistakes, options, outputs

# Modules beside the commands that are none themselves.
SHARED = (
    "bench_conversion",
    "cli",
    "console",
    "conversions",
    "declared",
    "exported",
    "fixing",
    "inspected",
    "mistakes",
    "node_names",
    "options",
    "outputs",
    "pair_files",
    "replaceable",
    "report_pages",
    "seeds_table",
    "settings",
    "tables",
    "time_limits",
)
MISTAKE, DEFECT = 2, 70
COMPLETE = "_TF_PARITY_COMPLETE"  # what a shell asks for completions by
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
# What scanning goes without, see .ci/scan-requirements.txt.
HEAVY = ("tensorflow", "keras", "numpy", "hypothesis")


class Modules(collections.abc.Mapping):
    """{name: click command} of this package's modules, each imported once asked for."""

    def __iter__(self):
        for module in pkgutil.iter_modules(parity_tests.commands.__path__):
            if module.name not in SHARED and not module.name.endswith("_test"):
                yield module.name.replace("_", "-")

    def __len__(self):
        return sum(1 for _ in self)

    def __getitem__(self, name):
        if name not in iter(self):
            raise KeyError(name)
        module = name.replace("-", "_")
        return importlib.import_module(f"parity_tests.commands.{module}").command


class Commands(options.Group):
    """All commands; the help says what the exit codes mean and how words are completed."""

    def format_epilog(self, _context, formatter):
        with formatter.section("Exit codes"):
            formatter.write_dl(
                [
                    ("0", "all within budget"),
                    ("1", "a divergence, or what scan's --fail-on names"),
                    ("2", "a mistake in the call"),
                    ("70", "a defect of tf-parity"),
                    ("130", "interrupted by Ctrl-C; 143 terminated"),
                ]
            )
        with formatter.section("Completion of commands, options and names"):
            formatter.write_dl(
                [
                    ("bash", 'eval "$(_TF_PARITY_COMPLETE=bash_source tf-parity)"'),
                    ("zsh", 'eval "$(_TF_PARITY_COMPLETE=zsh_source tf-parity)"'),
                    ("fish", "_TF_PARITY_COMPLETE=fish_source tf-parity | source"),
                ]
            )
        options.write_examples(formatter, self.examples)


@click.group(
    cls=Commands,
    commands=Modules(),
    context_settings={"help_option_names": ["-h", "--help"]},
    examples=["run --chapter linear_regression", "scan ."],
)
@click.version_option(package_name="tf-parity")
def commands():
    """TensorFlow 1.x models and their Keras 3 twins, compared to the bit."""


class Terminated(KeyboardInterrupt):
    """A signal asked the process to end; whatever cleans up after Ctrl-C does so."""

    def __init__(self, number):
        super().__init__()
        self.number = number


@contextlib.contextmanager
def _ended_by_exception():
    """Makes the signals that end a process leave through its ``finally`` clauses."""

    def end(number, _frame):
        signal.signal(number, signal.SIG_IGN)  # once is enough
        raise Terminated(number)

    ending = [
        number
        for number in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) == signal.SIG_DFL  # not under nohup
        and threading.current_thread() is threading.main_thread()
    ]
    try:
        for number in ending:
            signal.signal(number, end)
        yield
    finally:
        for number in ending:
            signal.signal(number, signal.SIG_DFL)


def explained(error):
    """A mistake that click found as rule, received, remedy."""
    context = error.ctx
    path = context.command_path if context else "tf-parity"
    known = context.command.params if context else ()
    remedy = f"See {path} --help."
    if isinstance(error, click.NoSuchOption):
        names = [name for parameter in known for name in parameter.opts]
        nearest = difflib.get_close_matches(error.option_name, names, n=3)
        if nearest:
            remedy = f"Nearest: {', '.join(nearest)}. {remedy}"
        rule, received = f"An option of {path} must be a known one", error.option_name
    elif isinstance(error, click.MissingParameter):
        rule, received = f"{options.label(error.param)} must be given", "none"
        examples = getattr(context.command, "examples", ())
        remedy = f"Use for instance `{examples[0]}`." if examples else remedy
    elif isinstance(error, click.BadOptionUsage):
        takes = "no value" if "not take" in error.message else "a value"
        rule = f"{error.option_name} must have {takes}"
        received = "one" if takes == "no value" else "none"
    elif "extra argument" in error.message:
        rule = f"{path} must have no more arguments"
        received = error.message.partition("(")[2].rstrip(").")
    else:
        return f"{error.format_message()} {remedy}"
    return f"{rule}. Received: {mistakes.shortened(received)}. {remedy}"


def _report(error):
    """Puts the traceback of a defect into a file; returns the line that says so."""
    trace = "".join(traceback.format_exception(error))
    said = " ".join(f"{type(error).__name__}: {error}".split())
    said = mistakes.shortened(said).rstrip(".") + "."
    try:
        handle, path = tempfile.mkstemp(prefix="tf-parity-", suffix=".traceback")
        with open(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"arguments: {sys.argv[1:]}\n{trace}")
    except OSError:
        _tell(trace, whole=True)
        return (
            f"{said} This is a defect of tf-parity; no file would take its traceback."
        )
    return f"{said} This is a defect of tf-parity; its traceback is in {path}."


def _is_left_out(error):
    """Whether a package is missing that a light installation goes without."""
    return isinstance(error, ModuleNotFoundError) and error.name in HEAVY


def _tell(text, whole=False):
    """On stderr; where that is closed or full, nobody is there to be told."""
    text = mistakes.lines(text) if whole else f"tf-parity: {mistakes.line(text)}\n"
    with contextlib.suppress(OSError, AttributeError):
        sys.stderr.write(text)
        sys.stderr.flush()


def _called():
    """Calls the command that sys.argv names; returns its exit code."""
    words = os.environ.get(COMPLETE)
    if words:
        return shell_complete(commands, {}, "tf-parity", COMPLETE, words)
    # What click's own main does to an interrupt and to a broken pipe is undone so.
    try:
        with commands.make_context("tf-parity", sys.argv[1:]) as context:
            return commands.invoke(context) or 0
    except click.exceptions.Exit as error:  # of --help and --version
        return error.exit_code
    finally:
        if sys.stdout is not None:
            sys.stdout.flush()


def _run():
    """Calls the command; returns the exit code of whatever came of it."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):  # closed, or a caller's own
            # What its encoding lacks is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
    try:
        with _ended_by_exception():
            return _called()
    except click.UsageError as error:
        _tell(explained(error))
    except click.ClickException as error:
        _tell(error.format_message())
    except Terminated as error:
        _tell("terminated.")
        return 128 + error.number
    except (KeyboardInterrupt, click.Abort):
        _tell("interrupted.")
        return 128 + signal.SIGINT
    except BrokenPipeError:  # such as `tf-parity --help | head -1`
        outputs.abandon(sys.stdout)
        return 0
    except Exception as error:
        if _is_left_out(error):
            _tell(
                f"{error.name} must be installed to compare numbers. Received: an "
                "installation that can list, read, scan, explain and guide. "
                "Use pip install tf-parity, with all that it depends on."
            )
            return MISTAKE
        if not (isinstance(error, OSError) and error.errno in NO_ROOM):
            _tell(_report(error))
            return DEFECT
        outputs.abandon(sys.stdout)
        place = error.filename or "Standard output"
        _tell(f"{place} must have room. Received: {error.strerror}. Make some.")
    return MISTAKE


def main():
    """The entry point: turns every mistake into one line and an exit code."""
    sys.exit(_run())


if __name__ == "__main__":
    main()
