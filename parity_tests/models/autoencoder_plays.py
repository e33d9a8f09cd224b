"""What the claims about the autoencoder are drawn from."""

import functools

import numpy as np
from hypothesis import strategies as st

from parity_tests.datasets import mnist
from parity_tests.engine import strategies
from parity_tests.models.drawn import Drawn, trained_and_predicted

SMALL = {"n_input": 36, "n_hidden": 8, "scale": 0.1, "batch_size": 10}
# At weights of zero the reconstruction cannot see the noise.
START = {"w2": np.float32(np.random.RandomState(5).standard_normal((8, 36)) / 8)}
# Seeds and sizes are part of a graph: few of them, so that few graphs are built.
CONFIGURATIONS = tuple(
    tuple({**SMALL, "n_hidden": hidden, "scale": scale, "seed": seed}.items())
    for hidden, scale, seed in ((8, 0.1, 1), (33, 0.01, 2**31 - 1))
)


@st.composite
def plays(draw, awkward=True):
    """A short training; pixels of 1e4 make gradients of 1e8."""
    fields = draw(st.sampled_from(CONFIGURATIONS))
    config = dict(fields)
    examples = draw(st.integers(3, 30))
    magnitude = draw(st.sampled_from([1.0, 1e4] if awkward else [1.0]))
    array = functools.partial(strategies.arrays, awkward=awkward)
    digits = draw(array((examples, config["n_input"]), magnitude=magnitude))
    cuts = draw(strategies.batches(examples, 12))
    values = None
    if draw(st.booleans()):  # as after some steps
        shape = config["n_hidden"], config["n_input"]
        values = {"w2": draw(array(shape, magnitude=0.1))}
    rate = draw(st.sampled_from([1e-3, 0.1]))
    batches = [{"x": digits[cut], "y_true": digits[cut]} for cut in cuts]
    return Drawn(
        fields, trained_and_predicted(batches), values, {"learning_rate": rate}
    )


@functools.cache
def small_digits():
    """[500, 36]: every third pixel of the middle of real digits, scaled."""
    from tf1_graph.models.autoencoder import standard_scale

    pixels = mnist.flatten_and_scale(mnist.load().train_images[:500, 5:23:3, 5:23:3])
    return standard_scale(pixels, pixels)[0]


def moves(config):
    """Four steps on real digits, the last on a short batch, and predictions."""
    size = config.batch_size
    digits = small_digits()[: 4 * size - 3]
    blocks = [digits[start : start + size] for start in range(0, len(digits), size)]
    return trained_and_predicted([{"x": x, "y_true": x} for x in blocks])
