"""The command line: tf-parity run | list | read | bench | witness | seeds | scan | guide.

Exit codes: 0 all within budget, 1 a divergence, 2 a mistake in the call, 130 Ctrl-C.
TensorFlow is imported only once the arguments are known to be right.
"""

import io
import json
import os
import sys
import tempfile

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

from parity_tests.commands import tables
from parity_tests.datasets.errors import DatasetError
from parity_tests.models import chapters
from parity_tests.witness import reference_conditions

LEVELS = ("eager", "function", "fit")
FORMATS = ("terminal", "json", "sarif", "html")
FAIL_ON = ("gone", "changes", "unknown", "restructure", "renamed")
PIPED_WIDTH = 140  # of tables and code when the output is no terminal


class UserError(click.ClickException):
    """A mistake in the call: one line on stderr, exit code 2."""

    exit_code = 2


def _names(known_of, kind):
    """A click callback that checks one name or several against the known ones."""

    def check(context, parameter, value):
        try:
            for name in value if isinstance(value, tuple) else (value,):
                chapters.require_known(name, known_of(), kind)
        except chapters.UnknownName as error:
            raise UserError(str(error)) from None
        return value

    return check


def _positive(context, parameter, value):
    if value is not None and value <= 0:
        raise UserError(
            f"{parameter.opts[0]} must be positive. Received: {value:g}. "
            f"Use for instance {parameter.opts[0]} 20."
        )
    return value


def _seed(context, parameter, value):
    if not 0 <= value < 2**32:
        raise UserError(
            f"--seed must be in [0, 2**32). Received: {value}. Use for instance --seed 1."
        )
    return value


def _console():
    console = Console()
    return console if console.is_terminal else Console(width=PIPED_WIDTH)


chapter_option = click.option(
    "--chapter",
    "names",
    multiple=True,
    metavar="NAME",
    callback=_names(lambda: chapters.NAMES, "chapter"),
    help="Only this chapter; may be given several times.",
)
seed_option = click.option(
    "--seed",
    type=int,
    default=1,
    show_default=True,
    callback=_seed,
    help="Of graph, data and batch order.",
)
data_option = click.option(
    "--data",
    metavar="DIR|full",
    help="A folder with the IDX files of MNIST or the batches of CIFAR-10; or 'full', "
    "what keras.datasets downloads. Default: the embedded digits.",
)
batch_size_option = click.option(
    "--batch-size", type=int, callback=_positive, help="Instead of the chapter's own."
)
json_option = click.option("--json", "json_path", metavar="FILE", help="Also as data.")


class SuggestingGroup(click.Group):
    """Says which command is nearest to one that does not exist."""

    def get_command(self, context, name):
        command = super().get_command(context, name)
        if command is None:
            try:
                chapters.require_known(name, tuple(self.commands), "command")
            except chapters.UnknownName as error:
                raise UserError(str(error)) from None
        return command


@click.group(
    cls=SuggestingGroup, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="tf-parity")
def commands():
    """TensorFlow 1.x models and their Keras 3 twins, compared to the bit."""


