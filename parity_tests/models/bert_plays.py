"""What the claims about BERT are drawn from."""

import numpy as np
from hypothesis import strategies as st

from parity_tests.models.drawn import Drawn, random_state

SMALL = {
    "vocab_size": 11,
    "hidden_size": 6,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 5,
    "max_position_embeddings": 9,
    "initializer_range": 0.5,
    "max_seq_length": 7,
    "max_predictions_per_seq": 2,
    "train_batch_size": 4,
    "learning_rate": 0.02,
    "num_train_steps": 9,
    "num_warmup_steps": 2,
}
START = None


def batch_of(random, config, size, awkward=True):
    """A batch of drawn words, of which some are padding.

    An awkward one may have pairs of a single word, and no word that is to be told: what
    has no true gradient then has one of roundings.
    """
    words = size, config["max_seq_length"]
    masked = size, config["max_predictions_per_seq"]
    ends = random.randint(1 if awkward else 3, words[1] + 1, (size, 1))
    batch = {
        "x": random.randint(config["vocab_size"], size=words),
        "input_mask": np.arange(words[1]) < ends,
        "segment_ids": random.randint(2, size=words),
        "masked_lm_positions": random.randint(words[1], size=masked),
        "masked_lm_ids": random.randint(config["vocab_size"], size=masked),
        "masked_lm_weights": random.randint(0 if awkward else 1, 2, size=masked),
        "y_true": random.randint(2, size=size),
    }
    batch = {name: part.astype(np.int32) for name, part in batch.items()}
    batch["masked_lm_weights"] = batch["masked_lm_weights"].astype(np.float32)
    return batch


def inputs_of(batch):
    return {name: part for name, part in batch.items() if name != "y_true"}


@st.composite
def plays(draw, awkward=True):
    """A short training; of a batch all words may weigh nothing."""
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
    """So many batches of drawn words; what is masked is what stands there, plus one."""
    random = np.random.RandomState(3)
    made = [
        batch_of(random, vars(config), config.train_batch_size) for _ in range(number)
    ]
    for batch in made:
        there = np.take_along_axis(batch["x"], batch["masked_lm_positions"], 1)
        batch["masked_lm_ids"] = (there + 1) % config.vocab_size
    return made


def moves(config):
    """Four steps, the last on a short batch, and predictions."""
    made = batches(config, 4)
    made[-1] = {name: part[:-2] for name, part in made[-1].items()}
    steps = [("train", batch) for batch in made]
    predictions = [("predict", inputs_of(batch)) for batch in made]
    return [*steps[:2], predictions[1], *steps[2:], predictions[3]]
