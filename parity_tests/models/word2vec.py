"""What word2vec is run on: the words of the first scenes of Coriolanus."""

import collections
import re

import numpy as np

from parity_tests.datasets import shakespeare

TEACHES = "vectors of words by noise contrast: a seeded sampler, gradients of rows"
STEPS = 100
LEARNING_RATE = "GradientDescent/learning_rate:0"
METRIC = "nearness of neighbours"
# The source's text has 50 000 words that are known; this one has 2 300 in all.
SIZES = {
    "vocabulary_size": 500,
    "embedding_size": 32,
    "batch_size": 64,
    "num_sampled": 16,
}
TRAIN = 8000  # words
SCORED = 50  # the most frequent words


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    return dict(SIZES, seed=seed)


def words():
    """All words of the text, in lower case."""
    return re.findall(r"[a-z'-]+", shakespeare.load().lower())


def load(data, seed):
    """((codes [n], int32) to train on; (words [m], shares of their neighbours [m, V]))."""
    text = words()
    counts = collections.Counter(text)
    known = sorted(counts, key=lambda word: (-counts[word], word))
    numbers = {
        word: 1 + place
        for place, word in enumerate(known[: SIZES["vocabulary_size"] - 1])
    }
    codes = np.array([numbers.get(word, 0) for word in text], np.int32)
    scored = np.arange(1, 1 + SCORED, dtype=np.int32)
    counted = np.zeros([SIZES["vocabulary_size"]] * 2)
    for one, other in zip(codes[TRAIN:-1], codes[TRAIN + 1 :]):
        counted[one, other] += 1
        counted[other, one] += 1
    counted = counted[scored]
    return (codes[:TRAIN],), (scored, counted / counted.sum(1, keepdims=True))


def first(train, examples, batch_size):
    """The first so many words; fewer than three have no neighbours on both sides."""
    return (train[0][: max(examples, 3)],)


def program(built, _config):
    """The TF1 side's moves ``train``, ``predict`` and ``similarity``."""
    from tf1_graph import session

    return session.program(
        built.graph,
        {"x": built.x, "y_true": built.y_true},
        {"learning_rate": built.graph.get_tensor_by_name(LEARNING_RATE)},
        train=session.train(built.train, built.loss, gradients=built.gradients),
        predict=session.move(outputs={"y_pred": built.y_pred}),
        similarity=session.move(outputs={"similarity": built.similarity}),
    )


def played(model):
    """What the twin does besides ``train`` and ``predict``."""
    from tf2_keras.models.word2vec import similarity

    def similar(x):
        embeddings = model.get_layer("embedding").embeddings
        return {"outputs": {"similarity": similarity(embeddings, x)}}

    return {"similarity": similar}


def moves(train, config):
    """Endless training as the chapter's own loop does it."""
    from tf1_graph.models.word2vec import generate_batch

    for x, y_true in generate_batch(train[0], config):
        yield "train", {"x": x, "y_true": y_true}


def dataset(train, config):
    """The same batches as the twin takes them, an endless tf.data.Dataset."""
    from tf2_keras.models.word2vec import generate_batch

    return generate_batch(train[0], config)


def evaluation(test, _config):
    """The moves whose outputs are scored."""
    return [("predict", {"x": test[0]}), ("similarity", {"x": test[0]})]


def score(test, outputs):
    """By how much a word is more like its neighbours in other text than like any word."""
    cosines = outputs[-1]["similarity"].astype(np.float64)
    return float(np.mean((cosines * test[1]).sum(1) - cosines.mean(1)))
