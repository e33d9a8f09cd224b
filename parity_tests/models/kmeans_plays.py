"""What the claims about k-means are drawn from."""

import numpy as np
from hypothesis import strategies as st

from parity_tests.models.drawn import Drawn, random_state

SMALL = {"num_features": 12, "k": 4}
START = None
CONFIGURATIONS = tuple(tuple({**SMALL, **fields}.items()) for fields in ({}, {"k": 1}))


def digits(random, size, features=12):
    """[size, features] of few values: equal rows, rows of zeros and ties are common."""
    x = random.randint(0, 3, size=(size, features)).astype(np.float32) / 2
    x[random.rand(size) < 0.1] = 0
    return x


@st.composite
def plays(draw, awkward=True):
    """A short training; some clusters stay empty, and some centres are zero."""
    fields = draw(st.sampled_from(CONFIGURATIONS))
    random = random_state(draw)
    k = dict(fields)["k"]
    start = digits(random, k + draw(st.integers(0, 3)))
    if draw(st.booleans()):
        start[-1] = start[0]  # two equal centres: the first has all digits
    moves = [("init", {"x": start})]
    for size in draw(st.lists(st.integers(1, 30), min_size=1, max_size=4)):
        x = digits(random, size)
        moves.append(("train", {"x": x}))
        if draw(st.booleans()):
            moves.append(("predict", {"x": x}))
    if draw(st.booleans()):
        moves = moves[1:]  # never begun: all centres are zero
    return Drawn(fields, moves)


def batches(number):
    """So many batches of ten rows; no two are equal."""
    random = np.random.RandomState(3)
    return [random.rand(10, 12).astype(np.float32) for _ in range(number)]


def moves(config):
    """First centres, four steps, predictions. The last cluster is empty at first."""
    made = batches(4)
    start = made[0].copy()
    start[config.k - 1] = start[0]
    steps = [("train", {"x": x}) for x in made]
    steps[3] = ("train", {"x": made[3][:3]})
    return [
        ("init", {"x": start}),
        *steps[:2],
        ("predict", {"x": made[1]}),
        *steps[2:],
        ("predict", {"x": made[3]}),
    ]
