"""What the claims about the DCGAN are drawn from."""

import functools

import numpy as np
from hypothesis import strategies as st

from parity_tests.datasets import mnist
from parity_tests.engine import strategies
from parity_tests.models.dcgan import iteration
from parity_tests.models.drawn import Drawn, random_state

SMALL = {
    "output_size": 8,
    "c_dim": 1,
    "z_dim": 5,
    "levels": 2,
    "gf_dim": 3,
    "df_dim": 4,
    "batch_size": 6,
    "learning_rate": 0.01,
}
START = None
# Sizes and rates are part of a graph, and this one is dear to build: there is no other.
CONFIGURATION = tuple(SMALL.items())


@st.composite
def plays(draw, awkward=True):
    """Steps of both networks in any order, on images of any numbers from -1 to 1."""
    random, size = random_state(draw), SMALL["output_size"]
    played = []
    for _ in range(draw(st.integers(1, 2))):
        examples = draw(st.integers(2, 9))
        shape = (examples, size, size, SMALL["c_dim"])
        images = draw(strategies.arrays(shape, awkward=awkward, magnitude=1.0))
        z = random.uniform(-1, 1, [examples, SMALL["z_dim"]]).astype(np.float32)
        step = st.sampled_from(iteration(images, z)[:2])
        played += draw(st.lists(step, min_size=1, max_size=2))
    return Drawn(CONFIGURATION, [*played, ("predict", {"z": z[:1]})])


@functools.cache
def small_digits():
    """[500, 8, 8, 1]: every third pixel of the middle of real digits, from -1 to 1."""
    pixels = mnist.load().train_images[:500, 2:26:3, 2:26:3, np.newaxis]
    return pixels.astype(np.float32) / np.float32(127.5) - np.float32(1)


def moves(config):
    """An iteration on real digits, a step of each network on a short batch, predictions."""
    random, size = np.random.RandomState(3), config.batch_size
    images = small_digits()[: 2 * size - 2]
    z = random.uniform(-1, 1, [len(images), config.z_dim]).astype(np.float32)
    predict = "predict", {"z": z[size:]}
    whole, short = (
        iteration(images[:size], z[:size]),
        iteration(images[size:], z[size:]),
    )
    return [*whole[:2], predict, whole[2], *short[:2], predict]
