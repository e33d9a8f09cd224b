"""tf-parity scan --fix: shows what would be renamed, asks, and writes all or nothing."""

import contextlib
import os
import sys

import click

from parity_tests.commands import outputs
from parity_tests.commands.mistakes import UserError, lines, printable

LEFT = 5  # uses that are listed for each reason


def require(fix, yes, diff, others):
    """Refuses what does not go together.

    others: {option: value} of those that write another report.

    Raises:
        UserError: for the first that does not.
    """
    for option, given in (("--yes", yes), ("--diff", diff)):
        if given and not fix:
            raise UserError(
                f"{option} must go with --fix. Received: {option} alone. "
                f"Use --fix {option}."
            )
    if yes and diff:
        raise UserError(
            "--fix must either write or only show. Received: --yes and --diff. "
            "Leave out one of the two."
        )
    for option, value in others.items():
        if fix and value:
            raise UserError(
                f"--fix must go without {option}. Received: {option} {value}. "
                f"Use tf-parity scan {option} {value} in a call of its own."
            )


def fix(report, yes, only_diff):
    """Shows the diff; writes it if told to or, on a terminal, if the answer is yes.

    Returns:
        Whether files were written.
    """
    from tf2_keras.migrate import fixes
    from tf2_keras.migrate.terminal import counted

    plan = fixes.plan(report)
    for fix in plan.fixes:
        outputs.put(sys.stdout, lines(fix.diff()))
    uses = counted(sum(fix.count for fix in plan.fixes), "use")
    files = counted(len(plan.fixes), "file")
    outputs.show(*_left(plan.left))
    if not plan.fixes:
        outputs.show("Nothing to rename.")
        return False
    if only_diff:
        outputs.show(f"{uses} in {files} would be renamed; nothing was written.")
        return False
    if not yes and not _answered_yes(f"Rename {uses} in {files}?"):
        outputs.show("Nothing was written.")
        return False
    write(plan.fixes)
    outputs.show(f"{uses} in {files} renamed.")
    return True


def _left(left):
    """What is left to a person, by reason."""
    by_reason = {}
    for use in left:
        by_reason.setdefault(use.why, []).append(use)
    for why, uses in by_reason.items():
        yield f"left, {printable(why)}: {len(uses)}"
        for use in uses[:LEFT]:
            place = f"{printable(use.file)}:{use.line}" if use.line else use.file
            yield f"  {place} {use.symbol}".rstrip()
        if len(uses) > LEFT:
            yield f"  and {len(uses) - LEFT} more"


def _answered_yes(question):
    if not sys.stdin or not sys.stdin.isatty():
        raise UserError(
            "--fix must be confirmed. Received: no terminal to ask on. "
            "Use --fix --yes to write, --fix --diff only to see."
        )
    return click.confirm(question, err=True)


def write(fixes):
    """Writes every file beside its old one, then puts each in its place.

    Raises:
        UserError: if one of them cannot be written, or is not any more what was read;
            then none of them has changed.
    """
    with contextlib.ExitStack() as stack:
        moves = []
        for fix in fixes:
            target = os.path.realpath(fix.file)  # a link stays a link
            with _writable(fix.file):
                if not outputs.may_write(target):
                    raise PermissionError("no write permission")
                with open(target, "rb") as file:
                    if file.read() != fix.before:
                        raise OSError("it changed while it was read")
                temporary = stack.enter_context(outputs.temporary_beside(target))
                outputs.fill(temporary, fix.after, target)
            moves.append((temporary, target))
        for temporary, target in moves:
            os.replace(temporary, target)


@contextlib.contextmanager
def _writable(file):
    try:
        yield
    except OSError as error:
        raise UserError(
            "--fix must be able to write every file that changes. "
            f"Received: {file} ({error.strerror or error}). "
            "Change its permissions, make room, or leave it out; nothing was written."
        ) from None
