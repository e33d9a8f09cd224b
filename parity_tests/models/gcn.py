"""What gcn is run on: papers of three subjects that cite each other, drawn at random."""

import numpy as np

from parity_tests.pair.recording import Sparse

TEACHES = "sparse inputs and their dropout, a loss under a mask, decay of one layer"
STEPS = 30
METRIC = "test accuracy"
PAPERS, WORDS, SUBJECTS = 150, 60, 3
TRAINED, TESTED = 12, 100  # papers whose subjects are known, and those scored on


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed, "input_dim": WORDS, "output_dim": SUBJECTS}


def load(data, seed):
    """((features, support, one-hot [N, 3], mask [N]) to train on, the same to score on)."""
    features, support, labels = citations(seed, PAPERS, WORDS, SUBJECTS)
    numbers = np.arange(PAPERS)
    masks = numbers < TRAINED, numbers >= PAPERS - TESTED
    train, test = (
        (features, support, labels, mask.astype(np.float32)) for mask in masks
    )
    return train, test


def citations(seed, papers, words, subjects):
    """Papers of subjects in turn, which cite those of their own six times as often.

    Returns:
        (features, Sparse [papers, words], rows that sum to one, of words that are of the
        paper's subject twice as often; support, Sparse [papers, papers], as ``normalised``
        makes it; labels [papers, subjects], one-hot), float32.
    """
    random = np.random.RandomState(seed)
    subject = np.arange(papers) % subjects
    alike = subject[:, np.newaxis] == subject
    # However many there are, each has about four neighbours.
    often = np.where(alike, 9.0, 1.5) / papers
    cites = np.triu(random.rand(papers, papers) < often, 1)
    own = np.arange(words) % subjects == subject[:, np.newaxis]
    used = random.rand(papers, words) < np.where(own, 0.1, 0.05)
    used[np.arange(papers), random.randint(words, size=papers)] = True  # one at least
    features = used / used.sum(1, keepdims=True)
    labels = np.eye(subjects, dtype=np.float32)[subject]
    return sparse(features), sparse(normalised(cites | cites.T)), labels


def normalised(adjacency):
    """D^-1/2 (A + I) D^-1/2: what is mixed keeps its scale, and each paper hears itself."""
    adjacency = adjacency + np.eye(len(adjacency))
    roots = 1 / np.sqrt(adjacency.sum(1))
    return adjacency * roots[:, np.newaxis] * roots


def sparse(matrix):
    """A ``Sparse`` of a matrix, float32."""
    indices = np.argwhere(matrix)
    values = matrix[tuple(indices.T)].astype(np.float32)
    return Sparse(indices, values, np.array(matrix.shape))


def first(train, examples, batch_size):
    """All papers are in every batch."""
    return train


def program(built, config):
    """The TF1 side's moves ``train`` and ``predict``, of what its ``build`` returned."""
    from tf1_graph import session

    return session.program(
        built.graph,
        {
            "x": built.x,
            "support": built.support,
            "y_true": built.y_true,
            "sample_weight": built.mask,
        },
        train=session.train(
            built.train, built.loss, feed={built.dropout: config.dropout}
        ),
        predict=session.move(outputs={"y_pred": built.y_pred}),
    )


def moves(train, config):
    """Endless training as the chapter's own loop does it: always on all papers."""
    names = "x", "support", "y_true", "sample_weight"
    while True:
        yield "train", dict(zip(names, train))


def dataset(train, config):
    """The same batches as the twin takes them, an endless tf.data.Dataset."""
    import tensorflow as tf

    features, support, labels, mask = train
    x = {"x": tf.SparseTensor(*features), "support": tf.SparseTensor(*support)}
    return tf.data.Dataset.from_tensors((x, labels, mask)).repeat()


def evaluation(test, _config):
    """The moves whose outputs are scored."""
    return [("predict", {"x": test[0], "support": test[1]})]


def score(test, outputs):
    """Accuracy on the papers of the mask, as a float."""
    right = outputs[0]["y_pred"].argmax(1) == test[2].argmax(1)
    return float(right[test[3] > 0].mean())
