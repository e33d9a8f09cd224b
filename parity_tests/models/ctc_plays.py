"""What the claims about the recogniser of speech are drawn from."""

from hypothesis import strategies as st

from parity_tests.models.ctc import batch_of, spoken
from parity_tests.models.drawn import Drawn, random_state

SMALL = {
    "num_features": 3,
    "num_units": 5,
    "num_classes": 4,
    "batch_size": 6,
    "learning_rate": 0.1,
}
START = None
# Sizes and rates are part of a graph: there is no other, so that one graph is built.
CONFIGURATION = tuple(SMALL.items())


def words(seed, number, frames=9):
    """So many words of sounds of three features, of three letters."""
    return spoken(seed, number, frames, SMALL["num_features"], SMALL["num_classes"] - 1)


def played(batches):
    """[move, ...]: a step on each batch, and a prediction in between and at the end."""
    moves = []
    for number, batch in enumerate(batches):
        moves.append(("train", batch))
        if number in (1, len(batches) - 1):
            moves.append(("predict", {name: batch[name] for name in ("x", "lengths")}))
    return moves


@st.composite
def plays(draw, awkward=True):
    """A short training on words of any length."""
    random, batches = random_state(draw), []
    for _ in range(draw(st.integers(1, 3))):
        number, frames = draw(st.integers(1, 6)), draw(st.integers(8, 12))
        batches.append(batch_of(*words(random.randint(2**31), number, frames)))
    return Drawn(CONFIGURATION, played(batches))


def moves(config):
    """Four steps, the last on a short batch, and predictions."""
    x, lengths, targets = words(3, 4 * config.batch_size - 3)
    cuts = [slice(start, start + config.batch_size) for start in range(0, len(x), 6)]
    return played([batch_of(x[cut], lengths[cut], targets[cut]) for cut in cuts])
