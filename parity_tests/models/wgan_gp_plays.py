"""What the claims about the WGAN with gradient penalty are drawn from."""

import functools

import numpy as np
from hypothesis import strategies as st

from parity_tests.datasets import mnist
from parity_tests.models.drawn import Drawn, random_state
from parity_tests.models.wgan_gp import iteration

SMALL = {
    "x_dim": 36,
    "h_dim": 7,
    "z_dim": 3,
    "critic_steps": 2,
    "batch_size": 6,
    "learning_rate": 0.01,
}
START = None
# Sizes and rates are part of a graph, and this one is dear to build: there is no other.
CONFIGURATION = tuple(SMALL.items())


@st.composite
def plays(draw, awkward=True):
    """Steps of both networks in any order, on any pixels."""
    random = random_state(draw)
    examples = draw(st.integers(1, 9))
    digits = random.rand(examples, SMALL["x_dim"]).astype(np.float32)
    if draw(st.booleans()):
        digits = digits.round()  # ink or none
    z = random.uniform(-1, 1, [2 * examples, SMALL["z_dim"]]).astype(np.float32)
    step = st.sampled_from(iteration(digits, z, 1))
    played = draw(st.lists(step, min_size=1, max_size=3))
    return Drawn(CONFIGURATION, [*played, ("predict", {"z": z[:1]})])


@functools.cache
def small_digits():
    """[500, 36]: every third pixel of the middle of real digits."""
    return mnist.flatten_and_scale(mnist.load().train_images[:500, 5:23:3, 5:23:3])


def moves(config):
    """Two steps of the critic, one of the generator, the critic's on a short batch."""
    random, size = np.random.RandomState(3), config.batch_size
    z = random.uniform(-1, 1, [3 * size, config.z_dim]).astype(np.float32)
    digits = small_digits()[: 2 * size]
    played = iteration(digits, z, 2)
    short = {"x": digits[:2], "z": z[:2]}
    predict = "predict", {"z": z[:4]}
    return [*played[:2], predict, played[2], ("critic", short), predict]
