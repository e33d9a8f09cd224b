"""What the claims about the network for sentences are drawn from."""

import numpy as np
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.models.drawn import Drawn, random_state, trained_and_predicted

SMALL = {
    "sequence_length": 7,
    "vocab_size": 20,
    "embedding_size": 6,
    "num_filters": 5,
    "batch_size": 8,
    "l2_reg_lambda": 0.15,
}
START = None
# Sizes and the penalty are part of a graph: few of them, so that few graphs are built.
CONFIGURATIONS = tuple(
    tuple({**SMALL, **fields}.items())
    for fields in (
        {},
        # A window as long as the sentence, and no penalty.
        {
            "sequence_length": 5,
            "filter_sizes": (2, 3, 4, 5),
            "l2_reg_lambda": 0.0,
            "seed": 2**31 - 1,
        },
    )
)


@st.composite
def plays(draw, awkward=True):
    """A short training; sentences of few words make ties and duplicates."""
    fields = draw(st.sampled_from(CONFIGURATIONS))
    config, random = dict(fields), random_state(draw)
    known = draw(st.sampled_from([1, 3, config["vocab_size"]]))
    examples = draw(st.integers(3, 30))
    x = random.randint(known, size=(examples, config["sequence_length"]))
    y = np.eye(2, dtype=np.float32)[random.randint(2, size=examples)]
    cuts = draw(strategies.batches(examples, 12))
    batches = [{"x": x[cut].astype(np.int32), "y_true": y[cut]} for cut in cuts]
    return Drawn(fields, trained_and_predicted(batches))


def small_sentences(config):
    """(words [n, T], one-hot [n, 2]): the chapter's lines, cut short in both ways."""
    from parity_tests.models.text_cnn import load

    (x, y), _ = load(None, 1)
    x = np.minimum(x[:, : config.sequence_length], config.vocab_size - 1)
    return x, y


def moves(config):
    """Four steps on lines of the play, the last on a short batch, and predictions."""
    x, y = (part[: 4 * config.batch_size - 3] for part in small_sentences(config))
    cuts = [
        slice(start, start + config.batch_size)
        for start in range(0, len(x), config.batch_size)
    ]
    return trained_and_predicted([{"x": x[cut], "y_true": y[cut]} for cut in cuts])
