"""What cnn_layers is run on: digits as clocks show them, and what 1.15.5 did with them.

Its TF1 side is TensorFlow 1.15's alone: with Keras 3 even compat.v1 has no tf.layers, and
tensorflow.examples left with 2.0.
"""

import numpy as np

TEACHES = (
    "a CNN of tf.layers and input_data: keras.layers, UPDATE_OPS, dropout by rate, "
    "batch normalisation, next_batch"
)
STEPS = 8
LEVELS = ("function",)
RECORDED = {
    "play": {},
    # Batches go over the end of two epochs, and the last is short of nothing.
    "other numbers": {
        "patch": 3,
        "channels": (3, 5),
        "hidden": 7,
        "dropout": 0.25,
        "learning_rate": 0.02,
        "batch_size": 8,
        "validation_size": 80,
        "steps": 5,
        "seed": 7,
    },
}


def configure(_data, seed):
    """Fields of the chapter's Config for a run: a net that is as deep, and narrower."""
    return {
        "channels": (8, 16),
        "hidden": 64,
        "learning_rate": 0.05,
        "batch_size": 16,
        "validation_size": 16,
        "seed": seed,
    }


# What is lit of the seven segments of each digit.
LIT = ["012345", "12", "01346", "01236", "1256", "02356", "023456", "012"]
LIT += ["0123456", "012356"]
SEGMENTS = (  # of a digit's box: rows, then columns
    (slice(0, 2), slice(0, 10)),  # above
    (slice(0, 10), slice(8, 10)),  # right of it
    (slice(8, 18), slice(8, 10)),
    (slice(16, 18), slice(0, 10)),  # below
    (slice(8, 18), slice(0, 2)),  # left of it
    (slice(0, 10), slice(0, 2)),
    (slice(8, 10), slice(0, 10)),  # in the middle
)


def load(_data, _seed):
    """(what both programs take, nothing to score on): twice uint8 [n, 28, 28] and [n].

    Digits as clocks show them, somewhere on the paper: 96 to train on, 32 to test.
    """
    random = np.random.RandomState(0)
    labels = np.uint8(np.arange(128) % 10)
    images = np.uint8(random.randint(0, 64, [128, 28, 28]))
    for image, label in zip(images, labels):
        top, left = random.randint(0, 10), random.randint(0, 18)
        box = image[top : top + 18, left : left + 10]
        for number in LIT[label]:
            rows, columns = SEGMENTS[int(number)]
            box[rows, columns] = random.randint(128, 256)
    return ((images[:96], labels[:96]), (images[96:], labels[96:])), ()
