"""Claims about mistakes that come together: each is proven, and none that was not made.

``python -m parity_tests.pair.mistakes --together`` runs the whole table, in minutes.
"""

import re

import numpy as np
import pytest
import tensorflow as tf

from parity_tests.pair import small_pair
from parity_tests.pair.mistakes import together
from parity_tests.pair.probes import losses, probes_test, table
from tf2_keras.tf1_semantics import optimizers

TABLE = [*together.IN_ONE_PLACE, *together.IN_SEVERAL]
QUICK = [
    "keep_prob for rate, another seed of the dropout",
    "relu for tanh, the loss is summed over the batch",
    "labels and logits swapped, the loss is summed over the batch",  # of six
    # The second is an optimizer in place of the one that the first change clips in.
    "gradients clipped one by one, Adam without its epsilon of 1e-5",
]


@pytest.mark.slow
@pytest.mark.parametrize("mistake", QUICK)
def test_each_of_several_mistakes_is_proven_and_nothing_else(mistake):
    (planted,) = [row for row in TABLE if row.mistake == mistake]
    checked = planted.pair().check(levels_asked=["function"])
    cause, place = checked.causes["function"], checked.places["function"]
    assert re.fullmatch(planted.layer, place.layer)
    assert cause.whole and len(cause.changes) == len(planted.says), cause.describe()
    for proven, says in zip(cause.changes, planted.says, strict=True):
        assert re.search(says, proven.change), cause.describe()
    data = cause.as_data()
    assert [change["change"] for change in data["changes"]] == [
        proven.change for proven in cause.changes
    ]
    assert all(proven.change in data["change"] for proven in cause.changes)


def test_what_comes_first_does_not_hide_what_comes_later():
    own = small_pair.pair(
        probes_test.program(probes_test.ppo2),
        lambda: probes_test.rewrite(optimizers.Adam(0.01), seed=(1, 12)),
    )
    cause = own.check().causes["function"]
    assert cause.whole and [proven.probe for proven in cause.changes] == [
        "seeds and initializers",
        "hyper-parameter",
    ]
    assert cause.describe().startswith("2 causes, proven together: with all of them")
    assert "  1. dense/kernel → " in cause.describe()
    assert "  2. tf1_semantics.optimizers.Adam(epsilon=1e-08) → epsilon=1e-05" in (
        cause.describe()
    )


def test_a_single_mistake_has_a_single_cause():
    own = small_pair.pair(
        probes_test.program(probes_test.ppo2),
        lambda: probes_test.rewrite(optimizers.Adam(0.01)),
    )
    cause = own.check().causes["function"]
    assert len(cause.changes) == 1 and cause.whole
    assert cause.describe().startswith(
        "cause, proven: with it everything is equal\n  tf1_"
    )


class Cubes(small_pair.MeanOfSquares):
    """A loss that no probe knows."""

    def __call__(self, y_true, y_pred, sample_weight=None):  # noqa: ARG002 -- Keras's
        return tf.reduce_mean(tf.abs(y_true - y_pred) ** 3) * 1.37


def test_of_a_mistake_that_nothing_fits_no_two_changes_are_a_cause():
    def tf2():
        model = probes_test.rewrite(optimizers.Adam(0.01))
        model.compile(optimizers.Adam(0.01), Cubes(), jit_compile=False)
        return model

    checked = small_pair.pair(probes_test.program(probes_test.ppo2), tf2).check()
    cause = checked.causes.get("function")
    # The op that TF1 has is a cause; a change of an optimizer in its place would be none.
    assert cause is None or {proven.probe for proven in cause.changes} <= {
        "TF1's op for the twin's",
        "TF1's own loss",
        "hyper-parameter",
    }


def test_a_mean_over_any_number_is_a_division_as_tf1_had_it():
    counts = [2, 3, 5, 6, 7, 10, 49, 100]
    totals = np.random.RandomState(0).uniform(1, 9, [9]).astype(np.float32)

    @tf.function
    def means(total):
        return tf.stack([losses.mean_of(total, count) for count in counts])

    for total in totals:
        divided = [total / np.float32(count) for count in counts]
        np.testing.assert_array_equal(means(total), np.float32(divided), strict=True)


def test_the_table_names_every_change_once():
    assert len({(row.program, row.mistake) for row in TABLE}) == len(TABLE) >= 12
    assert all(2 <= len(row.says) <= 3 for row in TABLE)


def test_a_change_says_for_how_many_places_it_is_told():
    assert table.Change("one", None).edits == 1
