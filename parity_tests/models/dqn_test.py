"""What only the chapter on the deep Q-network claims."""

import itertools

import numpy as np
import pytest

from parity_tests.models import chapters
from parity_tests.models.dqn import Maze
from parity_tests.models.dqn_plays import SMALL
from parity_tests.models.pair import ChapterPair
from tf2_keras import training

CHAPTER = "dqn"
GRAPH, TWIN = chapters.graph(CHAPTER), chapters.twin(CHAPTER)


def walked(config, count):
    """So many moves of a run: a copy after each other step of learning."""
    train, _ = chapters.setup(CHAPTER).load(None, seed=1)
    return list(itertools.islice(chapters.setup(CHAPTER).moves(train, config), count))


@pytest.mark.parametrize("level", training.LEVELS)
def test_the_sources_own_size_is_bit_equal(level):
    with ChapterPair(CHAPTER, {"replace_target_iter": 3}) as pair:
        play = walked(pair.config, 14)
        pair.compare(play, level, granted=False).require_agreement()


def test_both_programs_learn_alike():
    """The same losses, and the same values at the start to the bit."""
    fields = {**SMALL, "replace_target_iter": 20, "memory_size": 100}
    (graph_costs, of_graph), (twin_costs, of_twin) = (
        side.run(Maze(), 25, side.Config(**fields)) for side in (GRAPH, TWIN)
    )
    assert len(graph_costs) == len(twin_costs) > 40
    # What Keras reports has been multiplied by a weight and divided by it.
    np.testing.assert_allclose(graph_costs, twin_costs, rtol=3e-7)
    np.testing.assert_array_equal(of_graph, of_twin, strict=True)


def test_the_memory_forgets_what_is_oldest():
    config = GRAPH.Config(memory_size=4, batch_size=50)
    drawn = []
    for side in (GRAPH, TWIN):
        memory = side.Memory(config)
        for number in range(6):
            memory.store([number, 0], number % 4, 10 * number, [0, number])
        drawn.append(memory.sample())
    for name, values in drawn[0].items():
        np.testing.assert_array_equal(values, drawn[1][name], strict=True)
    assert set(drawn[0]["r"]) == {20.0, 30.0, 40.0, 50.0}
    assert drawn[0]["s"][:, 0].tolist() == drawn[0]["s_"][:, 1].tolist()


def test_a_maze_ends_at_the_goal_and_in_pits():
    maze = Maze()
    np.testing.assert_array_equal(maze.reset(), np.float32([-0.5, -0.5]), strict=True)
    states, rewards, ends = zip(*[maze.step(a) for a in (0, 1, 1, 2)], strict=True)
    assert [state.tolist() for state in states] == [
        [-0.5, -0.5], [-0.5, -0.25], [-0.5, 0.0], [-0.25, 0.0]
    ]  # fmt: skip
    assert rewards == (0.0, 0.0, 0.0, -1.0) and ends == (False, False, False, True)
    maze.reset()
    *_, last = (maze.step(a) for a in (2, 2, 2, 1, 1, 3))
    assert last[1:] == (1.0, True)


def test_values_that_fall_with_the_way_lead_to_the_goal():
    """The score: of the thirteen fields that end nothing, those that arrive."""
    setup, maze = chapters.setup(CHAPTER), Maze()
    states, fields = maze.states()
    assert len(fields) == 13
    values = np.zeros([13, 4])
    # Upwards from everywhere: the goal from the field below it, else a wall.
    assert setup.score((states,), [{"y_pred": values}]) == 1 / 13
    for field, row in zip(fields, values, strict=True):
        for action in range(4):
            maze.field = field
            _, reward, _ = maze.step(action)
            row[action] = reward - np.abs(maze.state()).sum()
    # Where both ways are as long, the first is taken, and a pit may stand in it.
    assert setup.score((states,), [{"y_pred": values}]) == 6 / 13


# Traps, with their margins: what is off after forty moves, as a share of the way that
# the net's weights went.


@pytest.mark.parametrize(
    "fault, least",
    [
        # Measured: 0.71, 6.8, 0.48 and 0.028.
        pytest.param("error_over_all_actions", 0.6, id="all actions"),
        pytest.param("keras_rmsprop", 5.5, id="slot of zeros"),
        pytest.param("never_copied", 0.4, id="never copied"),
        pytest.param("no_target_net", 0.02, id="no target net"),
    ],
)
def test_a_trap_is_this_far_off(fault, least):
    planted = chapters.faults(CHAPTER)[fault]
    fields = {**SMALL, "batch_size": 32, "replace_target_iter": 5}
    with ChapterPair(CHAPTER, fields, planted) as pair:
        share = pair.share_off(walked(pair.config, 40))
    assert least < share < 1.5 * least
