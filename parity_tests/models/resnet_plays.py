"""What the claims about the residual network are drawn from."""

import functools

import numpy as np
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.models.drawn import Drawn, random_state, trained_and_predicted

# The smallest network with two stages: its second has an identity shortcut that pads.
TINY = {"image_shape": (8, 8, 3), "classes": 3, "blocks": (1, 1), "width": 4}
# The rate goes down after the second step and after the fourth.
SMALL = {**TINY, "boundaries": (2, 4), "batch_size": 4}
START = None
# Odd sizes make SAME padding asymmetric, odd widths the padding of the shortcuts.
STRUCTURES = {
    "even": SMALL,
    "odd": {
        "image_shape": (7, 5, 1),
        "classes": 2,
        "blocks": (1, 1),
        "width": 3,
        "boundaries": (1, 2),
        "learning_rates": (0.3, 0.1, 0.007),
        "weight_decay": 0.0,
    },
    "three stages": {
        "image_shape": (9, 6, 3),
        "classes": 4,
        "blocks": (2, 1, 1),
        "width": 2,
        "boundaries": (2**24 + 1, 2**31 - 1),  # the first is no float32
        "momentum": 0.5,
        "decay": 0.997,
        "weight_decay": 0.01,
    },
    # Two classes at least: of one unit Keras's Dense adds its bias by broadcasting.
    "one block": {
        "image_shape": (5, 4, 3),
        "classes": 2,
        "blocks": (1,),
        "width": 8,
        "boundaries": (1, 3),
        "momentum": 0.0,
        "decay": 0.0,
    },
    "bottleneck": {
        "image_shape": (15, 18, 3),
        "classes": 3,
        "blocks": (1, 1),
        "width": 2,
        "bottleneck": True,
        "boundaries": (1, 3),
        "decay": 0.99,
    },
    "deep bottleneck": {
        "image_shape": (33, 9, 1),
        "classes": 5,
        "blocks": (2, 1),
        "width": 5,
        "bottleneck": True,
        "boundaries": (2, 4),
        "momentum": 0.99,
        "epsilon": 1e-3,
    },
}
# Where eager code rounds otherwise in every stage: (fields, values to start from).
REVEALING = ((STRUCTURES["even"], None), (STRUCTURES["deep bottleneck"], None))


@st.composite
def plays(draw, awkward=True):
    """A short training of one of the structures, from the middle of another.

    Not awkward: one step of ordinary data. From the second on, a last bit of a weight may
    decide whether a ReLU passes its input, and in networks as small as these that is no
    rounding error.
    """
    structures = list(STRUCTURES) if awkward else ["even", "odd"]
    fields = STRUCTURES[draw(st.sampled_from(structures))]
    size = draw(st.integers(1, 5) if awkward else st.integers(4, 8))
    last = draw(st.integers(1 if awkward else 4, size))
    magnitude = draw(st.sampled_from([100.0, 1e30])) if awkward else 100.0
    array = functools.partial(strategies.arrays, awkward=awkward, magnitude=magnitude)
    steps = draw(st.integers(0, 3)) if awkward else 0
    batches = [
        {
            "x": draw(array((examples, *fields["image_shape"]))),
            "y_true": draw(strategies.labels(examples, fields["classes"])),
        }
        for examples in [size] * steps + [last]
    ]
    fields = tuple(fields.items())
    moves = trained_and_predicted(batches)
    return Drawn(fields, moves if awkward else moves[:1], draw(states(fields, awkward)))


@st.composite
def states(draw, fields, awkward=True):
    """{name: value} of every variable and slot, as in the middle of a training."""
    random = random_state(draw)
    shapes = variable_shapes(fields)
    values = {
        name: value_in_training(name, shape, random) for name, shape in shapes.items()
    }
    near = [
        boundary + offset
        for boundary in dict(fields)["boundaries"]
        for offset in (-2, -1, 0)
    ]
    values["global_step"] = np.int64(draw(st.sampled_from([0, 1, *near])))
    if awkward:
        chosen = st.sampled_from(sorted(set(shapes) - {"global_step"}))
        for name in draw(st.lists(chosen, max_size=3, unique=True)):
            values[name] = draw(strategies.arrays(shapes[name]))
    return values


@functools.cache
def variable_shapes(fields):
    """{TF1 name: shape} of all variables of a configuration."""
    from parity_tests.models import chapters

    program = chapters.program(
        "resnet", chapters.graph("resnet").Config(**dict(fields))
    )
    return {
        name: tuple(variable.shape.as_list())
        for name, variable in program.variables.items()
    }


def value_in_training(name, shape, random):
    """What a variable of that name might hold after some steps."""
    normal = random.standard_normal(shape)
    kind = name.rsplit("/", 1)[-1]
    if kind == "kernel":
        normal *= np.sqrt(2 / np.prod(shape[:-1]))
    elif kind in ("gamma", "moving_variance"):
        normal = 1 + 0.1 * np.abs(normal)
    else:
        normal *= 0.1
    return normal.astype(np.float32)


def batches(config, count, size=4, seed=0):
    """Standard normal images and labels of all classes."""
    random = np.random.RandomState(seed)
    return [
        {
            "x": random.standard_normal((size, *config.image_shape)).astype(np.float32),
            "y_true": random.randint(config.classes, size=size),
        }
        for _ in range(count)
    ]


def moves(config):
    """Four steps on noise, the last on a short batch, and predictions."""
    last = batches(config, 1, size=3, seed=1)
    return trained_and_predicted([*batches(config, 3), *last])
