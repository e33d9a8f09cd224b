"""What text_cnn is run on: lines of Coriolanus, told apart by who speaks."""

import re

import numpy as np

from parity_tests.datasets import shakespeare
from parity_tests.models import supervised

TEACHES = (
    "embedding, windows of words, max over time, L2 on the last layer, sparse Adam"
)
STEPS = 16  # two epochs
METRIC = "test accuracy"
# Caius Marcius is called Coriolanus after his victory.
SPEAKERS = {"MENENIUS": 0, "MARCIUS": 1, "CORIOLANUS": 1}
LENGTH = 12  # words of the longest line


def sentences():
    """[(words, class)] of every line of the speakers, in order."""
    spoken = []
    for speech in shakespeare.load().split("\n\n"):
        speaker, _, lines = speech.strip().partition(":\n")
        if speaker in SPEAKERS:
            for line in lines.split("\n"):
                words = re.findall("[a-z']+", line.lower())
                spoken.append((words, SPEAKERS[speaker]))
    return spoken


def word_numbers(spoken):
    """{word: number}, as VocabularyProcessor counted: by first occurrence, from 1."""
    numbers = {}
    for words, _ in spoken:
        for word in words:
            numbers.setdefault(word, len(numbers) + 1)
    return numbers


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    return {
        "seed": seed,
        "sequence_length": LENGTH,
        "vocab_size": len(word_numbers(sentences())) + 1,
        "embedding_size": 64,
        "num_filters": 32,
        "l2_reg_lambda": 0.15,
    }


def load(data, seed):
    """((words [n, 12], int32; one-hot [n, 2], float32) to train on, the same to score on).

    Zeros are padding. Every seventh line is kept to score on.
    """
    spoken = sentences()
    numbers = word_numbers(spoken)
    x = np.zeros([len(spoken), LENGTH], np.int32)
    for row, (words, _) in zip(x, spoken):
        row[: len(words)] = [numbers[word] for word in words]
    y = np.eye(2, dtype=np.float32)[[speaker for _, speaker in spoken]]
    kept = np.arange(len(x)) % 7 == 6
    return (x[~kept], y[~kept]), (x[kept], y[kept])


def program(built, config):
    """The TF1 side's moves ``train`` and ``predict``, of what its ``build`` returned."""
    from tf1_graph import session

    return session.program(
        built.graph,
        {"x": built.x, "y_true": built.y_true},
        train=session.train(
            built.train,
            built.loss,
            gradients=built.gradients,
            feed={built.keep_prob: config.dropout_keep_prob},
        ),
        predict=session.move(
            outputs={"y_pred": built.y_pred}, feed={built.keep_prob: 1.0}
        ),
    )


moves, dataset = supervised.moves_and_dataset("text_cnn", "batch_iter")


def evaluation(test, _config):
    """The moves whose outputs are scored."""
    return [("predict", {"x": test[0]})]


def score(test, outputs):
    """Accuracy, as a float."""
    return supervised.accuracy(test[1], outputs)
