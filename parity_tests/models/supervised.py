"""What the setups of chapters with a loop over batches share.

Runs under Python 3.7 as well.
"""

import numpy as np

from parity_tests.models import chapters


def moves_and_dataset(chapter, function, names=("x", "y_true")):
    """(``moves``, ``dataset``) of a chapter's setup, from its own batches.

    Args:
        chapter: its name.
        function: the name of the function in both of its files that gives endless
            batches, called with the parts of ``train``, the batch size and the seed.
        names: of the parts of a batch.
    """

    def moves(train, config):
        """Endless training as the chapter's own loop does it."""
        batches = getattr(chapters.graph(chapter), function)
        for parts in batches(*train, config.batch_size, config.seed):
            yield "train", dict(zip(names, parts))

    def dataset(train, config):
        """The same batches as the twin takes them, an endless tf.data.Dataset."""
        batches = getattr(chapters.twin(chapter), function)
        return batches(*train, config.batch_size, config.seed)

    return moves, dataset


def accuracy(labels, outputs):
    """The share of examples whose largest logit is at the label, as a float.

    Args:
        labels: [n], class numbers, or [n, classes], one-hot.
        outputs: what the moves that predict saw, in order.
    """
    classes = np.concatenate([block["y_pred"].argmax(1) for block in outputs])
    if labels.ndim == 2:
        labels = labels.argmax(1)
    return float(np.mean(classes == labels))
