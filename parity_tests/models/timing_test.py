"""Claims about what bench takes for a step."""

import itertools

import pytest

from parity_tests.models import chapters, timing


@pytest.mark.parametrize(
    "name, trains",
    [
        pytest.param("dqn", ["train"], id="copies in between"),
        pytest.param("kmeans", ["train"], id="a start before"),
        pytest.param("wgan_gp", ["critic", "generator"], id="several moves a step"),
    ],
)
def test_a_step_of_the_session_is_what_trains(name, trains):
    setup = chapters.setup(name)
    config = chapters.graph(name).Config(**setup.configure(None, 1))
    count, moves = timing.trained_moves(setup, setup.load(None, 1)[0], config)
    played = [move for move, _ in itertools.islice(moves, 12)]
    assert set(played) == set(trains) and count == len(
        getattr(setup, "TRAINS", ("train",))
    )
