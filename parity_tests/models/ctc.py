"""What ctc is run on: words of four letters' sounds, drawn at random."""

import numpy as np

from parity_tests.pair.recording import Sparse

TEACHES = "sparse targets, a loss over all alignments, both decoders, momentum"
STEPS = 20
METRIC = "test letters right"
FEATURES, LETTERS, FRAMES = 6, 4, 16
TRAIN, TEST = 60, 30  # words


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    return {
        "seed": seed,
        "num_features": FEATURES,
        "num_units": 24,
        "num_classes": LETTERS + 1,
        "batch_size": 8,
        "learning_rate": 0.05,
    }


def load(data, seed):
    """((x [n, T, F], lengths [n], n arrays of letters) to train on, the same to score on)."""
    words = spoken(seed, TRAIN + TEST, FRAMES, FEATURES, LETTERS)
    return tuple(p[:TRAIN] for p in words), tuple(p[TRAIN:] for p in words)


def spoken(seed, words, frames, features, letters):
    """Words of one to four letters; each sounds for two to four frames, with noise.

    Returns:
        (x [words, frames, features], float32, zeros behind the end; lengths [words],
        int32; a list of arrays of letters from 0 on).
    """
    random = np.random.RandomState(seed)
    sounds = random.standard_normal([letters, features])
    x = np.zeros([words, frames, features], np.float32)
    lengths, targets = np.zeros(words, np.int32), []
    for number in range(words):
        word = random.randint(letters, size=random.randint(1, frames // 4 + 1))
        heard = np.repeat(word, random.randint(2, 5, size=len(word)))
        # A letter that is said twice takes a frame between, for the blank.
        noise = 0.3 * random.standard_normal([len(heard), features])
        lengths[number] = len(heard)
        x[number, : len(heard)] = sounds[heard] + noise
        targets.append(word.astype(np.int32))
    return x, lengths, targets


def batch_of(x, lengths, targets):
    """A batch by name."""
    from tf1_graph.models.ctc import sparse_tuple_from

    y_true = Sparse(*sparse_tuple_from(targets))
    return {"x": x, "lengths": lengths, "y_true": y_true}


def program(built, _config):
    """The TF1 side's moves ``train`` and ``predict``, of what its ``build`` returned."""
    from tf1_graph import session

    outputs = {"y_pred": built.y_pred, "greedy": built.greedy, "beam": built.beam}
    return session.program(
        built.graph,
        {"x": built.x, "lengths": built.lengths, "y_true": built.y_true},
        train=session.train(built.train, built.loss),
        predict=session.move(outputs=outputs),
    )


def played(model):
    """The twin's ``predict``, which decodes as well."""

    def predict(x, lengths):
        from tf2_keras.models.ctc import decoders

        logits = model({"x": x, "lengths": lengths}, training=False)
        greedy, beam = decoders(logits, lengths)
        return {"outputs": {"y_pred": logits, "greedy": greedy, "beam": beam}}

    return {"predict": predict}


def moves(train, config):
    """Endless training as the chapter's own loop does it."""
    from tf1_graph.models.ctc import next_batch

    for x, lengths, y_true in next_batch(*train, config.batch_size):
        yield "train", {"x": x, "lengths": lengths, "y_true": Sparse(*y_true)}


def dataset(train, config):
    """The same batches as the twin takes them, an endless tf.data.Dataset."""
    from tf2_keras.models.ctc import next_batch

    return next_batch(*train, config.batch_size)


def evaluation(test, _config):
    """The moves whose outputs are scored."""
    return [("predict", {"x": test[0], "lengths": test[1]})]


def score(test, outputs):
    """The share of letters that are read, in their places, as a float."""
    right = total = 0
    for word, read in zip(test[2], outputs[0]["greedy"]):
        shared = min(len(word), len(read))
        right += (word[:shared] == read[:shared]).sum()
        total += len(word)
    return float(right) / total
