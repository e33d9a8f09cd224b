"""What only the chapter of iterators claims."""

import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.models import chapters
from parity_tests.models.pair import ProgramPair
from tf2_keras.tf1_semantics import orders

CHAPTER = "input_iterators"
GRAPH, TWIN = chapters.graph(CHAPTER), chapters.twin(CHAPTER)
DATA = chapters.setup(CHAPTER).load(None, 1)[0]
ROWS = DATA[0].size


def epochs(fault=None):
    """[rows in their order] of each epoch of the twin."""
    planted = fault and chapters.faults(CHAPTER)[fault]
    batches = ProgramPair(CHAPTER, None, planted).candidate(DATA, "eager")
    rows = [
        row
        for record in batches
        if "train" in record["batches"]
        for row in record["batches"]["train"].tolist()
    ]
    return [rows[begin : begin + ROWS] for begin in range(0, len(rows), ROWS)]


def test_an_initialised_iterator_begins_the_same_order_again():
    """The margin: of the naive twin's second epoch most rows stand elsewhere."""
    first, second = epochs()
    assert first == second and sorted(first) == [2 * row for row in range(ROWS)]
    naive, then = epochs("shuffled_on")
    assert naive == first and sorted(then) == sorted(first)
    elsewhere = sum(row != other for row, other in zip(first, then, strict=True))
    assert elsewhere > ROWS / 2


def test_a_one_shot_iterator_stays_at_its_end():
    """And a data set in a for does not: it begins anew."""
    ends = [
        int(record["batches"]["once, end"])
        for record in ProgramPair(CHAPTER).candidate(DATA, "eager")
        if "once, end" in record["batches"]
    ]
    assert ends == [2, 0]
    rows = TWIN.test_rows(DATA[1], TWIN.Config())
    assert [len(list(rows)) for _ in range(2)] == [2, 2]


def test_an_iterator_has_nothing_before_its_initialiser_has_run():
    graph = tf.Graph()
    with graph.as_default():
        rows = GRAPH.test_rows(DATA[1], GRAPH.Config())
        get_next = tf1.data.make_initializable_iterator(rows).get_next()
    refused = pytest.raises(tf.errors.FailedPreconditionError)
    with tf1.Session(graph=graph) as session, refused:
        session.run(get_next)


def test_a_one_shot_iterator_refuses_what_is_fed():
    with tf.Graph().as_default():
        rows = tf1.data.Dataset.from_tensors(tf1.placeholder(tf.float32, []))
        with pytest.raises(ValueError, match="Cannot capture a placeholder"):
            tf1.data.make_one_shot_iterator(rows)


NUMBER = st.integers(1, 20)
SEEDS = st.tuples(st.integers(0, 2**31), st.integers(0, 2**31))


@given(rows=NUMBER, buffer=NUMBER, count=st.integers(1, 3), seeds=SEEDS)
def test_what_1_15_fused_is_in_its_first_epoch_what_is_not_reshuffled(
    rows, buffer, count, seeds
):
    """And each epoch has all rows: what 1.15.5 itself gave, chapters_test.py has it draw."""
    order = orders.shuffled_and_repeated(rows, buffer, count, seeds)
    epochs = order.reshape(count, rows)
    tf.random.set_seed(seeds[0])
    dataset = tf.data.Dataset.range(rows).shuffle(
        buffer, seeds[1], reshuffle_each_iteration=False
    )
    assert [*dataset.as_numpy_iterator()] == epochs[0].tolist()
    for epoch in epochs:
        assert sorted(epoch) == list(range(rows))


@pytest.mark.parametrize("numbers", [(0, 1, 1), (1, 0, 1), (1, 1, 0), (1, 1, -1)])
def test_a_shuffle_of_nothing_is_refused(numbers):
    with pytest.raises(ValueError, match="must be a whole number above zero. Received"):
        orders.shuffled_and_repeated(*numbers, (1, 2))
    with pytest.raises(ValueError, match="seed must be"):
        orders.shuffled_and_repeated(1, 1, 1, "a")
