"""tf-parity check: both sides of a user's own pair compared."""

import json
import shlex

import click
from rich.text import Text

from parity_tests.commands import (
    console,
    options,
    outputs,
    pair_files,
    replaceable,
    report_pages,
    run,
    tables,
    time_limits,
)
from parity_tests.commands.mistakes import UserError
from parity_tests.pair import loading

MOST_NAMES = 12  # lines about variables that were not matched by their names


@click.command(
    "check",
    cls=options.Command,
    examples=[
        "check pair.py",
        "check pair.py --level fit --steps 100 --json report.json",
    ],
)
@pair_files.arguments
@options.levels
@click.option(
    "--init-from-tf1",
    is_flag=True,
    help="Start the twin from TF1's initial values; initialisation is then unproven.",
)
@click.option(
    "--play",
    metavar="FILE",
    type=click.Path(),
    help="Compare with this play, which record wrote, instead of running TF1's side.",
)
@pair_files.timeout("check")
@options.file_option(
    "--save-names", "names_path", "Write which variable is which to FILE, as a map"
)
@options.json_file
@report_pages.option
@report_pages.logdir_option
@options.file_option(
    "--worst-case",
    "script_path",
    "Write the smallest play that parts to FILE, a script",
)
@options.number(
    "--search-seconds",
    float,
    1,
    1_000_000,
    30,
    "For which --worst-case looks.",
    default=30,
    show_default=True,
)
def command(
    file,
    steps,
    examples,
    seed,
    levels,
    init_from_tf1,
    play,
    timeout,
    names_path,
    json_path,
    report_folder,
    logdir,
    script_path,
    search_seconds,
):
    """Compare a TF1 program of yours with its rewrite."""
    path = pair_files.require_file(file)
    inputs = [path, *([play] if play else [])]
    with (
        outputs.Output(json_path, "--json", inputs) as output,
        outputs.Output(
            names_path, "--save-names", inputs, replaceable.is_map, "names.json"
        ) as names_output,
        outputs.Output(
            script_path, "--worst-case", inputs, example="worst.py"
        ) as script_output,
        report_pages.opened(report_folder, inputs) as page,
        report_pages.logging(logdir),
        time_limits.limited(timeout, "check"),
    ):
        console.import_tensorflow()
        from parity_tests.pair import checking, event_files, traces

        trace = traces.Trace() if report_folder is not None else None
        search = None
        if script_path is not None:
            from parity_tests.pair import worst_cases

            search = worst_cases.Search(search_seconds, seed, steps)
        with (
            pair_files.explained(),
            console.progress() as progress,
            event_files.opened(logdir) as files,
        ):
            task = progress.add_task("check", total=None)
            checked = loading.loaded(file).check(
                levels_asked=levels and options.once(levels),
                steps=steps,
                examples=examples,
                seed=seed,
                init_from_tf1=init_from_tf1,
                play=play,
                on_start=lambda units: progress.update(task, total=units),
                on_progress=lambda: progress.advance(task),
                trace=trace,
                files=files,
                search=search,
            )
        report = {
            "environment": checking.environment(),
            "pairs": {file: checked.data},
        }
        words = ["tf-parity", "check", file]
        for option, value in {
            "--steps": steps,
            "--examples": examples,
            "--seed": seed,
            "--play": play,
        }.items():
            words += [] if value is None else [option, str(value)]
        words += ["--init-from-tf1"] if init_from_tf1 else []
        again = {
            level: shlex.join([*words, "--level", level])
            for level in checked.divergences
        }
        output.show(
            run.table(report["pairs"], "TF1's side against its rewrite"),
            *matched(checked.data),
            *[Text(f"note: {note}", "yellow") for note in checked.data["notes"]],
            tables.conditions(report["environment"]),
            *recorded(checked.data["recorded"]),
            *[
                tables.divergence(
                    f"{file}, level {level}",
                    "\n".join([divergence.describe(again[level]), *checked.why(level)]),
                )
                for level, (_, divergence) in checked.divergences.items()
            ],
            Text("\n" + verdict(checked, report["pairs"]), "bold"),
            *([tables.whole(Text(search.describe(script_path)))] if search else []),
        )
        # Each where it was asked for, also if both sides hold NaN: they say so.
        output.write(report)
        names_output.write(json.dumps(checked.data["names"], indent=2))
        if trace is not None:
            from parity_tests.pair import html_report

            subject = html_report.of_pair(file, checked, trace, again)
            if not again:
                subject.reproduce[None] = shlex.join(words)
            page.write(html_report.page([subject], report["environment"]))
        parts = search is not None and search.divergence is not None
        if parts:
            script_output.write(
                worst_cases.script(search, *loading.split(file), init_from_tf1)
            )
        if checked.nans is not None:
            raise UserError(checked.nans)
    return int(bool(checked.divergences) or parts)


def verdict(checked, pairs):
    """The last line of a table; of what is no number on both sides nothing is proven."""
    if checked.nans is not None:
        return "NaN on both sides: nothing is proven."
    return run.verdict(pairs, "pair")


def matched(data):
    """What was matched otherwise than by a name, or lies otherwise, as lines of text."""
    lines = []
    for name, match in data["matched"].items():
        if match["how"] in ("map", "name") and match["layout"] == "same":
            continue
        entry = data["names"][name]
        source = entry if isinstance(entry, str) else " + ".join(entry["of"])
        layout = "" if match["layout"] == "same" else f", {match['layout']}"
        lines.append(f"  {name} = {source}   by {match['how']}{layout}")
    if not lines:
        return []
    more = len(lines) - MOST_NAMES
    lines[MOST_NAMES:] = [f"  and {more} more: --save-names FILE"] if more > 0 else []
    return [tables.whole(Text("\n".join(["", "Matched:", *lines])))]


def recorded(facts):
    """Where TF1's side ran, if that was another process."""
    if not facts:
        return []
    told = ("tensorflow", "numpy", "python", "cpu", "intra_op_threads", "onednn")
    where = {key: facts[key] for key in told if key in facts}
    return [Text("TF1's side:", "dim"), tables.conditions(where)]
