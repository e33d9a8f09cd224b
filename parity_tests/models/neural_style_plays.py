"""What the claims about neural_style are drawn from."""

import numpy as np
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.models.drawn import Drawn

SMALL = {"height": 7, "width": 6, "channels": (3, 4)}
START = None
CONFIGURATIONS = tuple(
    tuple({**SMALL, **fields}.items()) for fields in ({}, {"pooling": "avg"})
)
SHAPE = (1, SMALL["height"], SMALL["width"], 3)


@st.composite
def plays(draw, awkward=True):
    """A short training on drawn pictures, another one at each step."""
    fields = draw(st.sampled_from(CONFIGURATIONS))
    picture = strategies.arrays(SHAPE, awkward=awkward, magnitude=100.0)
    moves = []
    for _ in range(draw(st.integers(1, 3))):
        batch = {"x": draw(picture), "style": draw(picture)}
        moves.append(("train", batch))
        if draw(st.booleans()):
            moves.append(("predict", batch))
    return Drawn(fields, moves)


def moves(config):
    """Four steps on one content and one style, and predictions."""
    shape = 1, config.height, config.width, 3
    content, style = np.random.RandomState(3).uniform(-100, 100, size=(2, *shape))
    batch = {"x": content.astype(np.float32), "style": style.astype(np.float32)}
    steps = [("train", batch)] * 2 + [("predict", batch)]
    return steps * 2
