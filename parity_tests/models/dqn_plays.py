"""What the claims about the deep Q-network are drawn from."""

import numpy as np
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.models.dqn import Maze, filled, walk
from parity_tests.models.drawn import Drawn, random_state

SMALL = {"hidden": 6, "batch_size": 5, "replace_target_iter": 2, "memory_size": 50}
START = None
# Sizes are part of a graph: few of them, so that few graphs are built.
CONFIGURATIONS = tuple(
    tuple({**SMALL, **fields}.items())
    for fields in (
        {},
        {"features": 3, "actions": 1, "hidden": 17, "seed": 2**31 - 1},
        {"actions": 5, "reward_decay": 1.0, "learning_rate": 0.3, "seed": 0},
    )
)


@st.composite
def plays(draw, awkward=True):
    """Learning from any transitions; copies and another epsilon where they may fall."""
    fields = draw(st.sampled_from(CONFIGURATIONS))
    config, random = dict(fields), random_state(draw)
    features, actions = config.get("features", 2), config.get("actions", 4)
    moves = []
    for kind in draw(
        st.lists(
            st.sampled_from(["train", "replace_target", "explore", "predict"]),
            min_size=1,
            max_size=6,
        )
    ):
        size = draw(st.integers(1, 9))
        states = strategies.arrays((size, features), awkward=awkward)
        batch = {}
        if kind == "predict":
            batch = {"s": draw(states)}
        elif kind == "explore":
            batch = {"new_epsilon": np.float32(draw(st.sampled_from([-1, 0, 0.3])))}
        elif kind == "train":
            batch = {
                "s": draw(states),
                "a": random.randint(actions, size=size).astype(np.int32),
                "r": draw(strategies.arrays((size,), awkward=awkward)),
                "s_": draw(states),
            }
        moves.append((kind, batch))
    return Drawn(fields, moves)


def moves(config):
    """Four steps in the maze, a copy after each other one, and predictions."""
    from tf1_graph.models.dqn import Memory

    maze = Maze()
    memory = filled(Memory(config), walk(maze, config.memory_size, 1))
    predict = "predict", {"s": maze.states()[0]}
    return [
        ("train", memory.sample()),
        ("train", memory.sample()),
        predict,
        ("replace_target", {}),
        ("explore", {"new_epsilon": np.float32(0.5)}),
        ("train", memory.sample()),
        ("explore", {"new_epsilon": np.float32(-1)}),
        ("train", memory.sample()),
        predict,
    ]
