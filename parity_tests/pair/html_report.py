"""A comparison as one self-contained HTML page: no network, no script, light and dark.

text = html_report.page([Subject(...)], environment)
"""

import pathlib
from typing import NamedTuple

from parity_tests.engine import cell_tables
from parity_tests.engine.records import in_order
from parity_tests.engine.ulps import INCOMPARABLE
from parity_tests.pair import plots
from parity_tests.pair.traces import SESSION
from tf2_keras.migrate import html_pages

TEMPLATE = pathlib.Path(__file__).with_name("html_report.html")
GENERATOR = "tf-parity"  # how a page of ours is told from a file of the user's
MOST_LANES = 4  # of edges beside the network
# {heading of a heat map: stages whose tensors are its rows}.
HEAT_MAPS = {
    "Variables": ("initial values", "updates"),
    "Gradients": ("gradients",),
    "Slots of the optimizer": ("initial values", "slots"),
}


class Subject(NamedTuple):
    """What one part of a page is about: a pair, or a chapter.

    name: as the table's heading has it. data: of the JSON report.
    trace: ``traces.Trace``. divergences: {level: engine Divergence}.
    why: {level: [text]}, where in the network it parts and why.
    reproduce: {level: command line}; of the level None, where nothing parts.
    nans: what both sides hold that is no number, as a sentence, or None.
    """

    name: str
    data: dict
    trace: object
    divergences: dict
    why: dict
    reproduce: dict
    nans: str | None = None

    @property
    def is_equal(self):
        return not self.divergences and self.nans is None


def page(subjects, environment):
    """The text of the page.

    Args:
        subjects: [Subject].
        environment: {condition: value} of what was run.
    """
    return html_pages.rendered(
        TEMPLATE,
        generator=GENERATOR,
        subjects=[_shown(number, subject) for number, subject in enumerate(subjects)],
        environment=environment,
        legend=cell_tables.LEGEND,
        shades=plots.shades(),
        equal=sum(subject.is_equal for subject in subjects),
    )


def of_pair(name, checked, trace, reproduce):
    """The ``Subject`` of a user's own pair, of a ``checking.Checked``."""
    return Subject(
        name,
        checked.data,
        trace,
        {level: divergence for level, (_, divergence) in checked.divergences.items()},
        {level: checked.why(level) for level in checked.divergences},
        dict(reproduce),
        checked.nans,
    )


def verdict(subject):
    """One sentence: equal, or where and by how much not, and why."""
    data = subject.data
    steps = _count(data["steps"], "step")
    if data.get("examples", 1) > 1:
        steps = f"{data['examples']:,} plays of {steps}"
    if subject.nans is not None:
        return f"Nothing is proven: both sides hold NaN. {subject.nans}"
    for level, divergence in subject.divergences.items():
        at = [divergence.when]
        at += [divergence.stage] if divergence.stage else []
        at += [divergence.tensor] if divergence.tensor else []
        ulps = divergence.ulps
        distance = (
            divergence.problem
            if ulps is None or ulps == INCOMPARABLE
            else f"{ulps:,} ULP apart"
        )
        cause = data.get("cause", {}).get(level)
        where = data.get("place", {}).get(level)
        place = f", first in {where['layer']} ({where['kind']})" if where else ""
        because = f"; the cause is proven: {cause['change']}" if cause else ""
        return (
            f"The two sides part at {', '.join(at)} (level {level}), "
            f"{distance}{place}{because}."
        )
    exact = all(cell_tables.exactly_equal(cells) for cells in data["levels"].values())
    extent = "to the last bit" if exact else "within their budgets"
    levels = " and ".join(", ".join(data["levels"]).rsplit(", ", 1))
    return f"The two sides are equal {extent} over {steps}, at level {levels}."


def _count(number, noun):
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _shown(number, subject):
    """What the template takes of a subject."""
    data = subject.data
    stages = in_order(stage for cells in data["levels"].values() for stage in cells)
    return {
        "id": f"subject-{number}",
        "name": subject.name,
        "is_equal": subject.is_equal,
        "state": "equal"
        if subject.is_equal
        else "parts"
        if subject.divergences
        else "proves nothing: NaN",
        "verdict": verdict(subject),
        "stages": stages,
        "rows": [
            (level, [_cell(cells.get(stage)) for stage in stages])
            for level, cells in data["levels"].items()
        ],
        "budgets": _budgets(data["levels"]),
        "result": data["result"],
        "notes": data.get("notes", ()),
        "matched": data.get("matched", {}),
        "names": data.get("names", {}),
        "recorded": data.get("recorded"),
        "reproduce": list(dict.fromkeys(subject.reproduce.values())),
        "levels": [
            _level(level, trace, subject)
            for level, trace in subject.trace.levels.items()
        ],
    }


