"""What only the chapter of queues claims."""

import threading
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.models import chapters
from parity_tests.models.pair import ProgramPair

CHAPTER = "input_queues"
GRAPH, TWIN = chapters.graph(CHAPTER), chapters.twin(CHAPTER)
DATA = chapters.setup(CHAPTER).load(None, 1)[0]
ROWS = len(DATA[1])


def batches(fault=None):
    """[x of a batch] of the twin."""
    planted = fault and chapters.faults(CHAPTER)[fault]
    records = ProgramPair(CHAPTER, None, planted).candidate(DATA, "eager")
    seen = [record.get("batches", {}) for record in records]
    return [batch["x"] for batch in seen if "x" in batch]


def test_a_batch_may_have_examples_of_two_epochs():
    """The margin: of fourteen examples twelve are seen, by epochs eight."""
    assert sum(map(len, batches())) == 12
    assert sum(map(len, batches("batched_by_epoch"))) == 8


def tf1_batches(paths):
    with tf.Graph().as_default():
        return list(GRAPH.read(GRAPH.examples_of(paths, GRAPH.Config())))


def twin_batches(paths):
    return list(TWIN.read(TWIN.examples_of(paths, TWIN.Config())))


BOTH = pytest.mark.parametrize("batches_of", [tf1_batches, twin_batches])


@BOTH
def test_a_damaged_file_is_refused(batches_of, tmp_path):
    """In TF1 by the thread that read it: who does not join it sees the end of the input."""
    paths = TWIN.write(*DATA, str(tmp_path), TWIN.Config())
    for path in paths:
        with open(path, "r+b") as file:
            file.seek(20)
            file.write(b"\xff")
    with pytest.raises(tf.errors.DataLossError, match="corrupted record"):
        batches_of(paths)


def test_who_does_not_join_takes_a_damaged_file_for_the_end(tmp_path):
    (path, *_) = TWIN.write(*DATA, str(tmp_path), TWIN.Config(files=1))
    with open(path, "r+b") as file:
        file.write(b"\xff")
    with mock.patch.object(tf1.train.Coordinator, "join"):
        assert tf1_batches([path]) == []


@BOTH
def test_a_file_that_is_not_there_is_said(batches_of, tmp_path):
    with pytest.raises(tf.errors.NotFoundError, match="nowhere"):
        batches_of([str(tmp_path / "nowhere")])


def test_no_thread_is_left_of_what_ended_or_failed(tmp_path):
    before = set(threading.enumerate())
    tf1_batches(TWIN.write(*DATA, str(tmp_path), TWIN.Config()))
    with pytest.raises(tf.errors.NotFoundError):
        tf1_batches([str(tmp_path / "nowhere")])
    assert not {thread.name for thread in set(threading.enumerate()) - before}


def test_a_queue_that_nobody_fills_waits_for_ever():
    """Until a deadline, if there is one."""
    with tf.Graph().as_default(), tf1.Session() as session:
        names = tf1.train.string_input_producer(["a"]).dequeue()
        deadline = tf1.RunOptions(timeout_in_ms=50)
        with pytest.raises(tf.errors.DeadlineExceededError):
            session.run(names, options=deadline)


def test_num_epochs_counts_in_a_local_variable():
    with tf.Graph().as_default(), tf1.Session() as session:
        tf1.train.string_input_producer(["a"], num_epochs=1)
        session.run(tf1.global_variables_initializer())
        (runner,) = tf1.get_collection(tf1.GraphKeys.QUEUE_RUNNERS)
        with pytest.raises(tf.errors.OpError, match="limit_epochs"):
            session.run(runner.enqueue_ops)
        session.run(tf1.local_variables_initializer())
        session.run(runner.enqueue_ops)


def test_shuffle_batch_has_an_order_that_is_recorded_and_replayed():
    """How full the queue is when a row is drawn depends on threads, seeds or not."""
    with tf.Graph().as_default(), tf1.Session() as session:
        tf1.set_random_seed(1)
        (row,) = tf1.train.slice_input_producer([np.arange(ROWS)], 1, shuffle=False)
        x = tf1.gather(DATA[0], row)
        read = tf1.train.shuffle_batch(
            [row, x],
            3,
            capacity=5,
            min_after_dequeue=2,
            seed=12,
            allow_smaller_final_batch=True,
        )
        session.run(tf1.local_variables_initializer())
        coordinator = tf1.train.Coordinator()
        threads = tf1.train.start_queue_runners(session, coordinator)
        recorded = []
        with pytest.raises(tf.errors.OutOfRangeError):
            while True:
                recorded.append(session.run(read))
        coordinator.request_stop()
        coordinator.join(threads)
    order = np.concatenate([rows for rows, _ in recorded])
    assert sorted(order) == list(range(ROWS))
    replayed = tf.data.Dataset.from_tensor_slices(DATA[0][order]).batch(3)
    for (_, expected), batch in zip(recorded, replayed, strict=True):
        np.testing.assert_array_equal(batch.numpy(), expected, strict=True)
