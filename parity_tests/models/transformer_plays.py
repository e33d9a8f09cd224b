"""What the claims about the Transformer are drawn from."""

import numpy as np
from hypothesis import strategies as st

from parity_tests.models.drawn import Drawn, random_state, trained_and_predicted

SMALL = {
    "vocab_size": 11,
    "hidden_size": 6,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 5,
    "initializer_range": 0.5,
    "max_seq_length": 7,
    "batch_size": 4,
    "learning_rate": 0.02,
}
START = None


def batch_of(random, config, size, awkward=True):
    """A batch of drawn words, of which some are padding; an awkward one may be all."""
    shape = size, config["max_seq_length"]
    ends = random.randint(0 if awkward else 3, shape[1] + 1, (size, 1))
    x = random.randint(1, config["vocab_size"], size=shape)
    labels = config.get("num_labels", 2)
    return {
        "x": np.where(np.arange(shape[1]) < ends, x, 0).astype(np.int32),
        "y_true": np.eye(labels, dtype=np.float32)[random.randint(labels, size=size)],
    }


@st.composite
def plays(draw, awkward=True):
    """A short training; a sentence may be nothing but padding."""
    random = random_state(draw)
    least = 1 if awkward else 3
    sizes = draw(st.lists(st.integers(least, 5), min_size=1, max_size=3))
    batches = [batch_of(random, SMALL, size, awkward) for size in sizes]
    return Drawn((*SMALL.items(),), trained_and_predicted(batches))


def batches(config, number):
    """So many batches; a class is where the first word stands in the vocabulary."""
    random = np.random.RandomState(3)
    made = [batch_of(random, vars(config), config.batch_size) for _ in range(number)]
    for batch in made:
        late = batch["x"][:, 1] > config.vocab_size // 2
        batch["y_true"] = np.eye(config.num_labels, dtype=np.float32)[late.astype(int)]
    return made


def moves(config):
    """Four steps, the last on a short batch, and predictions."""
    made = batches(config, 4)
    made[-1] = {name: part[:-2] for name, part in made[-1].items()}
    return trained_and_predicted(made)
