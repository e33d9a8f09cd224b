"""What logistic_regression is run on: 2000 synthetic examples of two classes."""

import numpy as np

TEACHES = "sigmoid cross-entropy on logits, saturated ones included, and a threshold"
STEPS = 11
HAS_STREAM = False
LEARNING_RATE = "train/GradientDescent/learning_rate:0"
METRIC = "accuracy"


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(data, seed):
    """((x [2000, 3], y [1, 2000]) to train on, the same to score on), float32."""
    from tf1_graph.models.logistic_regression import make_data

    examples = tuple(part.astype(np.float32) for part in make_data(seed))
    return examples, examples


def example_batch(config):
    """Zeros of the right ranks and dtypes."""
    return np.zeros((1, config.features), np.float32), np.zeros((1, 1), np.float32)


def batches(train, config):
    """As the chapter's own loop takes them: all data, or shuffled mini-batches."""
    from tf1_graph.models.logistic_regression import mini_batches

    return mini_batches(*train, config.batch_size, config.seed)


def dataset(train, config):
    """The same batches as the twin takes them, an endless tf.data.Dataset."""
    from tf2_keras.models.logistic_regression import mini_batches

    return mini_batches(*train, config.batch_size, config.seed)


def score(test, predict):
    """The share of right classes; probability above one half is logit above zero."""
    x, y = test
    return float(np.mean((predict(x) > 0) == y))
