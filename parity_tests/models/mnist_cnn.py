"""What mnist_cnn is run on: real digits."""

import numpy as np

from parity_tests.datasets import mnist

TEACHES = "a CNN: initialisers by seed, bias by broadcasting, dropout, Adam, next_batch"
STEPS = 50
LEARNING_RATE = "Adam/learning_rate:0"
METRIC = "test accuracy"
DATA_SETS = (mnist,)
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


def program(built, config):
    """The TF1 side's moves ``train`` and ``predict``, of what its ``build`` returned."""
    from tf1_graph import session

    return session.supervised(
        built,
        training_feed={built.keep_prob: config.keep_prob},
        inference_feed={built.keep_prob: 1.0},
        learning_rate=LEARNING_RATE,
    )


def moves(train, config):
    """Endless training in the order of the tutorial's next_batch."""
    from tf1_graph.models.mnist_cnn import next_batch

    for images, labels in next_batch(*train, config.batch_size, config.seed):
        yield "train", {"x": images, "y_true": labels}


def dataset(train, config):
    """The same batches as the twin takes them, an endless tf.data.Dataset."""
    from tf2_keras.models.mnist_cnn import next_batch

    return next_batch(*train, config.batch_size, config.seed)


def evaluation(test, _config):
    """The moves whose outputs are scored: ten blocks of the test set, as in the notes."""
    blocks = np.array_split(test[0], BLOCKS)
    return [("predict", {"x": block}) for block in blocks if len(block)]


def score(test, outputs):
    """Accuracy as the mean over ten blocks, as a float."""
    labels = np.array_split(test[1], BLOCKS)
    shares = [
        np.mean(block["y_pred"].argmax(1) == labels[number].argmax(1))
        for number, block in enumerate(outputs)
    ]
    return float(np.mean(shares))
