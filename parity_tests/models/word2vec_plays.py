"""What the claims about the word vectors are drawn from."""

import numpy as np
from hypothesis import strategies as st

from parity_tests.models.drawn import Drawn, random_state

SMALL = {
    "vocabulary_size": 12,
    "embedding_size": 4,
    "batch_size": 6,
    "num_sampled": 5,
    "learning_rate": 0.5,
}
START = None
# A loss is one number, and equal while weights differ little: the second parts them.
REVEALING = (
    (SMALL, None),
    ({**SMALL, "batch_size": 60, "learning_rate": 20.0}, None),
)
# Sizes and seeds are part of a graph: few of them, so that few graphs are built. One
# draws all words that there are, some of a power of two.
CONFIGURATIONS = tuple(
    tuple({**SMALL, **fields}.items())
    for fields in (
        {},
        {"vocabulary_size": 64, "num_sampled": 7, "seed": 0},
        {"num_sampled": 12, "embedding_size": 1, "seed": 2**31 - 1},
    )
)


@st.composite
def plays(draw, awkward=True):
    """A short training, of few different words too, whose rows get many gradients."""
    fields = draw(st.sampled_from(CONFIGURATIONS))
    config, random = dict(fields), random_state(draw)
    known = draw(st.sampled_from([1, 2, config["vocabulary_size"]]))
    moves = []
    for size in draw(st.lists(st.integers(1, 9), min_size=1, max_size=4)):
        pairs = random.randint(known, size=(size, 2)).astype(np.int32)
        moves.append(("train", {"x": pairs[:, 0], "y_true": pairs[:, 1:]}))
        move = draw(st.sampled_from([None, "predict", "similarity"]))
        if move is not None:
            moves.append((move, {"x": pairs[:, 1]}))
    rate = draw(st.sampled_from([1.0, 0.01]))
    return Drawn(fields, moves, None, {"learning_rate": rate})


def batches(config, number):
    """So many batches of a drawn text in which most words have a successor of their own."""
    from tf1_graph.models.word2vec import generate_batch

    random = np.random.RandomState(3)
    codes = np.arange(200) % config.vocabulary_size
    codes[::5] = random.randint(config.vocabulary_size, size=40)
    pairs = generate_batch(codes.astype(np.int32), config)
    return [{"x": x, "y_true": y} for x, y in (next(pairs) for _ in range(number))]


def moves(config):
    """Four steps, the last on a short batch, with vectors and cosines."""
    made = batches(config, 4)
    made[-1] = {name: part[:-2] for name, part in made[-1].items()}
    steps = [("train", batch) for batch in made]
    return [
        *steps[:2],
        ("predict", {"x": made[1]["x"]}),
        *steps[2:],
        ("predict", {"x": made[3]["x"]}),
        ("similarity", {"x": made[3]["x"]}),
    ]
