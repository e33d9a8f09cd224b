"""Runs planted mistakes and says what of them was found."""

import re
from typing import NamedTuple

from parity_tests.pair.mistakes.planted import NONE

NAMED, PROVEN = 0.9, 0.75  # shares that are to be reached
HEADING = "| program | mistake | stage | layer | cause |\n|---|---|---|---|---|"


class Row(NamedTuple):
    """What a check said of one planted mistake.

    stage, layer: where it found the sides apart; None where it did not. change: the
    cause that it proved, or None. is_named: whether stage and layer are right. is_proven:
    whether the cause is. is_false: whether it is another than what was planted.
    """

    program: str
    mistake: str
    stage: str | None
    layer: str | None
    change: str | None
    is_named: bool
    is_proven: bool
    is_false: bool

    def describe(self):
        """A line of the table."""
        stage, layer = self.stage or "–", self.layer or "–"
        if not self.is_named:
            layer += " (wrong)"
        change = "–"
        if self.change is not None:
            change = self.change.replace("|", "\\|")
            if len(change) > 90:
                change = change[:89] + "…"
            if self.is_false:
                change += " (false)"
        return f"| {self.program} | {self.mistake} | {stage} | {layer} | {change} |"


def run(planted):
    """The ``Row`` of a ``planted.Planted``."""
    checked = planted.pair().check(levels_asked=["function"])
    divergence = checked.divergences.get("function", (0, None))[1]
    place, cause = checked.places.get("function"), checked.causes.get("function")
    stage, layer = divergence and divergence.stage, place and place.layer
    change = cause and cause.change
    is_proven = bool(change and planted.says is not None and _says(cause, planted.says))
    return Row(
        planted.program,
        planted.mistake,
        stage,
        layer,
        change,
        stage == planted.stage and bool(re.fullmatch(planted.layer, layer or "")),
        is_proven,
        change is not None and not is_proven,
    )


def _says(cause, says):
    """Whether a cause says what it must; of several, each change what its own must."""
    if isinstance(says, str):
        return re.search(says, cause.change)
    told = [proven.change for proven in cause.changes]
    return len(told) == len(says) and all(map(re.search, says, told))


def shares(rows):
    """(share of mistakes that are named, share whose cause is proven, how many false).

    A program without a mistake that is not found equal has a false cause.
    """
    planted = [row for row in rows if row.mistake != NONE]
    count = max(1, len(planted))
    return (
        sum(row.is_named for row in planted) / count,
        sum(row.is_proven for row in planted) / count,
        sum(row.is_false or (row.mistake == NONE and not row.is_named) for row in rows),
    )


def verdict(rows):
    named, proven, false = shares(rows)
    planted = sum(row.mistake != NONE for row in rows)
    return (
        f"{planted} mistakes: {named:.0%} named at the right layer and stage, "
        f"{proven:.0%} with the cause proven, {false or 'no'} false "
        f"{'cause' if false == 1 else 'causes'}."
    )


def reaches_the_goals(rows):
    named, proven, false = shares(rows)
    return named >= NAMED and proven >= PROVEN and not false
