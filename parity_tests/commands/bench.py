"""tf-parity bench: how fast the Session, the levels, the parts and the comparison are."""

import click
from rich.text import Text

from parity_tests.commands import console, declared, options, outputs, settings, tables
from parity_tests.commands.mistakes import told

rounds = options.number(
    "--rounds",
    int,
    1,
    1000,
    7,
    "Of every side in turn; the median counts.",
    default=7,
    show_default=True,
)

# Of what the share of a comparison is told: a step of tens of milliseconds, and one that
# takes none, where all that is done in Python counts. (chapter, steps, levels)
SHARES = (
    ("mnist_cnn", 10, ("function",)),
    ("linear_regression", 200, ("function",)),
    ("linear_regression", 200, ("function", "fit")),
)


@click.group(
    "bench",
    cls=options.Group,
    default="chapters",
    examples=["bench --chapter mnist_cnn", "bench parts optimizers.Adam"],
)
def command():
    """How fast the Session, each level and the parts are.

    What is said of chapters is meant where no other command below is named.
    """


@command.command(
    "chapters",
    cls=options.Command,
    examples=["bench --chapter mnist_cnn", "bench --seconds 1.5 --rounds 5"],
)
@options.chapter
@options.group
@rounds
@options.number(
    "--seconds",
    float,
    0.01,
    3600,
    1.5,
    "Of the Session in each round.",
    default=3.0,
    show_default=True,
)
@options.batch_size
@options.seed
@options.data
@options.json_file
@options.replaced("--parts", "tf-parity bench parts")
@options.replaced("--part", "tf-parity bench parts PART")
@options.replaced("--comparison", "tf-parity bench comparison")
def of_chapters(names, groups, rounds, seconds, batch_size, seed, data, json_path):
    """Steps per second of each side, as ratios (the default)."""
    settings.able_to_use(names, data, seed, batch_size, timed=True)
    with outputs.Output(
        json_path, "--json", lambda: settings.data_files(data)
    ) as output:
        console.import_tensorflow()
        from parity_tests.models import timing
        from parity_tests.witness import reference_conditions

        configured = settings.configured(
            names, data, seed, batch_size, groups, timed=True
        )
        measured = {}
        with console.progress() as progress:
            for name, (fields, train, _) in configured.items():
                task = progress.add_task(name, total=rounds * len(timing.SIDES))
                measured[name] = timing.measure(
                    name,
                    fields,
                    train,
                    seconds,
                    rounds,
                    lambda task=task: progress.advance(task),
                )
        environment = reference_conditions.describe()
        output.show(chapters_table(measured), tables.conditions(environment))
        output.write({"environment": environment, "chapters": measured})


@command.command(
    "parts",
    cls=options.Command,
    examples=["bench parts", "bench parts optimizers.Adam --rows 100000"],
)
@click.argument(
    "names",
    metavar="[PART]...",
    nargs=-1,
    type=options.Known("parts", declared.optimizers),
)
@rounds
@options.number(
    "--rows",
    int,
    1,
    4_000_000,
    100_000,
    "Of the embedding whose sparse update is timed; 64 columns.",
    default=1_000_000,
    show_default=True,
)
@options.json_file
def of_parts(names, rounds, rows, json_path):
    """One step of each optimizer: TF1's, ours, Keras's."""
    with outputs.Output(json_path, "--json") as output:
        console.import_tensorflow()
        from parity_tests.parts import optimizers, timing
        from parity_tests.witness import reference_conditions

        parts = {part.name: part for part in optimizers.PARTS}
        measured = {}
        with console.progress() as progress:
            for name in options.once(names) or parts:
                task = progress.add_task(name, total=None)
                measured[name] = {
                    kind: timing.measure(
                        parts[name],
                        kind == "sparse",
                        rounds,
                        rows=rows,
                        on_round=lambda task=task: progress.advance(task),
                    )
                    for kind in ("dense", "sparse")
                }
                progress.update(task, total=1, completed=1)
        environment = reference_conditions.describe()
        output.show(parts_table(measured), tables.conditions(environment))
        output.write({"environment": environment, "parts": measured})


