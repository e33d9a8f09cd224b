"""What the claims about the graph convolutional network are drawn from."""

import numpy as np
from hypothesis import strategies as st

from parity_tests.models.drawn import Drawn, random_state
from parity_tests.models.gcn import citations

SMALL = {
    "input_dim": 12,
    "hidden1": 5,
    "output_dim": 3,
    "weight_decay": 0.05,
    "learning_rate": 0.05,
}
START = None
CONFIGURATIONS = tuple(
    tuple({**SMALL, **fields}.items())
    # Nothing is decayed. Of other shares today's compat.v1 drops otherwise than 1.15.
    for fields in ({}, {"dropout": 0.75, "weight_decay": 0.0, "seed": 2**31 - 1})
)


def graph_of(config, seed, papers):
    """{input: value} of papers that cite each other."""
    names = "x", "support", "y_true"
    drawn = citations(seed, papers, config["input_dim"], config["output_dim"])
    return dict(zip(names, drawn, strict=True))


def played(batches):
    """[move, ...]: a step on each batch, and a prediction in between and at the end."""
    moves = []
    for number, batch in enumerate(batches):
        moves.append(("train", batch))
        if number in (1, len(batches) - 1):
            inputs = {name: batch[name] for name in ("x", "support")}
            moves.append(("predict", inputs))
    return moves


@st.composite
def plays(draw, awkward=True):
    """Some steps, each on a graph of its own, of which one paper at least is known."""
    fields = draw(st.sampled_from(CONFIGURATIONS))
    random, batches = random_state(draw), []
    for _ in range(draw(st.integers(1, 4))):
        papers = draw(st.integers(1, 12))
        batch = graph_of(dict(fields), random.randint(2**31), papers)
        mask = random.rand(papers) < draw(st.sampled_from([0.2, 1.0]))
        mask[random.randint(papers)] = True
        batches.append({**batch, "sample_weight": mask.astype(np.float32)})
    return Drawn(fields, played(batches))


def moves(config):
    """Four steps on one graph, and predictions."""
    batch = graph_of(vars(config), 3, 20)
    mask = (np.arange(20) < 7).astype(np.float32)
    return played([{**batch, "sample_weight": mask}] * 4)