@commands.command()
@chapter_option
@click.option("--steps", type=int, callback=_positive, help="Instead of the chapter's.")
@batch_size_option
@seed_option
@data_option
@click.option(
    "--level",
    "levels",
    multiple=True,
    metavar="LEVEL",
    callback=_names(lambda: LEVELS, "level"),
    help="Only this level of the twin: eager, function or fit; may be repeated.",
)
@click.option(
    "--fault",
    metavar="FAULT",
    help="Plant a mistake in the twin, to see it caught; needs one --chapter.",
)
@json_option
def run(names, steps, batch_size, seed, data, levels, fault, json_path):
    """Train every chapter twice from the same seeds and compare all that happens."""
    with _json_file(json_path) as write_json:
        names = tuple(dict.fromkeys(names)) or chapters.NAMES
        if fault and len(names) != 1:
            raise UserError(
                "--fault needs exactly one chapter to plant it in. "
                f"Received: {len(names)} chapters. Add for instance --chapter mnist_cnn."
            )
        reference_conditions.import_tensorflow()
        from parity_tests.models import runner

        loaded = {name: _load(name, data, seed) for name in names}

        if fault:
            try:
                chapters.require_known(fault, tuple(chapters.faults(names[0])), "fault")
            except chapters.UnknownName as error:
                raise UserError(str(error)) from None
        levels = tuple(level for level in LEVELS if not levels or level in levels)
        requests = []
        for name in names:
            meeting_point = chapters.meeting_point(name)
            fields = meeting_point.configure(data, seed)
            if batch_size and hasattr(chapters.graph(name).Config(), "batch_size"):
                fields["batch_size"] = batch_size
            requests.append(
                runner.Request(
                    name,
                    fields,
                    *loaded[name],
                    steps or meeting_point.STEPS,
                    levels,
                    fault,
                )
            )
        report = {"environment": reference_conditions.describe(), "chapters": {}}
        breaks = []
        with _progress() as progress:
            for request in requests:
                task = progress.add_task(request.name, total=runner.units(request))
                chapter, divergences = runner.run_chapter(
                    request, lambda task=task: progress.advance(task)
                )
                report["chapters"][request.name] = chapter
                breaks += [
                    (request, level, found) for level, found in divergences.items()
                ]
        write_json(report)
    console = _console()
    console.print(tables.parity_table(report))
    conditions = ", ".join(f"{k} {v}" for k, v in report["environment"].items())
    console.print(conditions, style="dim", highlight=False)
    for request, level, divergence in breaks:
        console.print()
        console.print(
            f"{request.name}, level {level}\n"
            + divergence.describe(
                _reproduce(request, level, divergence, seed, data, batch_size)
            ),
            markup=False,
            highlight=False,
        )
    sys.exit(1 if breaks else 0)


def _reproduce(request, level, divergence, seed, data, batch_size):
    words = [
        "tf-parity run",
        "--chapter",
        request.name,
        "--level",
        level,
        "--steps",
        str(max(1, divergence.step)),
        "--seed",
        str(seed),
    ]
    for option, value in (
        ("--batch-size", batch_size),
        ("--data", data),
        ("--fault", request.fault),
    ):
        if value:
            words += [option, str(value)]
    return " ".join(words)


def _load(name, data, seed):
    try:
        return chapters.meeting_point(name).load(data, seed)
    except DatasetError as error:
        raise UserError(str(error)) from None