def _cell(cell):
    kind = {None: "dim", True: "ok", False: "beyond"}[cell and cell["ok"]]
    return kind, cell_tables.said(cell)


def _budgets(levels):
    """{reason: [level and stage]} of the budgets above zero."""
    reasons = {}
    for level, cells in levels.items():
        for stage, cell in cells.items():
            if cell["budget"]["reason"]:
                reasons.setdefault(cell["budget"]["reason"], []).append(
                    f"{level}, {stage}"
                )
    return reasons


def _level(level, trace, subject):
    """What the template takes of one level; the first that parts lies open."""
    layers = trace.layers
    divergence = subject.divergences.get(level)
    described = ""
    if divergence is not None:
        reproduce = subject.reproduce.get(level)
        lines = [divergence.describe(reproduce), *subject.why.get(level, ())]
        described = "\n".join(lines)
    opened = next(iter(subject.divergences or subject.trace.levels))
    return {
        "name": level,
        "is_open": level == opened,
        "divergence": described,
        "remedy": subject.data.get("remedy", {}).get(level),
        "play": trace.play + 1,
        "plays": subject.data.get("examples", 1),
        "steps": trace.steps,
        "losses": plots.losses(trace, level),
        "drift": plots.drift(trace),
        "heat_maps": [
            (heading, plots.heat_map(trace, stages))
            for heading, stages in HEAT_MAPS.items()
            if any(trace.tensors.get(stage) for stage in stages)
        ],
        "numbers": _numbers(trace),
        "loss_numbers": _loss_numbers(trace, level),
        "layers": [_layer(layer, trace) for layer in layers],
        "lanes": _lanes(layers),
        "sources": trace.sources,
    }


def _numbers(trace):
    """(stages, [(steps, [distance])]) of the columns in which something differs."""
    stages = [stage for stage in trace.measured if trace.drift(stage)]
    drifts = {stage: trace.drift(stage) for stage in stages}

    def said(stage, column):
        is_measured = column in trace.measured[stage] or column in drifts[stage]
        return plots.told(drifts[stage].get(column, 0)) if is_measured else "–"

    return stages, [
        (plots.steps_of(trace, column), [said(stage, column) for stage in stages])
        for column in sorted(set().union(*drifts.values()))
    ]


def _loss_numbers(trace, level):
    """[(loss, step, TF1's, the twin's)], of the steps that both plots have."""
    rows = []
    for name, points in trace.losses[SESSION].items():
        others = dict(trace.losses[level].get(name, ()))
        rows += [
            (name, step, f"{value:.9g}", f"{others[step]:.9g}")
            for step, value in points
            if step in others
        ]
    return rows


def _layer(layer, trace):
    """A layer, and how far its variables and their gradients were apart at most."""
    distances = [
        (
            what,
            f"{cell_tables.short(distance)} ULP norm-wise" if distance else "0",
            distance == 0,
        )
        for what, distance in (
            ("output", layer.distance),
            ("backwards", layer.gradient),
        )
        if distance is not None
    ]
    for stage, what in (("gradients", "gradients"), ("updates", "weights")):
        if layer.variables and trace.tensors.get(stage):
            worst = max(trace.worst(stage, name) for name in layer.variables)
            distances.append((what, plots.told(worst) if worst else "0", worst == 0))
    equal = [is_equal for *_, is_equal in distances]
    kind = ("equal" if all(equal) else "apart") if equal else ""
    return {"layer": layer, "distances": distances, "kind": kind}


def _lanes(layers):
    """[(from, to, lane)] of the edges between layers, numbers from 1; lane 1 is nearest."""
    edges = [
        (source + 1, number + 1)
        for number, layer in enumerate(layers)
        for source in layer.sources
        if source < number
    ]
    placed, busy = [], {}  # {lane: [(from, to)]}
    for begin, end in sorted(edges, key=lambda edge: edge[1] - edge[0]):
        lane = 1
        while lane < MOST_LANES and any(
            begin < other_end and other_begin < end
            for other_begin, other_end in busy.get(lane, ())
        ):
            lane += 1
        busy.setdefault(lane, []).append((begin, end))
        placed.append((begin, end, lane))
    return placed
