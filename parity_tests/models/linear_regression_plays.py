"""What the claims about linear regression are drawn from."""

import functools

import numpy as np
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.models.drawn import Drawn, trained_and_predicted

SMALL = {"batch_size": 30}
# At weights of zero the loss cannot see which prediction meets which target.
START = {
    "inference/weights": np.float32([[0.1, 0.2, -0.3]]),
    "inference/bias": np.float32(0.1),
}


@st.composite
def plays(draw, awkward=True):
    """A short training on a few features, from any weights, at one of three rates."""
    features = draw(st.sampled_from([1, 2, 3, 5]))
    sizes = draw(st.lists(st.integers(1, 64), min_size=1, max_size=4))
    magnitude = draw(st.sampled_from([1.0, 100.0]))
    array = functools.partial(strategies.arrays, awkward=awkward, magnitude=magnitude)
    batches = [
        {"x": draw(array((size, features))), "y_true": draw(array((1, size)))}
        for size in sizes
    ]
    values = {
        "inference/weights": draw(array((1, features))),
        "inference/bias": draw(array(())),
    }
    rate = draw(st.sampled_from([0.5, 0.01, 1e-3]))
    return Drawn(
        (("features", features),),
        trained_and_predicted(batches),
        values,
        {"learning_rate": rate},
    )


def moves(config):
    """Four steps on the notes' data, the last on a short batch, and predictions."""
    from tf1_graph.models.linear_regression import make_data

    x, y_true = (part.astype(np.float32) for part in make_data(0, examples=100))
    cuts = [slice(start, start + 30) for start in range(0, 100, 30)]
    return trained_and_predicted(
        [{"x": x[cut], "y_true": y_true[:, cut]} for cut in cuts]
    )