def _progress(counted=MofNCompleteColumn):
    return Progress(
        TextColumn("{task.description:<20}"),
        BarColumn(),
        counted(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


class _json_file:
    """Gives a function that writes data, or text, to ``path``, whole or not at all.

    The file is opened beside its destination before the work begins, so that an
    unwritable path fails at once, and takes its name only when it is complete.
    """

    def __init__(self, path, option="--json"):
        self.path, self.option = path, option
        self.temporary = None

    def __enter__(self):
        if self.path is None:
            return lambda data: None
        if os.path.isdir(self.path):
            raise UserError(
                f"{self.option} must name a file. Received: the folder {self.path}. "
                f"Use for instance {os.path.join(self.path, 'report.json')}."
            )
        folder = os.path.dirname(os.path.abspath(self.path))
        try:
            handle, self.temporary = tempfile.mkstemp(dir=folder, suffix=".part")
            os.close(handle)
            if os.path.exists(self.path) and not os.access(self.path, os.W_OK):
                raise PermissionError(f"no write permission on {self.path}")
        except OSError as error:
            self._discard()
            raise UserError(
                f"{self.option} must name a file that can be written. Received: {self.path} "
                f"({error.strerror or error}). Choose another folder or its permissions."
            ) from None
        return self._write

    def _write(self, data):
        with open(self.temporary, "w", encoding="utf-8") as file:
            if isinstance(data, str):
                file.write(data)
            else:
                json.dump(data, file, indent=2, allow_nan=False)
                file.write("\n")
        # mkstemp's files are private; this one is an ordinary file.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(self.temporary, 0o666 & ~mask)
        os.replace(self.temporary, self.path)
        self.temporary = None

    def __exit__(self, *exception):
        self._discard()

    def _discard(self):
        if self.temporary is not None and os.path.exists(self.temporary):
            os.unlink(self.temporary)
        self.temporary = None


@commands.command(name="list")
def list_chapters():
    """The chapters, and what each teaches."""
    _console().print(
        tables.chapters_table(
            {name: chapters.meeting_point(name).TEACHES for name in chapters.NAMES}
        )
    )


@commands.command()
@click.argument(
    "name", metavar="CHAPTER", callback=_names(lambda: chapters.NAMES, "chapter")
)
@click.option("--width", type=int, callback=_positive, help="Columns to fill.")
def read(name, width):
    """The two files of a chapter, side by side, aligned by function."""
    from parity_tests.models import reading

    console = Console(width=width) if width else _console()
    console.print(reading.side_by_side(name, console.width))


@commands.command()
@click.argument("path", metavar="MODEL.meta")
@json_option
def seeds(path, json_path):
    """Every random op of an exported TF1 graph: its seeds, and how to write it in TF2."""
    with _json_file(json_path) as write_json:
        if not os.path.isfile(path):
            kind = "a folder" if os.path.isdir(path) else "no such file"
            raise UserError(
                f"MODEL.meta must name a file. Received: {path} ({kind}). "
                "Name what tf.train.Saver.save or export_meta_graph wrote."
            )
        reference_conditions.import_tensorflow()
        from tf1_graph import seeds as random_seeds

        try:
            meta_graph = random_seeds.read(path)
        except ValueError as error:
            raise UserError(str(error)) from None
        found = random_seeds.random_ops(meta_graph)
        write_json(
            {"meta_graph": path, "random_ops": [each.as_data() for each in found]}
        )
    if found:
        _console().print(random_seeds.table(path, meta_graph, found))
    else:
        click.echo(f"{path} holds no random op: there is nothing to seed.")


def _existing(context, parameter, value):
    for path in value:
        if not os.path.lexists(path):
            raise UserError(
                f"PATH must name a file or a folder. Received: {path} (no such file). "
                "Use for instance tf-parity scan . for all of this folder."
            )
    return value


def _fail_on(context, parameter, value):
    statuses = tuple(word for each in value for word in each.split(","))
    try:
        for status in statuses:
            chapters.require_known(status, FAIL_ON, "--fail-on")
    except chapters.UnknownName as error:
        raise UserError(str(error)) from None
    return statuses


paths_argument = click.argument(
    "paths", metavar="PATH...", nargs=-1, callback=_existing
)
output_option = click.option(
    "--output", metavar="FILE", help="Instead of the terminal; whole or not at all."
)


def _scanned(paths):
    from tf2_keras.migrate import scan as scanning

    if not paths:
        raise UserError(
            "PATH must be given. Received: none. Use for instance tf-parity scan ."
        )
    with _progress(DownloadColumn) as progress:
        task = progress.add_task("scanning", total=None)
        return scanning.scan(
            paths,
            on_progress=lambda done, total: progress.update(
                task, completed=done, total=total
            ),
        )


def _print(what, output, write):
    """Data as JSON, text as it is, the rest as tables; to the file or the terminal."""
    if isinstance(what, (dict, str)):
        if output:
            write(what)
        else:
            click.echo(what if isinstance(what, str) else json.dumps(what, indent=2))
    elif output:
        console = Console(width=PIPED_WIDTH, file=io.StringIO())
        console.print(what)
        write(console.file.getvalue())
    else:
        _console().print(what)


@commands.command()
@paths_argument
@click.option(
    "--format",
    "form",
    metavar="FORMAT",
    default="terminal",
    show_default=True,
    callback=_names(lambda: FORMATS, "--format"),
    help="terminal, json, sarif (2.1.0) or html (one page).",
)
@output_option
@click.option(
    "--by",
    metavar="file|symbol",
    default="file",
    show_default=True,
    callback=_names(lambda: ("file", "symbol"), "--by"),
    help="How the terminal report is grouped.",
)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Also what stays the same in TensorFlow 2.",
)
@click.option(
    "--fail-on",
    metavar="STATUS",
    multiple=True,
    callback=_fail_on,
    help="Exit with 1 if there is any use of this status, such as gone, changes or "
    "unknown; may be repeated or separated by commas.",
)
@click.option(
    "--explain",
    metavar="SYMBOL",
    help="What becomes of one symbol, such as tf.layers.dense; reads no files.",
)
def scan(paths, form, output, by, everything, fail_on, explain):
    """What each use of TensorFlow 1.x becomes, line by line; reads .py and .ipynb.

    Nothing is imported or run. The statuses: same, renamed, changes (other numbers),
    restructure (no one line replaces it), gone (even from compat.v1), unknown.
    """
    from tf2_keras.migrate import html_report as page
    from tf2_keras.migrate import sarif, terminal

    with _json_file(output, "--output") as write:
        if explain is not None:
            try:
                _print(terminal.explanation(explain), output, write)
            except terminal.UnknownSymbol as error:
                raise UserError(str(error)) from None
            return
        found = _scanned(paths)
        if form == "json":
            what = found.as_data(everything)
        elif form == "sarif":
            what = sarif.log(found, everything)
        elif form == "html":
            what = page.html(found, everything)
        else:
            what = terminal.report(found, by, everything)
        _print(what, output, write)
    sys.exit(1 if any(each.status in fail_on for each in found.findings) else 0)


@commands.command()
@paths_argument
@click.option(
    "--format",
    "form",
    metavar="FORMAT",
    default="terminal",
    show_default=True,
    callback=_names(lambda: FORMATS[:2], "--format"),
    help="terminal or json.",
)
@output_option
def guide(paths, form, output):
    """In which order to read the chapters for this code base, and what to do first."""
    from tf2_keras.migrate import guide as guidance

    with _json_file(output, "--output") as write:
        data = guidance.reading(_scanned(paths))
        _print(data if form == "json" else guidance.tables(data), output, write)


@commands.command()
@chapter_option
@click.option("--rounds", type=int, default=7, show_default=True, callback=_positive)
@click.option(
    "--seconds",
    type=float,
    default=3.0,
    show_default=True,
    callback=_positive,
    help="Of the Session in each round.",
)
@click.option(
    "--comparison",
    is_flag=True,
    help="Only what one compared step of linear_regression costs.",
)
@click.option(
    "--parts",
    is_flag=True,
    help="Only one step of each optimizer: TF1's, the part's, Keras's namesake's.",
)
@click.option(
    "--part",
    "part_names",
    multiple=True,
    metavar="NAME",
    help="Only this part, such as optimizers.Adam; may be given several times.",
)
@click.option(
    "--rows",
    type=int,
    default=1_000_000,
    show_default=True,
    callback=_positive,
    help="Of the embedding whose sparse update --parts times; 64 columns.",
)
@batch_size_option
@seed_option
@data_option
@json_option
def bench(
    names,
    rounds,
    seconds,
    comparison,
    parts,
    part_names,
    rows,
    batch_size,
    seed,
    data,
    json_path,
):
    """Steps per second of the Session and of each level, interleaved; as ratios."""
    with _json_file(json_path) as write_json:
        if parts or part_names:
            if names or comparison:
                raise UserError(
                    "--parts must go alone: it times optimizers, not chapters. Received: "
                    f"{'--comparison' if comparison else '--chapter'} as well. "
                    "Use --part NAME to time some of them."
                )
            _bench_parts(part_names, rounds, rows, write_json)
            return
        names = tuple(dict.fromkeys(names)) or chapters.NAMES
        reference_conditions.import_tensorflow()
        from parity_tests.models import timing

        loaded = {name: _load(name, data, seed) for name in names}

        if comparison:
            cost = timing.comparison_cost(rounds=rounds)
            write_json(cost)
            _console().print(
                "One step of linear_regression, both sides and the comparison: "
                f"{cost['reused']:.2f} ms; with graph, Session and function rebuilt for "
                f"it: {cost['rebuilt']:.0f} ms."
            )
            return
        measured = {}
        with _progress() as progress:
            for name in names:
                fields = chapters.meeting_point(name).configure(data, seed)
                if batch_size and hasattr(chapters.graph(name).Config(), "batch_size"):
                    fields["batch_size"] = batch_size
                task = progress.add_task(name, total=rounds * len(timing.SIDES))
                measured[name] = timing.measure(
                    name,
                    fields,
                    loaded[name][0],
                    seconds,
                    rounds,
                    lambda task=task: progress.advance(task),
                )
        conditions = reference_conditions.describe()
        write_json({"environment": conditions, "chapters": measured})
    console = _console()
    console.print(tables.speed_table(measured))
    console.print(
        ", ".join(f"{k} {v}" for k, v in conditions.items()),
        style="dim",
        highlight=False,
    )


@commands.command()
@chapter_option
@click.option(
    "--stored",
    is_flag=True,
    help="Compare with the goldens that come along; needs no TensorFlow 1.15.",
)
@click.option(
    "--keep", metavar="DIR", help="Keep what was recorded, exports included, in DIR."
)
@json_option
def witness(names, stored, keep, json_path):
    """Compare genuine TensorFlow 1.15.5 with compat.v1 and with the twins.

    Finds an environment with Python 3.7 and TensorFlow 1.15.5, or builds one, records
    there and compares here. TF_PARITY_TF1_PYTHON names an interpreter of your own.
    """
    with (
        _json_file(json_path) as write_json,
        tempfile.TemporaryDirectory() as temporary,
    ):
        if stored and keep:
            raise UserError(
                "--keep must go with recording. Received: --stored as well. "
                "Leave out one of the two."
            )
        reference_conditions.import_tensorflow()
        from parity_tests.witness import environment, golden, recordables, replay

        wanted = tuple(dict.fromkeys(names)) or recordables.NAMES
        say = Console(stderr=True, highlight=False).print
        folder = replay.GOLDENS if stored else (keep or temporary)
        if not stored:
            try:
                python = environment.find() or environment.build(say)
                options = ("--export", "--replace") if keep else ()
                environment.record(python, wanted, folder, *options, on_line=say)
            except environment.NoWitness as error:
                raise UserError(str(error)) from None
        onednn = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1") != "0"
        report = {"compared": {}, "environment": reference_conditions.describe()}
        breaks = []
        with _progress() as progress:
            task = progress.add_task("comparing", total=len(wanted))
            for name in wanted:
                try:
                    stored_facts = golden.Golden(os.path.join(folder, name)).facts
                except golden.GoldenError as error:
                    raise UserError(str(error)) from None
                report["witness"] = {
                    key: stored_facts[key]
                    for key in (
                        "tensorflow",
                        "python",
                        "numpy",
                        "cpu",
                        "intra_op_threads",
                    )
                }
                for subject, side, comparison in replay.legs(name, folder, onednn):
                    cells = report["compared"].setdefault(subject, {})
                    cells[side] = {
                        stage: cell.as_data()
                        for stage, cell in comparison.cells.items()
                    }
                    if not comparison.ok:
                        breaks.append((subject, side, comparison.first_divergence))
                progress.advance(task)
        write_json(report)
    console = _console()
    console.print(tables.witness_table(report))
    conditions = ", ".join(f"{k} {v}" for k, v in report["environment"].items())
    console.print(conditions, style="dim", highlight=False)
    for subject, side, divergence in breaks:
        console.print(
            f"\n{subject}, {side}\n{divergence.describe()}",
            markup=False,
            highlight=False,
        )
    sys.exit(1 if breaks else 0)


def _bench_parts(part_names, rounds, rows, write_json):
    reference_conditions.import_tensorflow()
    from parity_tests.parts import optimizers, timing

    known = {part.name: part for part in optimizers.PARTS}
    for name in part_names:
        try:
            chapters.require_known(name, tuple(known), "part")
        except chapters.UnknownName as error:
            raise UserError(str(error)) from None
    measured = {}
    with _progress() as progress:
        for name in dict.fromkeys(part_names) or known:
            task = progress.add_task(name, total=None)
            measured[name] = {
                kind: timing.measure(
                    known[name],
                    kind == "sparse",
                    rounds,
                    rows=rows,
                    on_round=lambda task=task: progress.advance(task),
                )
                for kind in ("dense", "sparse")
            }
            progress.update(task, total=1, completed=1)
    write_json({"environment": reference_conditions.describe(), "parts": measured})
    _console().print(tables.parts_speed_table(measured))


def main():
    """The entry point: turns every mistake into one line and an exit code."""
    try:
        sys.exit(commands.main(standalone_mode=False))
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(2)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "tf-parity"
        click.echo(f"tf-parity: {error.format_message()} See {path} --help.", err=True)
        sys.exit(2)
    except UserError as error:
        click.echo(f"tf-parity: {error.format_message()}", err=True)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("tf-parity: interrupted.", err=True)
        sys.exit(130)
    except BrokenPipeError:  # such as `tf-parity read resnet | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
