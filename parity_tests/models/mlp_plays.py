"""What the claims about the perceptron are drawn from."""

import functools

import numpy as np
from hypothesis import strategies as st

from parity_tests.datasets import mnist
from parity_tests.engine import strategies
from parity_tests.models.drawn import Drawn, trained_and_predicted

SMALL = {"pixels": 36, "hidden1": 8, "hidden2": 5, "batch_size": 10}
START = None
# Seeds and sizes are part of a graph: few of them, so that few graphs are built.
CONFIGURATIONS = tuple(
    tuple({**SMALL, "hidden1": hidden1, "classes": classes, "seed": seed}.items())
    for hidden1, classes, seed in ((8, 10, 1), (1, 2, 0), (33, 3, 2**31 - 1))
)


@st.composite
def plays(draw, awkward=True):
    """A short training; pixels of 1e4 saturate the softmax."""
    fields = draw(st.sampled_from(CONFIGURATIONS))
    config = dict(fields)
    examples = draw(st.integers(3, 40))
    magnitude = draw(st.sampled_from([1.0, 1e4] if awkward else [1.0]))
    images = draw(
        strategies.arrays(
            (examples, config["pixels"]), awkward=awkward, magnitude=magnitude
        )
    )
    labels = draw(strategies.labels(examples, config["classes"], np.int32))
    cuts = draw(strategies.batches(examples, 15))
    values = None
    if draw(st.booleans()):  # as after some steps
        array = strategies.arrays((config["hidden1"],), awkward=awkward, magnitude=1.0)
        values = {"hidden1/biases": draw(array)}
    rate = draw(st.sampled_from([0.01, 0.5, 1e-4]))
    return Drawn(
        fields,
        trained_and_predicted(
            [{"x": images[cut], "y_true": labels[cut]} for cut in cuts]
        ),
        values,
        {"learning_rate": rate},
    )


@functools.cache
def small_digits():
    """(images [500, 36], labels [500]): every third pixel of the middle of real digits."""
    digits = mnist.load()
    middle = digits.train_images[:500, 5:23:3, 5:23:3]
    return mnist.flatten_and_scale(middle), digits.train_labels[:500].astype(np.int32)


def moves(config):
    """Four steps on real digits, the last on a short batch, and predictions."""
    images, labels = (part[: 4 * config.batch_size - 3] for part in small_digits())
    cuts = range(0, len(images), config.batch_size)
    return trained_and_predicted(
        [
            {
                "x": images[start : start + config.batch_size],
                "y_true": labels[start : start + config.batch_size],
            }
            for start in cuts
        ]
    )
