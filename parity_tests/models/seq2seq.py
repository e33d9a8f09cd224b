"""What seq2seq is run on: the words of Coriolanus, to be written backwards."""

import collections
import re

import numpy as np

from parity_tests.datasets import shakespeare

TEACHES = "both attentions, teacher forcing, beam search in a while loop"
STEPS = 20
LEARNING_RATE = "GradientDescent/learning_rate:0"
METRIC = "test loss"
SOURCES = (
    "tf1_graph/parts/decoding.py",
    "tf1_graph/rnn_cell.py",
    "tf1_graph/seq2seq.py",
)
TRAIN, TEST = 600, 100  # words
LETTERS = "abcdefghijklmnopqrstuvwxyz"
FIRST = 3  # the number of the first letter: after unknown, <s> and </s>
BATCH_SIZE = 32


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed, "vocab_size": FIRST + len(LETTERS), "batch_size": BATCH_SIZE}


def load(data, seed):
    """((sources, targets) to train on, the same to score on), lists of lists."""
    words = collections.OrderedDict.fromkeys(
        re.findall("[a-z]+", shakespeare.load().lower())
    )
    sources = [
        [FIRST + LETTERS.index(letter) for letter in word]
        for word in list(words)[: TRAIN + TEST]
    ]
    targets = [source[::-1] for source in sources]
    return (sources[:TRAIN], targets[:TRAIN]), (sources[TRAIN:], targets[TRAIN:])


INPUTS = ("x", "source_lengths", "target_input", "target_lengths")
TRANSLATED = INPUTS[:2]


def program(built, _config):
    """The TF1 side's moves ``train``, ``predict`` and ``translate``."""
    from tf1_graph import session

    return session.program(
        built.graph,
        built.inputs,
        {"learning_rate": built.graph.get_tensor_by_name(LEARNING_RATE)},
        train=session.train(built.train, built.loss, gradients=built.gradients),
        predict=session.move(outputs={"y_pred": built.y_pred}),
        translate=session.move(
            outputs={"tokens": built.tokens, "log_probs": built.log_probs}
        ),
    )


def played(model):
    """What the twin does besides ``train`` and ``predict``."""

    def translate(x, source_lengths):
        tokens, log_probs = model.translate(x, source_lengths)
        return {"outputs": {"tokens": tokens, "log_probs": log_probs}}

    return {"translate": translate}


def moves(train, config):
    """Endless training as the chapter's own loop does it."""
    from tf1_graph.models.seq2seq import next_batch

    for batch in next_batch(train, config.batch_size):
        yield "train", dict(zip(INPUTS + ("y_true",), batch))


def dataset(train, config):
    """The same batches as the twin takes them, an endless tf.data.Dataset."""
    from tf2_keras.models.seq2seq import next_batch

    return next_batch(train, config.batch_size)


def evaluation(test, _config):
    """The moves whose outputs are scored."""
    from tf1_graph.models.seq2seq import next_batch

    batch = dict(zip(INPUTS, next(next_batch(test, len(test[0])))))
    return [
        ("predict", batch),
        ("translate", {name: batch[name] for name in TRANSLATED}),
    ]


def score(test, outputs):
    """Cross-entropy of a letter, in nats."""
    from tf1_graph.models.seq2seq import next_batch

    *_, lengths, y_true = next(next_batch(test, len(test[0])))
    logits = outputs[0]["y_pred"].astype(np.float64)
    logits = logits - logits.max(-1, keepdims=True)
    right = np.take_along_axis(logits, y_true[..., np.newaxis], -1)[..., 0]
    losses = np.log(np.exp(logits).sum(-1)) - right
    within = np.arange(y_true.shape[1]) < lengths[:, np.newaxis]
    return float(losses[within].mean())
