"""What bert is run on: pairs of lines of Coriolanus, some of whose words are masked."""

import collections
import re

import numpy as np

from parity_tests.datasets import shakespeare

TEACHES = "pre-training: masked words, a tied table, two losses, which word is where"
SOURCES = (  # its model, and its optimizer
    "tf1_graph/models/bert_classifier.py",
    "tf1_graph/models/transformer.py",
    "tf1_graph/parts/weight_decays.py",
)
STEPS = 10
METRIC = "test loss"
# The source's pairs are 128 words of 30 522 through two layers; these 20 of 100.
SIZES = {
    "vocab_size": 100,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 32,
    "max_seq_length": 20,
    "max_predictions_per_seq": 3,
    "batch_size": 8,
    "learning_rate": 0.001,
    "num_train_steps": 40,
    "num_warmup_steps": 4,
}
PAD, UNKNOWN, CLS, SEP, MASK = range(5)
TRAIN, TEST = 400, 100  # pairs


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    return dict(SIZES, seed=seed)


def lines():
    """The text's lines, lists of words of a vocabulary by their numbers."""
    text = [
        re.findall("[a-z']+", line) for line in shakespeare.load().lower().split("\n")
    ]
    counts = collections.Counter(word for line in text for word in line)
    known = sorted(counts, key=lambda word: (-counts[word], word))
    known = known[: SIZES["vocab_size"] - MASK - 1]
    numbers = {word: MASK + 1 + place for place, word in enumerate(known)}
    return [
        [numbers.get(word, UNKNOWN) for word in line] for line in text if len(line) > 2
    ]


def joined(first, second):
    """(words, which piece each is of) of a pair in one row."""
    length = SIZES["max_seq_length"]
    first, second = first[: (length - 3) // 2], second[: (length - 3) // 2]
    tokens = [CLS] + first + [SEP] + second + [SEP]
    return tokens, [0] * (len(first) + 2) + [1] * (len(second) + 1)


def padded(values, size, dtype=np.int32):
    return np.array(list(values) + [0] * (size - len(values)), dtype)


def instance(random, first, second, follows):
    """The arrays of one pair: every seventh word is masked, one at least."""
    length, most = SIZES["max_seq_length"], SIZES["max_predictions_per_seq"]
    tokens, segments = joined(first, second)
    places = [place for place, token in enumerate(tokens) if token not in (CLS, SEP)]
    masked = sorted(random.permutation(places)[: max(1, min(most, len(places) // 7))])
    ids = [tokens[place] for place in masked]
    for place in masked:
        tokens[place] = MASK
    return (
        padded(tokens, length),
        padded([1] * len(tokens), length),
        padded(segments, length),
        padded(masked, most),
        padded(ids, most),
        padded([1.0] * len(ids), most, np.float32),
        np.int32(not follows),
    )


def load(data, seed, arrays_of=instance):
    """Arrays by the names of INPUTS and the labels, to train on; the same to score on."""
    random = np.random.RandomState(seed)
    text = lines()
    pairs = []
    for number in range(TRAIN + TEST):
        follows = random.rand() < 0.5
        second = number + 1 if follows else random.randint(len(text))
        pairs.append(arrays_of(random, text[number], text[second], follows))
    arrays = [np.stack(parts) for parts in zip(*pairs)]
    return tuple(a[:TRAIN] for a in arrays), tuple(a[TRAIN:] for a in arrays)


def program(built, _config):
    """The TF1 side's moves ``train`` and ``predict``."""
    from tf1_graph import session

    outputs = {"masked_lm": built.masked_lm, "next_sentence": built.next_sentence}
    return session.program(
        built.graph,
        built.inputs,
        train=session.train(built.train, built.loss, gradients=built.gradients),
        predict=session.move(outputs=outputs),
    )


def moves(train, config):
    """Endless training as the chapter's own loop does it."""
    from tf1_graph.models.bert import INPUTS, next_batch

    for batch in next_batch(train, config.batch_size):
        yield "train", dict(zip(INPUTS, batch))


def dataset(train, config):
    """The same batches as the twin takes them, an endless tf.data.Dataset."""
    from tf2_keras.models.bert import INPUTS, next_batch

    return next_batch(train, config.batch_size, INPUTS)


def evaluation(test, _config):
    """The moves whose outputs are scored."""
    from tf1_graph.models.bert import INPUTS

    return [("predict", dict(zip(INPUTS[:-1], test)))]


def score(test, outputs):
    """Cross-entropy of a masked word, in nats."""
    ids, weights = test[4].reshape(-1), test[5].reshape(-1)
    logits = outputs[0]["masked_lm"].astype(np.float64)
    logits = logits - logits.max(-1, keepdims=True)
    losses = np.log(np.exp(logits).sum(-1)) - logits[np.arange(len(ids)), ids]
    return float((losses * weights).sum() / weights.sum())
