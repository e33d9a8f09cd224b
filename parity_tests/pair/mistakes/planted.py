"""What a planted mistake is, and what a check must say of it."""

from collections.abc import Callable
from typing import NamedTuple

INITIAL, LOSS, GRADIENTS, SLOTS, UPDATES = (
    "initial values",
    "loss",
    "gradients",
    "slots",
    "updates",
)


NONE = "none"  # the mistake of a program without one


class Planted(NamedTuple):
    """program, mistake: what is wrong with whose twin. pair: () -> OwnPair.
    stage: where the sides part. layer: regular expression of the layer, or of "loss",
    "gradients" or "optimizer". says: one of the change that the cause must be, or None;
    of mistakes that come together, one of each.
    """

    program: str
    mistake: str
    pair: Callable
    stage: str
    layer: str
    says: str | None


def rows(program, pair, *mistakes_of):
    """[Planted] of (mistake, arguments of ``pair``, stage, layer, says)."""
    return [
        Planted(program, mistake, lambda m=mistakes: pair(**m), *expected)
        for mistake, mistakes, *expected in mistakes_of
    ]


def faithful(program, pair):
    """The program without a mistake, which must be equal."""
    return Planted(program, NONE, pair, None, "", None)
