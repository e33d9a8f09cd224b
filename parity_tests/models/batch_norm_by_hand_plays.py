"""What the claims about batch normalisation by hand are drawn from."""

import numpy as np
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.models.drawn import Drawn, trained_and_predicted
from parity_tests.models.mlp_plays import small_digits

SMALL = {"pixels": 36, "hidden": 5, "batch_size": 10}
START = None
# The seed and the sizes are part of a graph: few of them, so that few graphs are built.
CONFIGURATIONS = tuple(
    tuple({**SMALL, "hidden": hidden, "decay": decay, "seed": seed}.items())
    for hidden, decay, seed in ((5, 0.5, 1), (1, 0.99, 0), (9, 0.9, 2**31 - 1))
)


def one_hot(labels, classes=10):
    return np.eye(classes, dtype=np.float32)[labels]


@st.composite
def plays(draw, awkward=True):
    """A short training; a batch of one example, or a pixel that never changes."""
    fields = draw(st.sampled_from(CONFIGURATIONS))
    config = dict(fields)
    examples = draw(st.integers(3, 40))
    magnitude = draw(st.sampled_from([1.0, 1e4]))
    images = draw(
        strategies.arrays(
            (examples, config["pixels"]), awkward=awkward, magnitude=magnitude
        )
    )
    labels = one_hot(draw(strategies.labels(examples, 10)))
    cuts = draw(strategies.batches(examples, 15))
    rate = draw(st.sampled_from([0.01, 0.5, 1e-4]))
    return Drawn(
        fields,
        trained_and_predicted(
            [{"x": images[cut], "y_true": labels[cut]} for cut in cuts]
        ),
        None,
        {"learning_rate": rate},
    )


def batches(count, size):
    """So many batches of real digits, the last one short by three."""
    images, labels = (part[: count * size - 3] for part in small_digits())
    return [
        {
            "x": images[start : start + size],
            "y_true": one_hot(labels[start : start + size]),
        }
        for start in range(0, len(images), size)
    ]


def moves(config):
    """Four steps on real digits, the last on a short batch, and predictions."""
    return trained_and_predicted(batches(4, config.batch_size))