@command.command(
    "comparison",
    cls=options.Command,
    examples=["bench comparison", "bench comparison --rounds 3 --json cost.json"],
)
@rounds
@options.json_file
def of_comparison(rounds, json_path):
    """What one compared step costs, and what it adds to training.

    Training is what both programs do without tf-parity: the same batches, nothing
    fetched, one call of session.run and one of the function, or of fit's, a step. What
    is added is all that recording and comparing both sides takes besides.
    """
    with outputs.Output(json_path, "--json") as output:
        console.import_tensorflow()
        from parity_tests.models import timing

        cost = timing.comparison_cost(rounds=rounds)
        shares = [
            {
                "chapter": name,
                "levels": levels,
                **timing.comparison_share(name, steps, rounds, levels),
            }
            for name, steps, levels in SHARES
        ]
        output.show(
            Text(
                "One step of linear_regression, both sides and the comparison: "
                f"{cost['reused']:.2f} ms; with graph, Session and function rebuilt for "
                f"it: {cost['rebuilt']:.0f} ms.\n" + "".join(map(_share, shares))
            )
        )
        output.write({**cost, "shares": shares})


def _share(share):
    """A line of what ``timing.comparison_share`` returns."""
    return (
        f"One step of {share['chapter']} at {' and '.join(share['levels'])}, both sides "
        f"trained alone: {share['training']:.2f} ms; "
        f"compared: {share['comparison']:.2f} ms, which adds {share['added']:.2f} times "
        f"the training, and {share['added_cpu']:.2f} times its time of the processor.\n"
    )


@command.command(
    "convert",
    cls=options.Command,
    examples=["bench convert", "bench convert --gigabytes 0 --rounds 3"],
)
@rounds
@options.number(
    "--gigabytes",
    float,
    0,
    64,
    4,
    "Of a sharded checkpoint that is written and converted; 0 for none.",
    default=4.0,
    show_default=True,
)
@options.json_file
def of_conversions(rounds, gigabytes, json_path):
    """What the hand-over of a large checkpoint takes."""
    with outputs.Output(json_path, "--json") as output:
        console.import_tensorflow()
        from parity_tests.commands import bench_conversion
        from parity_tests.witness import reference_conditions

        with told(OSError), console.progress() as progress:
            progress.add_task("checkpoints", total=None)
            measured = bench_conversion.measure(rounds, gigabytes)
        environment = reference_conditions.describe()
        output.show(conversions_table(measured), tables.conditions(environment))
        output.write({"environment": environment, "checkpoints": measured})


def conversions_table(measured):
    """Time and memory; ``measured`` is what ``bench_conversion.measure`` returns."""
    return tables.grid(
        "Checkpoints read and written again, tensor by tensor",
        ("MB", "seconds", "times bytes", "memory, MB", "times largest"),
        [
            (
                name,
                [
                    (
                        side,
                        [
                            f"{its['bytes'] / 1e6:,.0f}",
                            f"{its['seconds']:.2f}",
                            f"{its['ratio']:.2f}",
                            f"{its['memory'] / 1e6:.0f}",
                            f"{its['memory_ratio']:.2f}",
                        ],
                    )
                    for side, its in sides.items()
                ],
            )
            for name, sides in measured.items()
        ],
        "times bytes: by the time that reading and writing its files takes.  memory: of "
        "a process, over what it took before.  times largest: by the largest tensor.",
    )


def chapters_table(measured):
    """Steps per second, ratios and start-up; ``measured`` is {chapter: {side: ...}}."""
    return tables.grid(
        "Speed of each side, rounds interleaved in one run",
        ("steps/s", "ratio", "start, s"),
        [
            (
                name,
                [
                    (
                        side,
                        [
                            tables.speed(speed["steps_per_second"]),
                            f"{speed['ratio']:.2f}",
                            f"{speed['start_seconds']:.2f}",
                        ],
                    )
                    for side, speed in sides.items()
                ],
            )
            for name, sides in measured.items()
        ],
        "ratio: median over the rounds of the side's speed by the Session's.  start: "
        "building, tracing and the first step.",
    )


def parts_table(measured):
    """One step of each optimizer; ``measured`` is {part: {"dense" or "sparse": sides}}."""
    return tables.grid(
        "One step of each optimizer, rounds interleaved in one run",
        ("TF1, ms", "part, ms", "Keras, ms", "times TF1", "times Keras"),
        [
            (name, [(kind, _cells(**sides)) for kind, sides in kinds.items()])
            for name, kinds in measured.items()
        ],
        "times: how many times as fast as TF1's Session, as Keras's namesake; medians "
        "over the rounds.  –: Keras has no such optimizer.",
    )


def _cells(tf1, part, keras=None):
    return [
        f"{tf1['milliseconds']:.3g}",
        f"{part['milliseconds']:.3g}",
        f"{keras['milliseconds']:.3g}" if keras else "–",
        f"{part['ratio']:.2f}",
        f"{part['ratio'] / keras['ratio']:.2f}" if keras else "–",
    ]
