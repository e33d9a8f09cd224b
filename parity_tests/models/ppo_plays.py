"""What the claims about proximal policy optimisation are drawn from."""

import numpy as np
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.models.drawn import Drawn, random_state, trained_and_predicted
from parity_tests.models.ppo import rollout

SMALL = {"num_hidden": 6, "batch_size": 8, "lr": 0.01, "ent_coef": 0.01}
START = None
# Sizes are part of a graph: few of them, so that few graphs are built. Of these one
# clips every gradient, one none.
CONFIGURATIONS = tuple(
    tuple({**SMALL, **fields}.items())
    for fields in (
        {},
        {"actions": 5, "num_layers": 1, "max_grad_norm": 1e3, "ent_coef": 0.5},
        {"features": 2, "num_hidden": 17, "max_grad_norm": 1e-3, "seed": 7},
        {"algorithm": "a2c", "max_grad_norm": 0.1},
    )
)


@st.composite
def plays(draw, awkward=True):
    """Updates from any rollout, ratios on either side of the clip range."""
    fields = draw(st.sampled_from(CONFIGURATIONS))
    config, random = dict(fields), random_state(draw)

    def batch():
        size = draw(st.integers(1, 12))
        array = strategies.arrays((size,), awkward=awkward, magnitude=10.0)
        rate, cliprange = draw(st.sampled_from([(0.01, 0.2), (3e-4, 0.1), (0.0, 0.0)]))
        features = config.get("features", 4)
        return {
            "x": draw(strategies.arrays((size, features), awkward=awkward)),
            "actions": random.randint(config.get("actions", 2), size=size).astype("i4"),
            "returns": draw(array),
            "neglogpacs": random.uniform(0.2, 1.2, size).astype(np.float32),
            "values": draw(array),
            "advs": draw(array),
            "cliprange": np.float32(cliprange),
            "lr": np.float32(rate),
        }

    return Drawn(fields, trained_and_predicted([batch() for _ in range(3)]))


def moves(config):
    """Four minibatches of a rollout, the last one short, and predictions."""
    from tf1_graph.models.ppo import minibatches

    # Returns of two at most: a loss of hundreds has no bits for what weights do to it.
    rolled = rollout(4 * config.batch_size - 3, 1, config.features, config.actions, 0.5)
    batches = minibatches(rolled, config)
    rates = [1.0, 0.75, 0.5, 0.25]
    return trained_and_predicted(
        [{**next(batches), "lr": np.float32(config.lr * rate)} for rate in rates]
    )
