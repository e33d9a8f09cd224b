"""tf-parity run: both sides of the chapters trained from the same seeds and compared."""

import shlex
from concurrent.futures.process import BrokenProcessPool

import click
from rich.text import Text

from parity_tests.commands import (
    console,
    declared,
    options,
    outputs,
    report_pages,
    settings,
    tables,
)
from parity_tests.commands.mistakes import UserError, told
from parity_tests.engine import cell_tables
from parity_tests.models import chapters
from tf2_keras.migrate import processes


class Fault(options.Known):
    """A fault of the chapter that the same command line names."""

    def __init__(self):
        super().__init__("faults", ())

    def lists(self):
        return [("Faults", ["those of a chapter: tf-parity list CHAPTER"])]

    def convert(self, value, _parameter, _context):
        return value  # --chapter may follow it

    def shell_complete(self, context, parameter, incomplete):
        named = context.params.get("names") or chapters.NAMES
        faults = {fault: None for name in named for fault in declared.faults(name)}
        return options.Known("faults", faults).shell_complete(
            context, parameter, incomplete
        )


@click.command(
    "run",
    cls=options.Command,
    examples=[
        "run --chapter linear_regression --level function",
        "run --chapter mnist_cnn --steps 3 --fault keras_adam",
    ],
)
@options.chapter
@options.group
@options.steps("the chapter")
@options.batch_size
@options.workers
@options.seed
@options.data
@options.levels
@click.option(
    "--fault",
    metavar="FAULT",
    type=Fault(),
    help="Plant a mistake in the twin, to see it caught; needs one --chapter.",
)
@options.number(
    "--jobs",
    int,
    1,
    64,
    1,
    "Chapters run at a time, in processes of their own.  [default: one a core]",
)
@options.json_file
@report_pages.option
@report_pages.logdir_option
def command(
    names,
    groups,
    steps,
    batch_size,
    workers,
    seed,
    data,
    levels,
    fault,
    jobs,
    json_path,
    report_folder,
    logdir,
):
    """Train both sides of the chapters alike and compare it all."""
    _require_levels(levels, names)
    if fault:
        _require_fault(fault, options.chosen(names, groups))
    settings.able_to_use(
        names,
        data,
        seed,
        batch_size,
        levels,
        steps=steps,
        workers=workers,
    )
    with (
        outputs.Output(
            json_path, "--json", lambda: settings.data_files(data)
        ) as output,
        report_pages.opened(report_folder) as page,
        report_pages.logging(logdir),
    ):
        console.import_tensorflow()
        from parity_tests.models import parallel, reading, runner
        from parity_tests.witness import reference_conditions

        requests = [
            runner.Request(
                name,
                fields,
                train,
                runner.scored(name, test),
                steps or chapters.setup(name).STEPS,
                tuple(
                    level
                    for level in chapters.levels(name) or options.LEVELS
                    if not levels or level in levels
                ),
                fault,
            )
            for name, (fields, train, test) in settings.configured(
                names,
                data,
                seed,
                batch_size,
                groups,
                levels,
                steps=steps,
                workers=workers,
            ).items()
        ]
        report = {"environment": reference_conditions.describe(), "chapters": {}}
        left_out = _left_out(requests, names, groups, levels)
        report.update({"left_out": left_out} if left_out else {})
        divergences, subjects = [], []
        given = {
            "--seed": seed,
            "--batch-size": batch_size,
            "--workers": workers,
            "--data": data,
            "--fault": fault,
        }
        with console.progress() as progress:
            tasks = {
                request.name: progress.add_task(
                    request.name, total=runner.units(request)
                )
                for request in requests
            }
            outcomes = parallel.outcomes(
                requests,
                jobs or processes.cores(),
                report_folder is not None,
                logdir,
                lambda name: progress.advance(tasks[name]),
            )
            for request, outcome in zip(requests, _told(outcomes), strict=True):
                report["chapters"][request.name] = {
                    **outcome.data,
                    # With a fault it is another program than the files have.
                    "sources": {} if fault else reading.digests(request.name),
                    # Of other data it recorded nothing.
                    "witness": None if data else _witness(request.name, outcome),
                }
                # A program has other records than steps.
                is_model = request.name in chapters.MODELS
                again = {
                    level: _again(
                        request, given, level, divergence.step if is_model else None
                    )
                    for level, divergence in outcome.divergences.items()
                }
                divergences += [
                    tables.divergence(
                        f"{request.name}, level {level}",
                        divergence.describe(again[level]),
                    )
                    for level, divergence in outcome.divergences.items()
                ]
                again = again or {None: _again(request, given)}
                subjects.append((request.name, outcome, again))
        output.show(
            table(report["chapters"]),
            tables.conditions(report["environment"]),
            *divergences,
            *[
                Text(f"\nNot run, for want of {want}: {', '.join(left)}.")
                for want, left in left_out.items()
            ],
            Text("\n" + verdict(report["chapters"]), "bold"),
        )
        output.write(report)
        if report_folder is not None:
            page.write(_page(subjects, report["environment"]))
    return int(bool(divergences))


