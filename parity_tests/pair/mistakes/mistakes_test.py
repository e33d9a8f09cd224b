"""Claims about the planted mistakes: some of each kind here, all of them by the command.

``python -m parity_tests.pair.mistakes`` runs the whole table, in minutes.
"""

import collections
import pathlib

import pytest
import tensorflow as tf

from parity_tests.pair.mistakes import running, skip_gram, table
from parity_tests.pair.mistakes.planted import NONE

ROOT = pathlib.Path(__file__).parents[3]
NEEDS_CHECKOUT = pytest.mark.skipif(
    not (ROOT / "docs").is_dir(), reason="docs/ is in a checkout only"
)
# One or two of every kind of probe, on the programs that build fastest.
QUICK = [
    ("VAE", "keep_prob for rate"),
    ("VAE", "labels and logits swapped"),
    ("VAE", "variance for deviation"),
    ("skip-gram", "Adam of touched rows only"),
    ("skip-gram", "another seed of the sampler"),
    ("skip-gram", "accidental hits removed"),
    ("DCGAN", "sigmoid for tanh"),
    ("A2C", "a slot that starts at zeros"),
    ("A2C", "the advantage without stop_gradient"),
    ("PPO2", "gradients clipped one by one"),
    ("char-RNN", "clipnorm for the global norm"),  # one of the gradients is sparse
]


@pytest.mark.slow
@pytest.mark.parametrize("program, mistake", QUICK)
def test_a_planted_mistake_is_named_and_its_cause_proven(program, mistake):
    (planted,) = [
        row for row in table.PLANTED if (row.program, row.mistake) == (program, mistake)
    ]
    row = running.run(planted)
    assert row.is_named and not row.is_false, row.describe()
    assert row.is_proven == (planted.says is not None), row.describe()


def test_the_table_has_fifty_mistakes_and_five_of_each_program():
    assert len(table.PLANTED) >= 50
    counts = collections.Counter(row.program for row in table.PLANTED)
    assert len(counts) == 8 and min(counts.values()) >= 5
    assert len({(row.program, row.mistake) for row in table.PLANTED}) == len(
        table.PLANTED
    )
    known = [row for row in table.PLANTED if row.says is not None]
    assert len(known) / len(table.PLANTED) >= running.PROVEN
    assert {row.program for row in table.FAITHFUL} == set(counts)


@NEEDS_CHECKOUT
def test_the_page_shows_every_row_as_it_must_be():
    page = (ROOT / "docs" / "own_pair.md").read_text(encoding="utf-8")
    for row in table.PLANTED:
        assert f"| {row.program} | {row.mistake} | {row.stage} |" in page
    assert "(false)" not in page


def test_a_program_without_a_mistake_is_equal():
    (faithful,) = [row for row in table.FAITHFUL if row.program == "VAE"]
    row = running.run(faithful)
    assert (row.stage, row.layer, row.change) == (None, None, None)
    assert row.is_named and not row.is_false


def rows(named, proven, false, count=20):
    return [
        running.Row(
            "p",
            str(number),
            "loss",
            "layer",
            "change",
            number < named,
            number < proven,
            number >= count - false,
        )
        for number in range(count)
    ]


@pytest.mark.parametrize(
    "counts, reached",
    [
        ((18, 15, 0), True),
        ((17, 15, 0), False),
        ((18, 14, 0), False),
        ((20, 19, 1), False),
    ],
)
def test_the_goals_are_nine_of_ten_named_three_of_four_proven_and_none_false(
    counts, reached
):
    assert running.reaches_the_goals(rows(*counts)) is reached


def test_a_program_that_is_found_apart_without_a_mistake_is_a_false_cause():
    apart = rows(20, 20, 0)[0]._replace(mistake=NONE, is_named=False)
    assert running.shares([*rows(20, 20, 0), apart]) == (1.0, 1.0, 1)


def test_a_row_says_what_is_wrong_or_false():
    row = rows(20, 20, 0)[0]
    assert row.describe() == "| p | 0 | loss | layer | change |"
    wrong = row._replace(is_named=False, is_false=True, change="x" * 200)
    assert "layer (wrong)" in wrong.describe()
    assert wrong.describe().endswith("… (false) |") and len(wrong.describe()) < 150
    assert running.verdict([wrong]) == (
        "1 mistakes: 0% named at the right layer and stage, 100% with the cause proven, "
        "1 false cause."
    )


@pytest.mark.slow
def test_a_sum_is_proven_at_fit_too_where_a_train_step_logs_its_own_loss():
    pair = skip_gram.pair(mean=tf.reduce_sum)
    found = pair.check(levels_asked=["function", "fit"])
    for level in ("function", "fit"):
        assert "8 times TF1's" in found.causes[level].change
