"""What bilstm_crf is run on: the names in the first scenes of Coriolanus."""

import collections
import re

import numpy as np

from parity_tests.datasets import shakespeare

TEACHES = "a CRF over a bidirectional LSTM, words that are spelt, Viterbi's tags"
STEPS = 20
METRIC = "test accuracy"
SOURCES = ("tf1_graph/crf.py", "tf1_graph/rnn_cell.py")
# Names in the text, in lower case, and their tags, as CoNLL 2003 tags: the first word of
# a name by B, what follows by I, peoples as miscellaneous.
PERSONS = (
    "agrippa aufidius brutus caius cominius coriolanus junius lartius marcius menenius "
    "sicinius titus tullus valeria velutus virgilia volumnia"
)
PLACES = "antium capitol corioli rome tiber"
PEOPLES = "antiates roman romans volsce volsces"
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "B-MISC")
KINDS = {
    word: kind
    for kind, words in (("PER", PERSONS), ("LOC", PLACES), ("MISC", PEOPLES))
    for word in words.split()
}
TRAIN, TEST = 400, 100  # sentences
KNOWN = 250  # the most frequent words; names are mostly others, known by their letters
UNKNOWN = 1
# The source's 300 units a direction, and words of 300 numbers, take seconds a step.
SIZES = {
    "dim_word": 32,
    "dim_char": 12,
    "hidden_size_char": 12,
    "hidden_size_lstm": 32,
}


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    nchars = 1 + len(set("".join(map("".join, sentences()))))
    sizes = dict(SIZES, nwords=2 + KNOWN, nchars=nchars, ntags=len(TAGS))
    return dict(sizes, seed=seed, learning_rate=0.01)


def sentences():
    """Lists of words; who speaks is a sentence as well."""
    parts = re.split(r"[.?!:;]\s+", shakespeare.load())
    words = [re.findall(r"[A-Za-z'-]+", part) for part in parts]
    return [sentence for sentence in words if sentence][: TRAIN + TEST]


def tags_of(sentence):
    """The number of each word's tag."""
    tags, before = [], None
    for word in sentence:
        kind = KINDS.get(word.lower())
        inside = kind == before == "PER"
        name = "O" if kind is None else ("I-" if inside else "B-") + kind
        tags.append(TAGS.index(name))
        before = kind
    return tags


def load(data, seed):
    """((sentences, tags) to train on, the same to score on), as ``minibatches`` says."""
    text = sentences()
    counts = collections.Counter(word.lower() for words in text for word in words)
    frequent = sorted(counts, key=lambda word: (-counts[word], word))[:KNOWN]
    numbers = {word: 2 + number for number, word in enumerate(frequent)}
    letters = sorted(set("".join(map("".join, text))))
    codes = {letter: 1 + number for number, letter in enumerate(letters)}
    coded = [
        [
            ([codes[letter] for letter in word], numbers.get(word.lower(), UNKNOWN))
            for word in words
        ]
        for words in text
    ]
    tags = [tags_of(words) for words in text]
    return (coded[:TRAIN], tags[:TRAIN]), (coded[TRAIN:], tags[TRAIN:])


INPUTS = ("x", "char_ids", "word_lengths", "lengths")


def program(built, _config):
    """The TF1 side's moves ``train``, ``predict`` and ``tag``."""
    from tf1_graph import session

    return session.program(
        built.graph,
        built.inputs,
        {"learning_rate": built.learning_rate},
        train=session.train(built.train, built.loss, gradients=built.gradients),
        predict=session.move(outputs={"y_pred": built.y_pred}),
        tag=session.move(outputs={"tags": built.tags}),
    )


def played(model):
    """What the twin does besides ``train`` and ``predict``: it decodes."""
    from tf2_keras.models.bilstm_crf import decode

    def tag(**inputs):
        logits = model(inputs, training=False)
        tags = decode(logits, inputs["lengths"], model.transitions)
        return {"outputs": {"tags": tags}}

    return {"tag": tag}


def moves(train, config):
    """Endless training as the chapter's own loop does it."""
    from tf1_graph.models.bilstm_crf import minibatches

    for batch in minibatches(train, config.batch_size):
        yield "train", dict(zip(INPUTS + ("y_true",), batch))


def dataset(train, config):
    """The same batches as the twin takes them, an endless tf.data.Dataset."""
    from tf2_keras.models.bilstm_crf import minibatches

    return minibatches(train, config.batch_size)


def evaluation(test, config):
    """The moves whose outputs are scored."""
    from tf1_graph.models.bilstm_crf import minibatches

    batch = dict(zip(INPUTS, next(minibatches(test, len(test[0])))))
    return [("predict", batch), ("tag", batch)]


def score(test, outputs):
    """The share of words that are tagged right, as a float."""
    right = [
        tag == true
        for tags, labels in zip(outputs[-1]["tags"], test[1])
        for tag, true in zip(tags, labels)
    ]
    return float(np.mean(right))
