"""What the claims about the classifier of sequences are drawn from."""

import numpy as np
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.models.drawn import Drawn, random_state

SMALL = {"seq_max_len": 6, "n_hidden": 4, "batch_size": 5, "learning_rate": 0.1}
START = None
# Sizes are part of a graph: few of them, so that few graphs are built.
CONFIGURATIONS = tuple(
    tuple({**SMALL, **fields}.items())
    for fields in ({}, {"seq_max_len": 1, "n_hidden": 1, "seed": 2**31 - 1})
)


@st.composite
def plays(draw, awkward=True):
    """A short training; what stands in the padding is drawn too, and must not matter."""
    fields = draw(st.sampled_from(CONFIGURATIONS))
    config, random = dict(fields), random_state(draw)
    time = config["seq_max_len"]
    magnitude = draw(st.sampled_from([1.0, 100.0]))
    moves = []
    for size in draw(st.lists(st.integers(1, 9), min_size=1, max_size=4)):
        batch = {
            "x": draw(
                strategies.arrays((size, time, 1), awkward=awkward, magnitude=magnitude)
            ),
            "lengths": random.randint(1, time + 1, size).astype(np.int32),
        }
        labels = np.eye(2, dtype=np.float32)[random.randint(2, size=size)]
        moves.append(("train", {**batch, "y_true": labels}))
        if draw(st.booleans()):
            moves.append(("predict", batch))
    rate = draw(st.sampled_from([0.01, 0.5]))
    return Drawn(fields, moves, None, {"learning_rate": rate})


def batches(config, number):
    """So many batches of the chapter's data, shorter than in the source."""
    from tf1_graph.models.rnn_classifier import make_data

    size = number * config.batch_size
    data = make_data(3, size, config, min_seq_len=2)
    return [
        dict(zip(("x", "lengths", "y_true"), parts, strict=True))
        for parts in zip(*(np.split(part, number) for part in data), strict=True)
    ]


def moves(config):
    """Four steps, the last on a short batch, and predictions."""
    made = batches(config, 4)
    made[-1] = {name: part[:-2] for name, part in made[-1].items()}
    seen = [("predict", {"x": b["x"], "lengths": b["lengths"]}) for b in made]
    steps = [("train", batch) for batch in made]
    return [*steps[:2], seen[1], *steps[2:], seen[3]]
