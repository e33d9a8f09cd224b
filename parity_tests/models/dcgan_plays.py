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
# Sizes and rates are part of a graph: few of them, so that few graphs are built.
CONFIGURATIONS = (
    tuple(SMALL.items()),
    tuple({**SMALL, "levels": 1, "c_dim": 3, "seed": 2**31 - 1}.items()),
)


@st.composite
def plays(draw, awkward=True):
    """Steps of both networks in any order, on images of any numbers from -1 to 1."""
    fields = draw(st.sampled_from(CONFIGURATIONS))
    config, random = dict(fields), random_state(draw)
    size, channels = config["output_size"], config["c_dim"]
    played = []
    for _ in range(draw(st.integers(1, 3))):
        examples = draw(st.integers(2, 9))
        shape = (examples, size, size, channels)
        images = draw(strategies.arrays(shape, awkward=awkward, magnitude=1.0))
        z = random.uniform(-1, 1, [examples, config["z_dim"]]).astype(np.float32)
        step = st.sampled_from(iteration(images, z)[:2])
        played += draw(st.lists(step, min_size=1, max_size=3))
        played.append(("predict", {"z": z[:1]}))
    return Drawn(fields, played)


@functools.cache
def small_digits():
    """[500, 8, 8, 1]: every third pixel of the middle of real digits, from -1 to 1."""
    pixels = mnist.load().train_images[:500, 2:26:3, 2:26:3, np.newaxis]
    return pixels.astype(np.float32) / np.float32(127.5) - np.float32(1)


def moves(config):
    """Two iterations on real digits, the second on a short batch, and predictions."""
    random, played = np.random.RandomState(3), []
    images = small_digits()[: 2 * config.batch_size - 2]
    for start in range(0, len(images), config.batch_size):
        batch = images[start : start + config.batch_size]
        z = random.uniform(-1, 1, [len(batch), config.z_dim]).astype(np.float32)
        played += [*iteration(batch, z), ("predict", {"z": z})]
    return played
