"""What the claims about the variational autoencoder are drawn from."""

import functools

import numpy as np
from hypothesis import strategies as st

from parity_tests.datasets import mnist
from parity_tests.engine import strategies
from parity_tests.models.drawn import Drawn, random_state, trained_and_predicted

SMALL = {"image_dim": 36, "hidden_dim": 8, "batch_size": 10}
# Every second pixel is all but surely paper: what is done to small probabilities shows.
START = {"decoder_out/b": np.float32([-18.0, 0.1] * 18)}
# Seeds and sizes are part of a graph: few of them, so that few graphs are built.
CONFIGURATIONS = tuple(
    tuple({**SMALL, "hidden_dim": hidden, "latent_dim": latent, "seed": seed}.items())
    for hidden, latent, seed in ((8, 2, 1), (17, 5, 2**31 - 1))
)


@st.composite
def plays(draw, awkward=True):
    """A short training; large weights of the mean make probabilities of 0 and 1."""
    fields = draw(st.sampled_from(CONFIGURATIONS))
    config, random = dict(fields), random_state(draw)
    examples = draw(st.integers(3, 30))
    digits = random.rand(examples, config["image_dim"]).astype(np.float32)
    if draw(st.booleans()):
        digits = digits.round()  # ink or none
    cuts = draw(strategies.batches(examples, 12))
    values = None
    if awkward and draw(st.booleans()):
        array = strategies.arrays((config["image_dim"],), magnitude=30.0)
        values = {"decoder_out/b": draw(array)}
    # RMSProp at 0.1 throws the weights about: each step is far from the one that differs
    # from it by a rounding.
    rate = draw(st.sampled_from([1e-3, 0.1] if awkward else [1e-4, 1e-3]))
    batches = [{"x": digits[cut], "y_true": digits[cut]} for cut in cuts]
    return Drawn(
        fields, trained_and_predicted(batches), values, {"learning_rate": rate}
    )


@functools.cache
def small_digits():
    """(images [500, 36], labels [500]): every third pixel of the middle of real digits."""
    digits = mnist.load()
    middle = digits.train_images[:500, 5:23:3, 5:23:3]
    return mnist.flatten_and_scale(middle), digits.train_labels[:500]


def moves(config):
    """Four steps on real digits, the last on a short batch, and predictions."""
    size = config.batch_size
    digits = small_digits()[0][: 4 * size - 3]
    blocks = [digits[start : start + size] for start in range(0, len(digits), size)]
    return trained_and_predicted([{"x": x, "y_true": x} for x in blocks])
