"""What resnet is run on: the embedded digits, or CIFAR-10 from a folder or Keras."""

import os

import numpy as np

from parity_tests.datasets import cifar10, mnist
from parity_tests.datasets.errors import DatasetError
from parity_tests.models import supervised

TEACHES = "batch norm's moving variance, UPDATE_OPS, momentum under a schedule, L2"
STEPS = 6
METRIC = "test accuracy"
DATA_SETS = (mnist, cifar10)
BATCH_SIZE = 32  # the paper's 128 takes seconds a step on two cores
TEST_EXAMPLES = 500  # scored in a run, for the same reason


def _uses_cifar(data):
    return data == "full" or (data is not None and cifar10.is_present(data))


def configure(data, seed):
    """Fields of the chapter's Config for a run: ResNet-20, the rate going down in it."""
    return {
        "seed": seed,
        "classes": 10,
        "image_shape": (32, 32, 3) if _uses_cifar(data) else (28, 28, 1),
        "batch_size": BATCH_SIZE,
        "boundaries": (2, 4),
    }


def load(data, seed):
    """((images [n, H, W, C], labels [n]) to train on, the same to score on).

    Images are float32 with the training set's mean taken off; labels int64.
    """
    if _uses_cifar(data):
        images = cifar10.load(data)
    elif data is not None and os.path.isdir(data) and not mnist.is_present(data):
        raise DatasetError(
            "A folder for resnet must hold the IDX files of MNIST or the batches of "
            "CIFAR-10",
            f"{data}, which holds neither",
            "Name another folder, or leave out --data for the embedded digits",
        )
    else:
        digits = mnist.load(data)
        images = digits._replace(
            train_images=digits.train_images[..., np.newaxis],
            test_images=digits.test_images[..., np.newaxis],
        )
    mean = images.train_images.mean(dtype=np.float64)

    def scaled(pixels):
        return (pixels.astype(np.float32) - np.float32(mean)) / np.float32(255)

    return (
        (scaled(images.train_images), images.train_labels.astype(np.int64)),
        (
            scaled(images.test_images[:TEST_EXAMPLES]),
            images.test_labels[:TEST_EXAMPLES].astype(np.int64),
        ),
    )


def program(built, _config):
    """The TF1 side's moves ``train`` and ``predict``, of what its ``build`` returned."""
    from tf1_graph import session

    return session.supervised(built)


def moves(train, config):
    """Endless training, shuffled by epoch; the last batch of one is as short as need be."""
    images, labels = train
    random = np.random.RandomState(config.seed)
    while True:
        order = random.permutation(len(images))
        for start in range(0, len(order), config.batch_size):
            chosen = order[start : start + config.batch_size]
            yield "train", {"x": images[chosen], "y_true": labels[chosen]}


def dataset(train, config):
    """The same batches as the twin takes them, an endless tf.data.Dataset."""
    import tensorflow as tf

    images, labels = (tf.constant(part) for part in train)

    def epochs():
        random = np.random.RandomState(config.seed)
        while True:
            yield random.permutation(len(images))

    signature = tf.TensorSpec([len(images)], tf.int64)
    return (
        tf.data.Dataset.from_generator(epochs, output_signature=signature)
        .flat_map(
            lambda order: tf.data.Dataset.from_tensor_slices(order).batch(
                config.batch_size
            )
        )
        .map(lambda chosen: (tf.gather(images, chosen), tf.gather(labels, chosen)))
        .prefetch(2)
    )


def evaluation(test, _config):
    """The moves whose outputs are scored."""
    return [("predict", {"x": block}) for block in np.array_split(test[0], 4)]


def score(test, outputs):
    """Accuracy, as a float."""
    return supervised.accuracy(test[1], outputs)
