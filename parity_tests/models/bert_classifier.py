"""What bert_classifier is run on: pairs of lines of Coriolanus, does one follow the other."""

import numpy as np

from parity_tests.models import bert, supervised

TEACHES = (
    "fine-tuning: BERT's embeddings, warm-up, decay without Adam's bias correction"
)
SOURCES = (  # its model, and its optimizer
    "tf1_graph/models/transformer.py",
    "tf1_graph/parts/weight_decays.py",
)
STEPS = 10
METRIC = "test accuracy"


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    fields = {**bert.SIZES, "seed": seed}
    del fields["max_predictions_per_seq"]
    return fields


def instance(_random, first, second, follows):
    """The arrays of one pair."""
    length = bert.SIZES["max_seq_length"]
    tokens, segments = bert.joined(first, second)
    mask = [1] * len(tokens)
    arrays = (bert.padded(part, length) for part in (tokens, mask, segments))
    return (*arrays, np.int32(not follows))


def load(data, seed):
    """Arrays by the names of INPUTS, to train on; the same to score on."""
    return bert.load(data, seed, instance)


def program(built, _config):
    """The TF1 side's moves ``train`` and ``predict``."""
    from tf1_graph import session

    return session.program(
        built.graph,
        built.inputs,
        train=session.train(built.train, built.loss, gradients=built.gradients),
        predict=session.move(outputs={"y_pred": built.y_pred}),
    )


def moves(train, config):
    """Endless training as the chapter's own loop does it."""
    from tf1_graph.models.bert_classifier import INPUTS, next_batch

    for batch in next_batch(train, config.batch_size):
        yield "train", dict(zip(INPUTS, batch))


def dataset(train, config):
    """The same batches as the twin takes them, an endless tf.data.Dataset."""
    from tf2_keras.models.bert_classifier import next_batch

    return next_batch(train, config.batch_size)


def evaluation(test, _config):
    """The moves whose outputs are scored."""
    from tf1_graph.models.bert_classifier import INPUTS

    return [("predict", dict(zip(INPUTS[:-1], test)))]


def score(test, outputs):
    """Accuracy, as a float."""
    return supervised.accuracy(test[-1], outputs)
