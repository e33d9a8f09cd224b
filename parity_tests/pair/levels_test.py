"""Claims about the levels of one pair: TF1's side is played once for all of them."""

import numpy as np
import pytest

from parity_tests.engine.small_plays import small_run
from parity_tests.pair import levels, small_pair
from parity_tests.pair.pair import Sides


class Counted(Sides):
    """A pair of stored records, that counts how often each side is played."""

    def __init__(self, records):
        self.records, self.played = records, []

    def reference(self, moves, values=None, settings=None):
        del moves, values, settings
        self.played.append("session")
        yield from self.records

    def candidate(self, moves, level, values=None, settings=None):
        del moves, values, settings
        self.played.append(level)
        yield from self.records


LEVELS = "eager", "function", "fit"


def test_the_session_plays_once_for_all_levels():
    pair, heard = Counted(small_run()), []
    cells, divergences = levels.compare_levels(
        pair, LEVELS, [(), ()], lambda *told: heard.append(told[:2])
    )
    assert divergences == {} and list(cells) == [*LEVELS]
    assert sorted(pair.played) == sorted(["session"] * 2 + [*LEVELS] * 2)
    # Whoever listens hears it beside each level all the same.
    for level in LEVELS:
        sides = [side for of_level, side in heard if of_level == level]
        assert sides.count("session") == sides.count(level) == 2 * len(small_run())


def test_what_does_not_fit_into_memory_is_played_again(monkeypatch):
    size = sum(map(levels._size, small_run()))
    for most, plays in ((size, 1), (size - 1, 3)):
        monkeypatch.setattr(levels, "MOST_KEPT", most)
        pair = Counted(small_run())
        _, divergences = levels.compare_levels(pair, LEVELS, [()])
        assert divergences == {} and pair.played.count("session") == plays


def test_a_play_that_was_not_seen_to_its_end_is_played_again():
    kept, records = levels.Kept(), small_run()
    begun = kept.records(lambda: iter(records))
    next(begun)
    begun.close()
    assert list(kept.records(lambda: iter(records))) == records
    assert list(kept.records(lambda: pytest.fail("it was seen to its end"))) == records


@pytest.mark.parametrize("is_resource", [True, False])
def test_records_that_are_kept_stay_as_they_were(is_resource):
    """The memory that a Session's arrays lie in is not what the next step writes to."""
    import tensorflow.compat.v1 as tf

    source = small_pair.SOURCE.replace("tf.reset_default_graph()", "pass")
    namespace = {}
    exec(source, namespace)
    with tf.Graph().as_default(), tf.variable_scope("", use_resource=is_resource):
        built = namespace["build"]()
        variables = tf.global_variables()
        assert any(v.dtype._is_ref_dtype for v in variables) is not is_resource
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            x, y = small_pair.batches(1)[0]
            feed = {built["inputs"]["x"]: x, built["inputs"]["y_true"]: y}
            read = session.run(variables)
            copies = [value.copy() for value in read]
            for _ in range(3):
                session.run(built["train"]["op"], feed)
            after = session.run(variables)
    for value, copy, later in zip(read, copies, after, strict=True):
        np.testing.assert_array_equal(value, copy, strict=True)
        assert (value != later).any()
