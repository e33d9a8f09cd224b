"""What the claims about the fine-tuning of BERT are drawn from."""

import numpy as np
from hypothesis import strategies as st

from parity_tests.models import bert_plays
from parity_tests.models.drawn import Drawn, random_state

SMALL = {**bert_plays.SMALL, "num_labels": 3}
del SMALL["max_predictions_per_seq"]
START = None


def batch_of(random, config, size, awkward=True):
    """A batch of drawn words, of which some are padding; an awkward pair may be one word."""
    words = bert_plays.batch_of(random, bert_plays.SMALL, size, awkward)
    batch = {name: words[name] for name in ("x", "input_mask", "segment_ids")}
    labels = random.randint(config["num_labels"], size=size)
    return {**batch, "y_true": labels.astype(np.int32)}


def inputs_of(batch):
    return {name: part for name, part in batch.items() if name != "y_true"}


@st.composite
def plays(draw, awkward=True):
    """A short training, and predictions in between."""
    random = random_state(draw)
    moves = []
    least = 1 if awkward else 3
    for size in draw(st.lists(st.integers(least, 5), min_size=1, max_size=3)):
        batch = batch_of(random, SMALL, size, awkward)
        moves.append(("train", batch))
        if draw(st.booleans()):
            moves.append(("predict", inputs_of(batch)))
    return Drawn((*SMALL.items(),), moves)


def batches(config, number):
    """So many batches; a class is the number of the first word, modulo the labels."""
    random = np.random.RandomState(3)
    made = [batch_of(random, vars(config), config.batch_size) for _ in range(number)]
    return [{**batch, "y_true": batch["x"][:, 0] % config.num_labels} for batch in made]


def moves(config):
    """Four steps, the last on a short batch, and predictions."""
    made = batches(config, 4)
    made[-1] = {name: part[:-2] for name, part in made[-1].items()}
    steps = [("train", batch) for batch in made]
    predictions = [("predict", inputs_of(batch)) for batch in made]
    return [*steps[:2], predictions[1], *steps[2:], predictions[3]]
