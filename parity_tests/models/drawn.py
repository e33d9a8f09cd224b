"""What a chapter's claims are drawn as, and what all its strategies share."""

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from parity_tests.models import chapters


class Drawn(NamedTuple):
    """One example of a play.

    fields: ((field of Config, value), ...) of both sides: each is a pair of its own, so
        that they should be few.
    moves: [(move, batch by name), ...].
    values: {TF1 name: array} to start from, or None for the initialisers'.
    settings: {name: number}, such as a learning rate.
    """

    fields: tuple
    moves: list
    values: dict | None = None
    settings: dict | None = None


def recorded(chapter):
    """A strategy of Drawn: any of the configurations that 1.15.5 ran a chapter in."""
    setup = chapters.setup(chapter)
    examples, _ = setup.load(None, 1)
    return st.sampled_from(
        [
            Drawn((*{**setup.configure(None, 1), **fields}.items(),), examples)
            for fields in chapters.recorded(chapter).values()
        ]
    )


def trained_and_predicted(batches):
    """[move, ...]: one step on each batch, and a prediction in between and at the end."""
    moves = []
    for number, batch in enumerate(batches):
        moves.append(("train", batch))
        if number in (1, len(batches) - 1):
            moves.append(("predict", {"x": batch["x"]}))
    return moves


def random_state(draw):
    """A numpy RandomState of a drawn seed."""
    return np.random.RandomState(draw(st.integers(0, 2**32 - 1)))
