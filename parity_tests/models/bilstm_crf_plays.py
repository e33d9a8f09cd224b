"""What the claims about the tagger are drawn from."""

import numpy as np
from hypothesis import strategies as st

from parity_tests.models.drawn import Drawn, random_state

SMALL = {
    "nwords": 9,
    "nchars": 7,
    "ntags": 3,
    "dim_word": 4,
    "dim_char": 3,
    "hidden_size_char": 2,
    "hidden_size_lstm": 3,
    "batch_size": 4,
    "learning_rate": 0.02,
}
START = None
# Sizes and the seed are part of a graph, whose loops take seconds to trace: one of them.
CONFIGURATIONS = tuple(
    tuple({**SMALL, **fields}.items()) for fields in ({"seed": 2**31 - 1},)
)


def batch_of(random, config, size, time=5, letters=4):
    """A batch of drawn sentences; the numbers in the padding are drawn too."""
    batch = {
        "x": random.randint(config["nwords"], size=(size, time)),
        "char_ids": random.randint(config["nchars"], size=(size, time, letters)),
        "word_lengths": random.randint(letters + 1, size=(size, time)),
        "lengths": random.randint(1, time + 1, size=size),
        "y_true": random.randint(config["ntags"], size=(size, time)),
    }
    return {name: part.astype(np.int32) for name, part in batch.items()}


def inputs_of(batch):
    return {name: part for name, part in batch.items() if name != "y_true"}


@st.composite
def plays(draw, awkward=True):
    """A short training on batches of many shapes; one word or letter alone, too."""
    fields = draw(st.sampled_from(CONFIGURATIONS))
    config, random = dict(fields), random_state(draw)
    moves = []
    for size in draw(st.lists(st.integers(1, 5), min_size=1, max_size=4)):
        time = draw(st.sampled_from([1, 2, 6] if awkward else [2, 6]))
        letters = draw(st.sampled_from([1, 4]))
        batch = batch_of(random, config, size, time, letters)
        moves.append(("train", batch))
        move = draw(st.sampled_from([None, "predict", "tag"]))
        if move is not None:
            moves.append((move, inputs_of(batch)))
    rate = draw(st.sampled_from([0.02, 0.5]))
    return Drawn(fields, moves, None, {"learning_rate": rate})


def batches(config, number):
    """So many batches of drawn sentences whose tags can be learned from the words."""
    random = np.random.RandomState(3)
    made = [batch_of(random, vars(config), config.batch_size) for _ in range(number)]
    for batch in made:
        batch["y_true"] = batch["x"] % config.ntags
    return made


def moves(config):
    """Four steps, the last on a short batch, with logits and tags."""
    made = batches(config, 4)
    made[-1] = {name: part[:-2] for name, part in made[-1].items()}
    steps = [("train", batch) for batch in made]
    predictions = [("predict", inputs_of(batch)) for batch in made]
    tags = ("tag", inputs_of(made[3]))
    return [*steps[:2], predictions[1], *steps[2:], predictions[3], tags]
