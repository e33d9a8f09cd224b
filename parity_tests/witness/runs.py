"""What is recorded of each chapter, so that it can be played alike elsewhere.

Runs under Python 3.7 as well.
"""

import itertools

import numpy as np

from parity_tests.models import chapters

SEED = 1
# Where it is not the chapter's own number. A last bit decides, sooner or later, which
# side of a ReLU or which of two pooled pixels counts; up to here it does not yet.
STEPS = {
    "mnist_cnn": 10,
    "text_cnn": 8,
    "resnet": 1,
    "bilstm_crf": 8,
    "seq2seq": 5,
    "dcgan": 6,
    "transformer": 3,
    "bert_classifier": 3,
    "bert": 3,
    "nearest_neighbours": 50,
}
# resnet is recorded on noise. The background of a digit is one value in thousands of
# pixels: where it comes near zero before a ReLU, one last bit decides them all.
NOISE = {"resnet": {"image_shape": (16, 16, 3), "classes": 10, "batch_size": 16}}


def steps_of(name):
    """How many moves that train are recorded of a chapter."""
    return STEPS.get(name, chapters.setup(name).STEPS)


def fields_of(name, data=None):
    """Fields of the chapter's Config."""
    fields = chapters.setup(name).configure(data, SEED)
    if data is None:
        fields.update(NOISE.get(name, {}))
    return fields


def moves_of(name, config, steps, data=None):
    """Yields the (move, batch) of a recorded play: so many that train, the evaluation."""
    if name in NOISE and data is None:
        batches = noise(config)
        for x, y_true in itertools.islice(batches, steps):
            yield "train", {"x": x, "y_true": y_true}
        yield "predict", {"x": next(batches)[0]}
        return
    setup = chapters.setup(name)
    train, test = setup.load(data, SEED)
    yield from itertools.islice(setup.moves(train, config), steps)
    yield from setup.evaluation(test, config)


def noise(config):
    """Endless (images [batch, height, width, channels], labels [batch])."""
    random = np.random.RandomState(config.seed)
    shape = (config.batch_size,) + tuple(config.image_shape)
    while True:
        images = random.standard_normal(shape).astype(np.float32)
        yield images, random.randint(config.classes, size=config.batch_size)


def score(name, outputs, data=None):
    """(metric, value) that the outputs of the evaluation reach, or None for noise."""
    if name in NOISE and data is None:
        return None
    setup = chapters.setup(name)
    _, test = setup.load(data, SEED)
    return setup.METRIC, setup.score(test, outputs)
