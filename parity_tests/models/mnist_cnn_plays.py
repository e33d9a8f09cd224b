"""What the claims about the MNIST chapter are drawn from."""

import functools

import numpy as np
from hypothesis import strategies as st

from parity_tests.datasets import mnist
from parity_tests.engine import strategies
from parity_tests.models.drawn import Drawn, trained_and_predicted
from parity_tests.models.mnist_cnn_faults import DROPOUT_OF_COMPAT_V1

SMALL = {"image_size": 12, "channels": (2, 3), "hidden": 8, "batch_size": 10}
START = None
# At shares that are no power of two compat.v1 scales otherwise than 1.15.
MOVED = DROPOUT_OF_COMPAT_V1
# Seed and keep_prob are part of a graph: few of them, so that few graphs are built.
# Images of odd sizes are padded where they are pooled.
CONFIGURATIONS = tuple(
    tuple(
        {**SMALL, "image_size": size, "patch": patch, "keep_prob": p, "seed": s}.items()
    )
    for size, patch, p, s in (
        (8, 5, 0.5, 1),
        (7, 5, 0.75, 0),
        (9, 5, 0.3, 2**31 - 1),
        (12, 5, 1.0, 87654321),
        (7, 4, 0.3, 2**63 - 1),
    )
)


@st.composite
def plays(draw, awkward=True):
    """A short training on images with ties: every window of a pool has several maxima."""
    fields = draw(st.sampled_from(CONFIGURATIONS))
    size, classes = dict(fields)["image_size"], 10
    examples = draw(st.integers(3, 18))
    magnitude = draw(st.sampled_from([1.0, 100.0]))
    images = draw(
        strategies.arrays((examples, size**2), awkward=awkward, magnitude=magnitude)
    )
    labels = mnist.one_hot(draw(strategies.labels(examples, classes)))
    cuts = draw(strategies.batches(examples, 9))
    batches = [{"x": images[cut], "y_true": labels[cut]} for cut in cuts]
    rate = draw(st.sampled_from([1e-4, 1e-2, 0.3]))
    return Drawn(
        fields,
        trained_and_predicted(batches),
        draw(starts(fields)),
        {"learning_rate": rate},
    )


@st.composite
def starts(draw, fields):
    """{TF1 name: array} in place of some initial values and slots; None for none.

    Biases of zero under images with zeros put exact zeros before each ReLU.
    """
    if draw(st.booleans()):
        return None
    shapes = variable_shapes(fields)
    values = zero_biases(shapes)
    for name in draw(st.sets(st.sampled_from(sorted(shapes)), max_size=2)):
        array = strategies.arrays(shapes[name], magnitude=1.0)
        values[name] = draw(array)
        values[f"{name}/Adam"] = draw(array)
        values[f"{name}/Adam_1"] = np.abs(draw(array))
        # As after so many steps.
        step = draw(st.integers(1, 2000))
        values["beta1_power"] = np.float32(0.9**step)
        values["beta2_power"] = np.float32(0.999**step)
    return values


@functools.cache
def variable_shapes(fields):
    """{TF1 name: shape} of the variables of a configuration, the optimizer's left out."""
    from parity_tests.models import chapters

    program = chapters.program(
        "mnist_cnn", chapters.graph("mnist_cnn").Config(**dict(fields))
    )
    return {
        name: tuple(variable.shape.as_list())
        for name, variable in program.variables.items()
        if name not in program.slots
    }


def zero_biases(shapes):
    """{TF1 name: zeros} of every bias."""
    return {
        name: np.zeros(shape, np.float32)
        for name, shape in shapes.items()
        if len(shape) == 1
    }


@functools.cache
def small_digits():
    """(images [500, 144], one-hot labels [500, 10]): the middle of real digits."""
    digits = mnist.load()
    middle = digits.train_images[:500, 8:20, 8:20]
    return mnist.flatten_and_scale(middle), mnist.one_hot(digits.train_labels[:500])


def batches(steps, size=10):
    """The first so many batches of the small digits, the last one short."""
    images, labels = small_digits()
    cuts = [slice(size * step, size * step + size) for step in range(steps)]
    cuts[-1] = slice(cuts[-1].start, cuts[-1].stop - 3)
    return [{"x": images[cut], "y_true": labels[cut]} for cut in cuts]


def moves(config):
    """Three steps on real digits, the last on a short batch, and predictions."""
    return trained_and_predicted(batches(3, config.batch_size))
