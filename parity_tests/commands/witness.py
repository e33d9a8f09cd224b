"""tf-parity witness: genuine TensorFlow 1.15.5 compared with compat.v1 and the twins."""

import os
import pathlib
import tempfile

import click

import parity_tests
from parity_tests.commands import console, options, outputs, tables
from parity_tests.commands.mistakes import UserError, told

# What a report says of the witness itself, of all that a golden's facts hold.
FACTS = ("tensorflow", "python", "numpy", "cpu", "intra_op_threads")


@click.command(
    "witness",
    cls=options.Command,
    examples=["witness --stored", "witness --chapter mnist_cnn --keep recorded"],
)
@options.chapter
@options.group
@click.option(
    "--stored",
    is_flag=True,
    help="Compare with the goldens that come along; needs no TensorFlow 1.15.",
)
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(),
    help="Keep what was recorded, exports included, in DIR.",
)
@options.json_file
def command(names, groups, stored, keep, json_path):
    """Compare TensorFlow 1.15.5 itself with both sides.

    Finds an environment with Python 3.7 and TensorFlow 1.15.5, or builds one, records
    there and compares here. TF_PARITY_TF1_PYTHON names an interpreter of your own.
    """
    if stored and keep:
        raise UserError(
            "--keep must go with recording. Received: --stored as well. "
            "Leave out one of the two."
        )
    if keep and os.path.lexists(keep) and not os.path.isdir(keep):
        raise UserError(
            f"--keep must name a folder. Received: the file {keep}. "
            f"Use for instance {keep}.goldens."
        )
    with (
        outputs.Output(json_path, "--json", _goldens if stored else ()) as output,
        tempfile.TemporaryDirectory() as temporary,
    ):
        console.import_tensorflow()
        from parity_tests.witness import recordables, reference_conditions, replay

        wanted = options.chosen(names, groups) or recordables.NAMES
        if stored:
            folder = replay.GOLDENS
        else:
            folder = os.path.abspath(keep) if keep else temporary
            _record(wanted, folder, keep)
        report = {"compared": {}, "environment": reference_conditions.describe()}
        divergences = []
        with console.progress() as progress:
            task = progress.add_task("comparing", total=len(wanted))
            for name in wanted:
                divergences += _compare(name, folder, report)
                progress.advance(task)
        output.show(
            table(report),
            tables.conditions(report["environment"]),
            *[
                tables.divergence(f"{subject}, {side}", divergence.describe())
                for subject, side, divergence in divergences
            ],
        )
        output.write(report)
    return int(bool(divergences))


def _goldens():
    return list((pathlib.Path(parity_tests.__file__).parent / "goldens").rglob("*"))


def _record(names, folder, keep):
    from parity_tests.witness import environment

    with told(environment.NoWitness):
        python = environment.find() or environment.build(console.say)
        kept = ("--export", "--replace") if keep else ()
        environment.record(python, names, folder, *kept, on_line=console.say)


def _compare(name, folder, report):
    """Adds what is under one golden's name to the report; returns its divergences."""
    from parity_tests.models import programs, tasks
    from parity_tests.witness import golden, replay

    with told(golden.GoldenError):
        facts = golden.Golden(os.path.join(folder, name)).facts
    report["witness"] = {key: facts[key] for key in FACTS}
    onednn = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1") != "0"
    divergences = []
    with told(golden.GoldenError, programs.FolderError, tasks.TaskError):
        for subject, side, comparison in replay.legs(name, folder, onednn):
            report["compared"].setdefault(subject, {})[side] = {
                stage: cell.as_data() for stage, cell in comparison.cells.items()
            }
            if not comparison.ok:
                divergences.append((subject, side, comparison.first_divergence))
    return divergences


def table(report):
    """What 1.15.5 and the two others differ by; ``report`` is what the command writes."""
    sections = []
    for subject, sides in report["compared"].items():
        alike = {}  # sides with the same numbers share a row
        for side, cells in sides.items():
            alike.setdefault(str(cells), []).append(side)
        rows = [
            (", ".join(together), sides[together[0]]) for together in alike.values()
        ]
        sections.append((subject, rows))
    return tables.differences(
        f"TensorFlow {report['witness']['tensorflow']} against compat.v1 and twin",
        sections,
    )
