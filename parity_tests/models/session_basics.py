"""What session_basics is run on: twenty points of a line."""

import numpy as np

TEACHES = (
    "placeholder, feed, fetch, Session: what became of each line of the notes' fix"
)
STEPS = 5
HAS_STREAM = False
LEARNING_RATE = "train/GradientDescent/learning_rate:0"
METRIC = "loss"


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(data, seed):
    """((x, y) to train on, (x, y) to score on), float32."""
    x = np.linspace(-1.0, 1.0, 20, dtype=np.float32)
    points = x, np.float32(2.0) * x - np.float32(0.5)
    return points, points


def example_batch(config):
    """Zeros of the right ranks and dtypes."""
    return np.zeros(1, np.float32), np.zeros(1, np.float32)


def batches(train, config):
    """The same points at every step."""
    while True:
        yield train


def dataset(train, config):
    """The same batches as the twin takes them, an endless tf.data.Dataset."""
    import tensorflow as tf

    return tf.data.Dataset.from_tensors(train).repeat()


def score(test, predict):
    """Mean squared error, as a float."""
    x, y = test
    return float(np.mean((predict(x) - y) ** 2))
