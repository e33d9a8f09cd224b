"""What the claims about the network of unrolled cells are drawn from."""

import functools

from hypothesis import strategies as st

from parity_tests.datasets import mnist
from parity_tests.engine import strategies
from parity_tests.models.drawn import Drawn, trained_and_predicted

SMALL = {
    "num_input": 6,
    "timesteps": 5,
    "num_hidden": 4,
    "bidirectional": True,
    "learning_rate": 0.1,
    "batch_size": 10,
}
START = None
# Sizes are part of a graph, and each row a cell: few of them, and short.
CONFIGURATIONS = tuple(
    tuple({**SMALL, **fields}.items())
    for fields in (
        {},
        {"bidirectional": False},
        {"timesteps": 1, "num_hidden": 1, "num_classes": 3, "seed": 2**31 - 1},
        {"bidirectional": False, "timesteps": 2, "num_input": 1, "seed": 0},
    )
)


@st.composite
def plays(draw, awkward=True):
    """A short training on images of any numbers."""
    fields = draw(st.sampled_from(CONFIGURATIONS))
    config = {"num_classes": 10, **dict(fields)}
    examples = draw(st.integers(3, 20))
    magnitude = draw(st.sampled_from([1.0, 100.0] if awkward else [1.0]))
    shape = examples, config["timesteps"], config["num_input"]
    images = draw(strategies.arrays(shape, awkward=awkward, magnitude=magnitude))
    labels = mnist.one_hot(
        draw(strategies.labels(examples, config["num_classes"])), config["num_classes"]
    )
    cuts = draw(strategies.batches(examples, 9))
    rate = draw(st.sampled_from([0.001, 0.5]))
    return Drawn(
        fields,
        trained_and_predicted(
            [{"x": images[cut], "y_true": labels[cut]} for cut in cuts]
        ),
        None,
        {"learning_rate": rate},
    )


@functools.cache
def small_digits():
    """(images [500, 5, 6], one-hot [500, 10]): fewer rows of real digits, and pixels."""
    digits = mnist.load()
    middle = digits.train_images[:500, 5:25:4, 5:23:3]
    images = mnist.flatten_and_scale(middle).reshape(-1, 5, 6)
    return images, mnist.one_hot(digits.train_labels[:500])


def batches(config, number):
    """So many batches of small digits."""
    images, labels = small_digits()
    size = config.batch_size
    return [
        {"x": images[start : start + size], "y_true": labels[start : start + size]}
        for start in range(0, number * size, size)
    ]


def moves(config):
    """Four steps on real digits, the last on a short batch, and predictions."""
    made = batches(config, 4)
    made[-1] = {name: part[:-3] for name, part in made[-1].items()}
    return trained_and_predicted(made)
