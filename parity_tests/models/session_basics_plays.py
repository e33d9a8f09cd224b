"""What the claims about the session basics are drawn from."""

import functools

import numpy as np
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.models.drawn import Drawn, trained_and_predicted

SMALL = {}
START = None


@st.composite
def plays(draw, awkward=True):
    """A short training on any points, from any line and any count of steps."""
    sizes = draw(st.lists(st.integers(1, 64), min_size=1, max_size=4))
    array = functools.partial(
        strategies.arrays,
        awkward=awkward,
        magnitude=draw(st.sampled_from([1.0, 1e4])),
    )
    batches = [{"x": draw(array(size)), "y_true": draw(array(size))} for size in sizes]
    values = {
        "inference/weight": draw(array(())),
        "inference/bias": draw(array(())),
        "global_step": np.int64(draw(st.integers(0, 2**40))),
    }
    rate = draw(st.sampled_from([0.1, 0.01, 1e-3]))
    return Drawn((), trained_and_predicted(batches), values, {"learning_rate": rate})


def moves(config):
    """Three steps on the chapter's points, and predictions."""
    x = np.linspace(-1.0, 1.0, 20, dtype=np.float32)
    batch = {"x": x, "y_true": np.float32(2.0) * x - np.float32(0.5)}
    return trained_and_predicted([batch] * 3)
