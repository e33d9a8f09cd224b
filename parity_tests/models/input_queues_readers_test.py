"""TF1's other readers and producers, beside what reads the same files today."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1


def read(fetched, limit=None):
    """[value] of each run, until the queues are empty or so many were read."""
    values = []
    with tf1.Session() as session:
        session.run(tf1.local_variables_initializer())
        coordinator = tf1.train.Coordinator()
        threads = tf1.train.start_queue_runners(session, coordinator)
        try:
            while limit is None or len(values) < limit:
                values.append(session.run(fetched))
        except tf.errors.OutOfRangeError:
            pass
        finally:
            coordinator.request_stop()
            coordinator.join(threads)
    return values


@pytest.fixture
def files(tmp_path):
    """Two files of lines, whose last one has no end."""
    paths = [str(tmp_path / name) for name in ("a.txt", "b.txt")]
    for path, content in zip(paths, (b"1,2\n\n3,4\n", b"5,6\n7,8"), strict=True):
        with open(path, "wb") as file:
            file.write(content)
    return paths


def lines(dataset):
    return [value.numpy() for value in dataset]


READERS = {
    "TextLineReader": (
        lambda: tf1.TextLineReader(skip_header_lines=1),
        lambda files: tf.data.Dataset.from_tensor_slices(files).flat_map(
            lambda file: tf.data.TextLineDataset(file).skip(1)
        ),
    ),
    "FixedLengthRecordReader": (
        lambda: tf1.FixedLengthRecordReader(2, header_bytes=1, footer_bytes=2),
        lambda files: tf.data.FixedLengthRecordDataset(files, 2, 1, 2),
    ),
    "WholeFileReader": (
        tf1.WholeFileReader,
        lambda files: tf.data.Dataset.from_tensor_slices(files).map(tf.io.read_file),
    ),
    "IdentityReader": (
        tf1.IdentityReader,
        tf.data.Dataset.from_tensor_slices,
    ),
}


@pytest.mark.parametrize("name", READERS)
def test_a_data_set_reads_what_a_reader_read(name, files):
    """The header is that of each file; a record that is cut short is left out."""
    reader, dataset = READERS[name]
    if name == "FixedLengthRecordReader":  # headers, whole records, footers
        for path in files:
            with open(path, "wb") as file:
                file.write(b"hab" + b"cdff")
    with tf.Graph().as_default():
        names = tf1.train.string_input_producer(files, num_epochs=1, shuffle=False)
        values = read(reader().read(names)[1])
    assert values and values == lines(dataset(files))


def test_a_key_says_from_where_a_value_is(files):
    """The file and the number of the line: of a data set one's own enumeration."""
    with tf.Graph().as_default():
        names = tf1.train.string_input_producer(files, num_epochs=1, shuffle=False)
        keys = read(tf1.TextLineReader().read(names)[0])
    enumerated = [
        f"{path}:{number + 1}".encode()
        for path in files
        for number, _ in enumerate(tf.data.TextLineDataset(path))
    ]
    assert keys == enumerated


def test_names_that_match_are_sorted_today(files, tmp_path):
    """match_filenames_once is a local variable; list_files shuffles unless it is told."""
    pattern = str(tmp_path / "*.txt")
    with tf.Graph().as_default(), tf1.Session() as session:
        matched = tf1.train.match_filenames_once(pattern)
        with pytest.raises(tf.errors.FailedPreconditionError):
            session.run(matched)
        session.run(tf1.local_variables_initializer())
        names = session.run(matched).tolist()
    assert names == lines(tf.data.Dataset.list_files(pattern, shuffle=False))


def test_rows_of_a_producer_in_order():
    """range_input_producer, input_producer and limit_epochs: rows, epoch after epoch."""
    x = np.float32([[1, 2], [3, 4], [5, 6]])
    with tf.Graph().as_default():
        number = tf1.train.range_input_producer(3, 2, shuffle=False).dequeue()
        row = tf1.train.input_producer(x, num_epochs=2, shuffle=False).dequeue()
        limited = tf1.train.limit_epochs(tf.constant(7), num_epochs=2)
        values = read([number, row])
        sevens = read(limited)
    dataset = tf.data.Dataset.from_tensor_slices((np.int32([0, 1, 2]), x)).repeat(2)
    for (expected, of_row), (number, row) in zip(values, dataset, strict=True):
        assert number == expected
        np.testing.assert_array_equal(row, of_row, strict=True)
    assert sevens == lines(tf.data.Dataset.from_tensors(7).repeat(2))


def test_what_is_not_kept_is_not_in_a_batch():
    """maybe_batch is a filter before the batch."""
    with tf.Graph().as_default():
        row = tf1.train.range_input_producer(8, 1, shuffle=False).dequeue()
        batch = tf1.train.maybe_batch(
            [row], tf.equal(row % 3, 0), 2, allow_smaller_final_batch=True
        )
        batches = read(batch)
    kept = tf.data.Dataset.range(8).filter(lambda row: row % 3 == 0).batch(2)
    assert [batch.tolist() for batch in batches] == [b.tolist() for b in lines(kept)]


def test_what_several_threads_join_is_interleaved(files):
    """Each thread reads in order; between them there is none, but that of interleave."""
    with tf.Graph().as_default():
        names = tf1.train.string_input_producer(files, num_epochs=1, shuffle=False)
        rows = [[tf1.TextLineReader().read(names)[1]] for _ in range(2)]
        batch = tf1.train.batch_join(rows, 1, allow_smaller_final_batch=True)
        values = [value for (value,) in read(batch)]
    dataset = tf.data.Dataset.from_tensor_slices(files).interleave(
        tf.data.TextLineDataset, cycle_length=2
    )
    assert sorted(values) == sorted(lines(dataset))
    first, second = (lines(tf.data.TextLineDataset(file)) for file in files)
    assert [value for value in values if value in first] == first
    assert [value for value in values if value in second] == second


def test_a_thread_that_loops_ends_with_its_coordinator():
    called = []
    coordinator = tf1.train.Coordinator()

    def once():
        called.append(True)
        coordinator.request_stop()

    thread = tf1.train.LooperThread.loop(coordinator, None, once)
    coordinator.join([thread])
    assert called == [True] and not thread.is_alive()
