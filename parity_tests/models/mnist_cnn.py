"""What mnist_cnn is run on: real digits."""

import numpy as np

from parity_tests.datasets import mnist

TEACHES = "a CNN: initialisers by seed, bias by broadcasting, dropout, Adam, next_batch"
STEPS = 100
HAS_STREAM = True  # dropout's
LEARNING_RATE = "Adam/learning_rate:0"
METRIC = "test accuracy"
VALIDATION_SIZE = 5000  # read_data_sets kept the first examples for validation
BLOCKS = 10  # the test set is scored in ten blocks, as in the notes


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(data, seed):
    """((images [n, 784], one-hot [n, 10]) to train on, the same to score on), float32.

    Scaled, encoded and split as ``input_data.read_data_sets(..., one_hot=True)`` did.
    """
    digits = mnist.load(data)
    # A data set with nothing beyond the validation examples keeps them all.
    start = VALIDATION_SIZE if len(digits.train_images) > VALIDATION_SIZE else 0
    return (
        (
            mnist.flatten_and_scale(digits.train_images[start:]),
            mnist.one_hot(digits.train_labels[start:]),
        ),
        (
            mnist.flatten_and_scale(digits.test_images),
            mnist.one_hot(digits.test_labels),
        ),
    )


def example_batch(config):
    """Zeros of the right ranks and dtypes."""
    return (
        np.zeros((1, config.image_size**2), np.float32),
        np.zeros((1, config.classes), np.float32),
    )


def batches(train, config):
    """In the order of the tutorial's next_batch."""
    from tf1_graph.models.mnist_cnn import next_batch

    return next_batch(*train, config.batch_size, config.seed)


def dataset(train, config):
    """The same batches as the twin takes them, an endless tf.data.Dataset."""
    from tf2_keras.models.mnist_cnn import next_batch

    return next_batch(*train, config.batch_size, config.seed)


def score(test, predict):
    """Accuracy as the mean over ten blocks, as a float."""
    x, y = test
    return float(
        np.mean(
            [
                np.mean(predict(images).argmax(1) == labels.argmax(1))
                for images, labels in zip(
                    np.array_split(x, BLOCKS), np.array_split(y, BLOCKS)
                )
                if len(images)
            ]
        )
    )
