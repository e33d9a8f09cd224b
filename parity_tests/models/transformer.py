"""What the Transformer is run on: lines of Coriolanus, told apart by who speaks."""

import numpy as np

from parity_tests.models import supervised, text_cnn

TEACHES = "attention by queries and keys, masks of -10000, gelu, layer norm, positions"
STEPS = 10
METRIC = "test accuracy"
SOURCES = ("tf1_graph/models/mnist_cnn.py",)  # whose next_batch it takes
CLS = 1  # what each sentence begins with; 0 is padding


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    words = text_cnn.word_numbers(text_cnn.sentences())
    return {
        "seed": seed,
        "vocab_size": len(words) + 1 + CLS,
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "intermediate_size": 32,
        "max_seq_length": text_cnn.LENGTH + 1,
        "learning_rate": 0.001,
    }


def load(data, seed):
    """((words [n, 13], int32; one-hot [n, 2], float32) to train on, the same to score on)."""

    def begun(x, y):
        return np.pad(np.where(x, x + CLS, 0), [(0, 0), (1, 0)], constant_values=CLS), y

    return tuple(
        (x.astype(np.int32), y)
        for x, y in (begun(*part) for part in text_cnn.load(data, seed))
    )


def program(built, _config):
    """The TF1 side's moves ``train`` and ``predict``, of what its ``build`` returned."""
    from tf1_graph import session

    return session.supervised(built)


moves, dataset = supervised.moves_and_dataset("transformer", "next_batch")


def evaluation(test, _config):
    """The moves whose outputs are scored."""
    return [("predict", {"x": test[0]})]


def score(test, outputs):
    """Accuracy, as a float."""
    return supervised.accuracy(test[1], outputs)
