"""What the claims about logistic regression are drawn from."""

import functools

import numpy as np
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.models.drawn import Drawn, trained_and_predicted

SMALL = {"batch_size": 30}
# At weights of zero the loss cannot see which prediction meets which label; at these
# logits are large enough for a textbook's formula to overflow.
START = {
    "inference/weights": np.float32([[30.0, -50.0, 20.0]]),
    "inference/bias": np.float32(0.1),
}
# Where eager code rounds otherwise in every stage: (fields, values to start from).
REVEALING = (
    (SMALL, None),
    (
        SMALL,
        {
            "inference/weights": np.float32([[1.0, 2.0, 3.0]]),
            "inference/bias": np.float32(0.1),
        },
    ),
)


@st.composite
def plays(draw, awkward=True):
    """A short training on a few features: weights and inputs of 1e4 give logits of 1e8."""
    features = draw(st.sampled_from([1, 2, 3, 5]))
    sizes = draw(st.lists(st.integers(1, 64), min_size=1, max_size=4))
    magnitude = draw(st.sampled_from([1.0, 100.0, 1e4] if awkward else [1.0, 100.0]))
    array = functools.partial(strategies.arrays, awkward=awkward, magnitude=magnitude)
    labels = draw(st.sampled_from([strategies.labels, strategies.one_class_labels]))
    batches = [
        {
            "x": draw(array((size, features))),
            "y_true": draw(labels(size, 2, np.float32))[np.newaxis],
        }
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


def saturated(label):
    """A play whose logits are thousands, all examples of one class."""
    x = np.full((7, 2), 1e4, np.float32) * np.float32([[1], [-1]] * 3 + [[0]])
    batch = {"x": x, "y_true": np.full((1, 7), label, np.float32)}
    values = {
        "inference/weights": np.float32([[0.2, 0.3]]),
        "inference/bias": np.float32(0.0),
    }
    return Drawn((("features", 2),), [("train", batch)] * 3, values)


EXAMPLES = (saturated(0), saturated(1))


def moves(config):
    """Four steps on the chapter's data, the last on a short batch, and predictions."""
    from tf1_graph.models.logistic_regression import make_data

    x, y_true = (part.astype(np.float32) for part in make_data(0, examples=100))
    cuts = [slice(start, start + 30) for start in range(0, 100, 30)]
    return trained_and_predicted(
        [{"x": x[cut], "y_true": y_true[:, cut]} for cut in cuts]
    )
