"""The claims about ``next_batch``: the tutorials' order, also from tf.data."""

import itertools

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from parity_tests.models.chapters import graph, twin

CHAPTER = "mnist_cnn"


class DataSet:
    """``next_batch`` in the words of the tutorials' own class.

    With a generator of its own instead of numpy's global one.

    Source: tensorflow/contrib/learn/python/learn/datasets/mnist.py (1.15).
    """

    def __init__(self, images, labels, seed):
        self._random = np.random.RandomState(seed)
        self._images, self._labels = images, labels
        self._num_examples = len(images)
        self._epochs_completed = 0
        self._index_in_epoch = 0

    def _shuffle(self):
        order = np.arange(self._num_examples)
        self._random.shuffle(order)
        self._images, self._labels = self._images[order], self._labels[order]

    def next_batch(self, batch_size):
        start = self._index_in_epoch
        if self._epochs_completed == 0 and start == 0:
            self._shuffle()
        if start + batch_size > self._num_examples:
            self._epochs_completed += 1
            rest_num_examples = self._num_examples - start
            images_rest_part = self._images[start : self._num_examples]
            labels_rest_part = self._labels[start : self._num_examples]
            self._shuffle()
            start = 0
            self._index_in_epoch = batch_size - rest_num_examples
            end = self._index_in_epoch
            return (
                np.concatenate([images_rest_part, self._images[start:end]]),
                np.concatenate([labels_rest_part, self._labels[start:end]]),
            )
        self._index_in_epoch += batch_size
        end = self._index_in_epoch
        return self._images[start:end], self._labels[start:end]


def numbered(examples):
    """Images and labels from which one can tell which example it was."""
    images = np.arange(examples * 2, dtype=np.float32).reshape(-1, 2)
    return images, np.arange(examples, dtype=np.float32).reshape(-1, 1) + 1000


@given(
    examples=st.integers(1, 60),
    batch_size=st.integers(1, 60),
    seed=st.integers(0, 2**32 - 1),
)
@example(examples=10, batch_size=5, seed=1)  # epochs end with a batch
@example(examples=10, batch_size=4, seed=1)  # a batch straddles two epochs
@example(examples=10, batch_size=10, seed=1)
def test_next_batch_is_in_the_order_of_the_tutorials(examples, batch_size, seed):
    batch_size = min(batch_size, examples)  # the tutorials' knows no larger one
    data = DataSet(*numbered(examples), seed)
    batches = graph(CHAPTER).next_batch(*numbered(examples), batch_size, seed)
    for images, labels in itertools.islice(batches, 4 * (examples // batch_size) + 2):
        expected_images, expected_labels = data.next_batch(batch_size)
        np.testing.assert_array_equal(images, expected_images, strict=True)
        np.testing.assert_array_equal(labels, expected_labels, strict=True)


@given(
    examples=st.integers(1, 60),
    batch_size=st.integers(1, 80),
    seed=st.integers(0, 2**32 - 1),
)
@example(examples=10, batch_size=5, seed=1)
@example(examples=10, batch_size=4, seed=1)
@example(examples=3, batch_size=10, seed=1)  # a batch takes in several epochs
def test_the_pipeline_gives_the_same_batches(examples, batch_size, seed):
    steps = 3 * examples // batch_size + 3
    of_graph = graph(CHAPTER).next_batch(*numbered(examples), batch_size, seed)
    of_twin = (
        twin(CHAPTER).next_batch(*numbered(examples), batch_size, seed).take(steps)
    )
    compared = 0
    for received in of_twin.as_numpy_iterator():
        expected = next(of_graph)
        np.testing.assert_array_equal(expected[0], received[0], strict=True)
        np.testing.assert_array_equal(expected[1], received[1], strict=True)
        compared += 1
    assert compared == steps
