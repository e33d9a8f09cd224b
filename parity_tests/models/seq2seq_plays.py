"""What the claims about the translator are drawn from."""

import numpy as np
from hypothesis import strategies as st

from parity_tests.models.drawn import Drawn, random_state

SMALL = {
    "vocab_size": 8,
    "num_units": 4,
    "init_weight": 0.7,
    "batch_size": 4,
    "learning_rate": 0.5,
    "beam_width": 3,
}
START = None
# Sizes and the clip are part of a graph: few of them, so that few graphs are built. The
# second clips every gradient.
CONFIGURATIONS = tuple(
    tuple({**SMALL, **fields}.items())
    for fields in (
        {},
        {
            "num_units": 1,
            "attention": "bahdanau",
            "max_gradient_norm": 0.05,
            "beam_width": 1,
            "seed": 2**31 - 2,
        },
    )
)


def batch_of(random, config, size, longest):
    """A batch of drawn words, backwards for a target."""
    from tf1_graph.models.seq2seq import next_batch

    sources = [
        random.randint(3, config["vocab_size"], random.randint(1, longest + 1)).tolist()
        for _ in range(size)
    ]
    targets = [source[::-1] for source in sources]
    names = ("x", "source_lengths", "target_input", "target_lengths", "y_true")
    return dict(zip(names, next(next_batch((sources, targets), size)), strict=True))


def inputs_of(batch):
    return {name: part for name, part in batch.items() if name != "y_true"}


def translated(batch):
    return {name: batch[name] for name in ("x", "source_lengths")}


@st.composite
def plays(draw, awkward=True):
    """A short training on words of many lengths, logits and translations in between."""
    fields = draw(st.sampled_from(CONFIGURATIONS))
    config, random = dict(fields), random_state(draw)
    moves = []
    for size in draw(st.lists(st.integers(1, 5), min_size=1, max_size=3)):
        batch = batch_of(random, config, size, draw(st.integers(1, 5)))
        moves.append(("train", batch))
        move = draw(st.sampled_from([None, "predict", "translate"]))
        if move is not None:
            taken = inputs_of if move == "predict" else translated
            moves.append((move, taken(batch)))
    rate = draw(st.sampled_from([1.0, 0.01]))
    return Drawn(fields, moves, None, {"learning_rate": rate})


def batches(config, number):
    """So many batches of drawn words."""
    random = np.random.RandomState(3)
    return [batch_of(random, vars(config), config.batch_size, 4) for _ in range(number)]


def moves(config):
    """Four steps, the last on a short batch, with logits and translations."""
    made = batches(config, 3)
    made.append(batch_of(np.random.RandomState(4), vars(config), 2, 4))
    steps = [("train", batch) for batch in made]
    return [
        steps[0],
        ("translate", translated(made[1])),  # of a beginner, who ends late
        steps[1],
        ("predict", inputs_of(made[1])),
        *steps[2:],
        ("predict", inputs_of(made[3])),
        ("translate", translated(made[3])),
    ]


def one_letter():
    """Attention to a single letter has gradients of zero, of either sign."""
    batch = {
        "x": [[7]],
        "source_lengths": [1],
        "target_input": [[1, 7]],
        "target_lengths": [2],
        "y_true": [[7, 2]],
    }
    batch = {name: np.array(part, np.int32) for name, part in batch.items()}
    return Drawn(CONFIGURATIONS[0], [("train", batch)], None, {"learning_rate": 1.0})


EXAMPLES = (one_letter(),)
