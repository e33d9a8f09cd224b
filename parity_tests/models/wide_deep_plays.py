"""What the claims about the wide and deep net are drawn from."""

import numpy as np
from hypothesis import strategies as st

from parity_tests.datasets import adult
from parity_tests.engine import strategies
from parity_tests.models.drawn import Drawn
from parity_tests.witness.programs.wide_deep_ids import STRANGE
from tf1_graph.models.feature_columns import AGES, NUMBERS, VOCABULARIES

SMALL = {
    "hash_bucket_size": 7,
    "embedding_dimension": 2,
    "hidden_units": (5, 4),
    "linear_learning_rate": 0.1,
    "dnn_learning_rate": 0.1,
    "batch_size": 6,
}
START = None
# Sizes and rates are part of a graph: two of them, so that few graphs are built. One has
# a single bucket, the other enough that most words have one of their own.
CONFIGURATIONS = tuple(
    tuple({**SMALL, **fields}.items())
    for fields in (
        {"hash_bucket_size": 1, "hidden_units": (3,), "seed": 0},
        {
            "hash_bucket_size": 500,
            "embedding_dimension": 1,
            "linear_learning_rate": 2.0,
        },
    )
)


def words(known):
    """A strategy of one word."""
    return st.sampled_from([*known, *STRANGE]).map(lambda word: word.encode("utf-8"))


@st.composite
def batches(draw):
    """{column: [B]} and labels, with ages on both sides of a boundary, and on it."""
    size = draw(st.integers(1, 9))
    batch = {
        name: draw(strategies.arrays((size,), magnitude=100.0)) for name in NUMBERS
    }
    ages = st.sampled_from([0.0, *AGES, *np.nextafter(np.float32(AGES), 0)])
    whole = st.lists(ages, min_size=size, max_size=size)
    if draw(st.booleans()):
        batch["age"] = np.float32(draw(whole))
    for name, known in {
        **VOCABULARIES,
        "occupation": ["Sales", "Craft-repair"],
    }.items():
        column = draw(st.lists(words(known), min_size=size, max_size=size))
        batch[name] = np.array(column, object)
    return {**batch, "y_true": draw(strategies.labels(size, 2, np.int32))}


@st.composite
def plays(draw, awkward=True):
    """A short training on people of any kind, words that nobody knows among theirs."""
    played = []
    for batch in draw(st.lists(batches(), min_size=1, max_size=4)):
        played.append(("train", batch))
        if draw(st.booleans()):
            played.append(predicted(batch))
    return Drawn(draw(st.sampled_from(CONFIGURATIONS)), played)


def predicted(batch):
    """A prediction for the people of a batch."""
    return "predict", {name: batch[name] for name in batch if name != "y_true"}


def people(first, last):
    """Rows of the census as a batch; of some of them a word is missing or unknown."""
    columns, labels = adult.load()
    batch = {name: column[first:last].copy() for name, column in columns.items()}
    batch["occupation"][::4] = b""
    batch["workclass"][1::4] = b"unheard of"
    for name in ("capital_gain", "capital_loss"):
        batch[name] = np.log1p(batch[name])  # small, so that no step is a wild one
    return {**batch, "y_true": labels[first:last]}


def moves(config):
    """Four steps on real people, the last batch a short one, and predictions."""
    size = config.batch_size
    steps = [people(start, start + size) for start in range(0, 3 * size, size)]
    steps.append(people(3 * size, 4 * size - 2))
    played = []
    for number, batch in enumerate(steps):
        played.append(("train", batch))
        if number % 2:
            played.append(predicted(batch))
    return played
