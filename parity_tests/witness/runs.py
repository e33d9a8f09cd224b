"""What is recorded of each chapter, so that it can be run alike elsewhere.

Runs under Python 3.7 as well.
"""

import itertools

import numpy as np

from parity_tests.models import chapters

SEED = 1
# Where it is not the chapter's own number. A last bit decides, sooner or later, which
# side of a ReLU or which of two pooled pixels counts; up to here it does not yet.
STEPS = {"mnist_cnn": 10, "resnet": 1}
# resnet is recorded on noise. The background of a digit is one value in thousands of
# pixels: where it comes near zero before a ReLU, one last bit decides them all.
NOISE = {"resnet": {"image_shape": (16, 16, 3), "classes": 10, "batch_size": 16}}


def steps_of(name):
    """How many steps of a chapter are recorded."""
    return STEPS.get(name, chapters.meeting_point(name).STEPS)


def fields_of(name, data=None):
    """Fields of the chapter's Config."""
    fields = chapters.meeting_point(name).configure(data, SEED)
    if data is None:
        fields.update(NOISE.get(name, {}))
    return fields


def batches_of(name, config, steps, data=None):
    """The (x, y_true) of each step."""
    if name in NOISE and data is None:
        return itertools.islice(noise(config), steps)
    meeting_point = chapters.meeting_point(name)
    train, _ = meeting_point.load(data, SEED)
    return itertools.islice(meeting_point.batches(train, config), steps)


def noise(config):
    """Endless (images [batch, height, width, channels], labels [batch])."""
    random = np.random.RandomState(config.seed)
    shape = (config.batch_size,) + tuple(config.image_shape)
    while True:
        images = random.standard_normal(shape).astype(np.float32)
        yield images, random.randint(config.classes, size=config.batch_size)


def score(name, predict, data=None):
    """(metric, value) that the chapter reaches, or None for noise."""
    if name in NOISE and data is None:
        return None
    meeting_point = chapters.meeting_point(name)
    _, test = meeting_point.load(data, SEED)
    return meeting_point.METRIC, meeting_point.score(test, predict)
