"""The losses of a recorded run, of both sides and of TensorFlow 1.15.5, as one plot."""

from parity_tests.engine import curves
from parity_tests.site.words import _
from tf2_keras.migrate import html_pages

GRAPH = "session"
LEVELS = ("function", "fit", "eager")  # of the twin; the first that was run is drawn


def figure(recorded):
    """HTML of the losses, one over the other; None of a chapter that has none.

    recorded: what ``tf-parity run --json`` wrote of a chapter.
    """
    losses = recorded.get("losses", {})
    witness = recorded.get("witness") or {}
    level = next((level for level in LEVELS if level in losses), None)
    if GRAPH not in losses or level is None:
        return None
    sides = [
        (
            f"TensorFlow {witness.get('tensorflow')}",
            "witness",
            witness.get("losses", {}),
        ),
        ("TF1, compat.v1", "tf1", losses[GRAPH]),
        (_("the twin, {level}").format(level=level), "tf2", losses[level]),
    ]
    series = [
        (
            side if len(losses[GRAPH]) == 1 else f"{side}: {name}",
            f"{kind} s{number % 6}",
            points,
            f"{points[-1][1]:.6g}",
        )
        for number, name in enumerate(losses[GRAPH])
        for side, kind, by_name in sides
        if (points := by_name.get(name))
    ]
    steps = max(step for *_, points, _ in series for step, _ in points)
    return html_pages.plot(curves.of_values(series, steps), _caption(witness))


def _caption(witness):
    both = _(
        "The loss at each step of the run; where both sides are equal the dashes lie in "
        "the middle of the band."
    )
    losses = witness.get("losses")
    if not losses:
        elsewhere = _("TensorFlow 1.15.5 is recorded on other data.")
        return f"{both} {elsewhere}"
    steps = max(points[-1][0] for points in losses.values())
    recorded = _("TensorFlow {version} is recorded up to step {steps}.")
    return f"{both} {recorded.format(version=witness['tensorflow'], steps=steps)}"
