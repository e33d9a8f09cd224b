"""The tables that the command line prints."""

from rich.table import Table
from rich.text import Text

from parity_tests.engine.records import STAGES


def parity_table(report):
    """chapter x level x stage, then what each side reached and how fast."""
    table = Table(
        title="Worst difference over the whole trajectory, TF1 graph against twin",
        caption="0: equal to the bit.  a ULP, b of c: the worst element; the worst"
        " norm-wise error of its budget.  –: the chapter has none.",
    )
    table.add_column("chapter", overflow="fold")
    table.add_column("level")
    for stage in STAGES:
        table.add_column(stage, justify="right", overflow="fold")
    table.add_column("reached", justify="right")
    table.add_column("steps/s", justify="right")
    for name, chapter in report["chapters"].items():
        speeds, result = chapter["steps_per_second"], chapter["result"]
        table.add_row(
            f"{name}\n{chapter['steps']} steps",
            "session",
            *["" for _ in STAGES],
            _reached(result["metric"], result["session"]),
            f"{speeds['session']:.4g}",
        )
        for level, cells in chapter["levels"].items():
            table.add_row(
                "",
                level,
                *[_cell(cells[stage]) for stage in STAGES],
                _reached("", result[level]),
                f"{speeds[level]:.4g}",
            )
        table.add_section()
    return table


def _reached(metric, value):
    return f"{metric} {value:.4g}".strip()


def _cell(cell):
    if cell["ok"] is None:
        return Text("–", style="dim")
    style = "green" if cell["ok"] else "bold red"
    if cell["max_ulp"] == 0:
        return Text("0", style=style)
    ulps = "not comparable" if cell["max_ulp"] is None else f"{cell['max_ulp']:.4g} ULP"
    granted = cell["budget"]["normwise"]
    if cell["normwise"] is None or granted is None:
        return Text(ulps, style=style)
    return Text(f"{ulps}\n{cell['normwise']:.2g} of {granted:g}", style=style)


def chapters_table(chapters):
    """What each chapter teaches; ``chapters`` is {name: one line}."""
    table = Table(title="Chapters, in reading order")
    table.add_column("chapter", no_wrap=True)
    table.add_column("teaches")
    for name, teaches in chapters.items():
        table.add_row(name, teaches)
    return table


def speed_table(measured):
    """Steps per second, ratios and start-up; ``measured`` is {chapter: {side: ...}}."""
    table = Table(
        title="Speed of each side, rounds interleaved in one run",
        caption="ratio: median over the rounds of the side's speed by the Session's."
        "  start: building, tracing and the first step.",
    )
    table.add_column("chapter")
    table.add_column("side")
    for heading in ("steps/s", "ratio", "start, s"):
        table.add_column(heading, justify="right")
    for name, sides in measured.items():
        for side, speed in sides.items():
            table.add_row(
                name if side == "session" else "",
                side,
                f"{speed['steps_per_second']:.4g}",
                f"{speed['ratio']:.2f}",
                f"{speed['start_seconds']:.2f}",
            )
        table.add_section()
    return table


def parts_speed_table(measured):
    """One step of each optimizer; ``measured`` is {part: {"dense" or "sparse": sides}}."""
    table = Table(
        title="One step of each optimizer, rounds interleaved in one run",
        caption="times: how many times as fast as TF1's Session, as Keras's namesake;"
        " medians over the rounds.  –: Keras has no such optimizer.",
    )
    table.add_column("part")
    table.add_column("gradient")
    for heading in ("TF1, ms", "part, ms", "Keras, ms", "times TF1", "times Keras"):
        table.add_column(heading, justify="right")
    for name, kinds in measured.items():
        for kind, sides in kinds.items():
            own, of_keras = sides["part"], sides.get("keras")
            table.add_row(
                name,
                kind,
                f"{sides['tf1']['milliseconds']:.3g}",
                f"{own['milliseconds']:.3g}",
                f"{of_keras['milliseconds']:.3g}" if of_keras else "–",
                f"{own['ratio']:.2f}",
                f"{own['ratio'] / of_keras['ratio']:.2f}" if of_keras else "–",
            )
            name = ""
    return table


def witness_table(report):
    """What 1.15.5 and the two others differ by; ``report`` is what `witness` writes."""
    table = Table(
        title=f"TensorFlow {report['witness']['tensorflow']} against compat.v1 and twin",
        caption="0: equal to the bit.  a ULP, b of c: the worst element; the worst"
        " norm-wise error of its budget.  –: it has none.",
    )
    table.add_column("chapter or part", overflow="fold")
    table.add_column("side")
    for stage in STAGES:
        table.add_column(stage, justify="right", overflow="fold")
    for name, sides in report["compared"].items():
        alike = {}  # sides with the same numbers share a row
        for side, cells in sides.items():
            alike.setdefault(str(cells), []).append(side)
        for together in alike.values():
            cells = sides[together[0]]
            table.add_row(
                name, "\n".join(together), *[_cell(cells[stage]) for stage in STAGES]
            )
            name = ""
        table.add_section()
    return table
