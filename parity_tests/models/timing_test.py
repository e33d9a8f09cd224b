"""Claims about what bench takes for a step."""

import itertools
import sys

import pytest

from parity_tests.models import chapters, timing
from parity_tests.models.pair import ChapterPair
from tf1_graph import session as tf1_session
from tf2_keras import training


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


def calls_of(run):
    """How often Python code calls any function while ``run`` does."""
    count = itertools.count()
    kept = sys.getprofile()
    sys.setprofile(lambda _, event, __: event.endswith("call") and next(count))
    try:
        run()
    finally:
        sys.setprofile(kept)
    return next(count)


def test_a_small_step_costs_no_more_calls_to_compare_than_to_train():
    """Where a step takes no time, what Python does is the time: counted, not timed.

    Measured: 0.7 times as many, since a compared function is called past all that only a
    first call has to find out. It was as many, before that.
    """
    name, steps = "linear_regression", 100
    setup = chapters.setup(name)
    train, _ = setup.load(None, seed=1)
    with ChapterPair(name) as pair:
        moves = list(itertools.islice(setup.moves(train, pair.config), steps))
        data = setup.dataset(train, pair.config)

        def compared():
            pair.compare(moves, "function").require_agreement()

        def alone():
            for move, batch in moves:
                tf1_session.run(
                    pair.session(fresh=False), pair.program, move, batch, unseen=True
                )
            training.train(pair.twin, data, "function", steps, in_one_call=False)

        compared(), alone()  # traced
        assert calls_of(compared) <= 0.9 * calls_of(alone)
