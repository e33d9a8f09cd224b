"""What mlp is run on: real digits, their labels as class numbers."""

import numpy as np

from parity_tests.datasets import mnist

TEACHES = (
    "placeholders to Input, labels as class numbers, a loss that is a mean already"
)
STEPS = 50
LEARNING_RATE = "GradientDescent/learning_rate:0"
METRIC = "test accuracy"
DATA_SETS = (mnist,)
SOURCES = ("tf1_graph/models/mnist_cnn.py",)  # whose next_batch it takes
VALIDATION_SIZE = 5000  # read_data_sets kept the first examples for validation


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(data, seed):
    """((images [n, 784], float32; labels [n], int32) to train on, the same to score on).

    Scaled and split as ``input_data.read_data_sets`` did.
    """
    digits = mnist.load(data)
    # A data set with nothing beyond the validation examples keeps them all.
    start = VALIDATION_SIZE if len(digits.train_images) > VALIDATION_SIZE else 0
    return (
        (
            mnist.flatten_and_scale(digits.train_images[start:]),
            digits.train_labels[start:].astype(np.int32),
        ),
        (
            mnist.flatten_and_scale(digits.test_images),
            digits.test_labels.astype(np.int32),
        ),
    )


def program(built, _config):
    """The TF1 side's moves ``train`` and ``predict``, of what its ``build`` returned."""
    from tf1_graph import session

    return session.supervised(built, learning_rate=LEARNING_RATE)


def moves(train, config):
    """Endless training in the order of the tutorial's next_batch."""
    from tf1_graph.models.mlp import next_batch

    for images, labels in next_batch(*train, config.batch_size, config.seed):
        yield "train", {"x": images, "y_true": labels}


def dataset(train, config):
    """The same batches as the twin takes them, an endless tf.data.Dataset."""
    from tf2_keras.models.mlp import next_batch

    return next_batch(*train, config.batch_size, config.seed)


def evaluation(test, _config):
    """The moves whose outputs are scored."""
    return [("predict", {"x": block}) for block in np.array_split(test[0], 4)]


def score(test, outputs):
    """Accuracy, as a float."""
    classes = [block["y_pred"].argmax(1) for block in outputs]
    return float(np.mean(np.concatenate(classes) == test[1]))