def _left_out(requests, names, groups, levels):
    """{what is asked for: [chapter of those that are meant that has not got it]}."""
    run = {request.name: request.levels for request in requests}
    left_out = {}
    for name in options.chosen(names, groups) or chapters.NAMES:
        known = run.get(name, chapters.levels(name) or options.LEVELS)
        missing = [level for level in options.once(levels) if level not in known]
        for level in missing:
            left_out.setdefault(f"level {level}", []).append(name)
        if name not in run and len(missing) < max(1, len(levels)):
            left_out.setdefault("a use of the other options", []).append(name)
    return left_out


def _told(outcomes):
    """The outcomes; what their processes lack, memory, a folder or a task, is a line."""
    from parity_tests.models import programs, recorded, tasks
    from parity_tests.witness import golden

    mistakes = programs.FolderError, tasks.TaskError, recorded.NotRecorded
    try:
        with told(*mistakes, golden.GoldenError):
            yield from outcomes
    except BrokenProcessPool:
        raise UserError(
            "The processes of --jobs must have room to run in. Received: the system "
            "ended one of them, as it does when memory is short. Use --jobs 1."
        ) from None


def _witness(name, outcome):
    from parity_tests.witness import golden, replay

    with told(golden.GoldenError):
        return replay.losses(name, outcome.data["config"])


def _page(subjects, environment):
    from parity_tests.pair import html_report

    return html_report.page(
        [
            html_report.Subject(
                name, outcome.data, outcome.trace, outcome.divergences, {}, again
            )
            for name, outcome, again in subjects
        ],
        environment,
    )


def _require_levels(levels, names):
    """That each chapter that is named has all levels that are."""
    for name in names:
        known = chapters.levels(name) or options.LEVELS
        missing = [level for level in options.once(levels) if level not in known]
        if missing:
            raise UserError(
                f"--level must be one at which {name} is run. "
                f"Received: {', '.join(missing)}. Use --level "
                f"{' or --level '.join(known)}, or another chapter."
            )


def _require_fault(fault, names):
    """That a fault is one of the chapter that is named, and of what else it might be."""
    owners = [name for name in chapters.NAMES if fault in declared.faults(name)]
    if len(names) != 1:
        able = [name for name in names or owners if name in owners]
        given = f": {', '.join(names)}" if names else ""
        remedy = f"{fault} is no chapter's; tf-parity list CHAPTER lists those of one"
        if owners:
            only = "only " if able and names else ""
            remedy = f"Give {only}--chapter {' or --chapter '.join(able or owners)}"
        raise UserError(
            "--fault needs exactly one chapter to plant it in. "
            f"Received: {len(names) or 'all'} of them{given}. {remedy}."
        )
    own = declared.faults(names[0])
    if fault not in own and owners:
        raise UserError(
            f"--fault must be one of {names[0]}'s. "
            f"Received: {fault}, which is of {', '.join(owners)}. "
            f"Use --chapter {owners[0]}, or one of: {', '.join(own)}."
        )
    with told(chapters.UnknownName):
        chapters.require_known(fault, own, "--fault")


def _again(request, given, level=None, step=None):
    """The command line that shows it again, of one level up to where it parts."""
    words = ["tf-parity", "run", "--chapter", request.name]
    words += ["--level", level] if level else []
    words += ["--steps", str(max(1, step) if step is not None else request.steps)]
    for option, value in given.items():
        if value is not None:
            words += [option, str(value)]
    return shlex.join(words)


def table(chapters_run, of="TF1 graph against twin"):
    """chapter x level x stage; ``chapters_run`` is the report's "chapters", or "pairs"."""
    sections = []
    for name, chapter in chapters_run.items():
        count = "1 step" if chapter["steps"] == 1 else f"{chapter['steps']:,} steps"
        if chapter.get("examples", 1) > 1:
            count = f"{chapter['examples']:,} plays of {count}"
        heading = f"{name}, {count}, {reached(chapter['result'])}"
        if "reference" in chapter:
            heading += f", against {chapter['reference']}"
        sections.append((heading, list(chapter["levels"].items())))
    return tables.differences(
        f"Worst difference over the whole trajectory, {of}", sections
    )


def reached(result):
    """What the Session reached, and each level where it is something else."""
    of_sides = {
        side: "–" if value is None else f"{value:.4g}"
        for side, value in result.items()
        if side != "metric"
    }
    of_session = of_sides.pop("session")
    others = [
        f"{side} {value}" for side, value in of_sides.items() if value != of_session
    ]
    return ", ".join([f"{result['metric']} {of_session}", *others])


def verdict(chapters_run, subject_noun="chapter"):
    """One line: how many comparisons, and how they ended."""
    comparisons = [
        (
            cell_tables.exactly_equal(cells),
            all(cell["ok"] is not False for cell in cells.values()),
        )
        for chapter in chapters_run.values()
        for cells in chapter["levels"].values()
    ]
    levels = {level for chapter in chapters_run.values() for level in chapter["levels"]}
    exact = sum(exactly for exactly, _ in comparisons)
    diverging = sum(not within for _, within in comparisons)
    subject = ", ".join(
        f"{count} {noun}" + ("" if count == 1 else "s")
        for count, noun in ((len(chapters_run), subject_noun), (len(levels), "level"))
    )
    total = len(comparisons)
    if diverging:
        verb = "diverges" if diverging == 1 else "diverge"
        return f"{subject}: {diverging} of {total} {verb}; {exact} of {total} exactly equal."
    return f"{subject}: all equal within budgets; {exact} of {total} exactly."
