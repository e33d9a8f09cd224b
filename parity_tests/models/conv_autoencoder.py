"""What conv_autoencoder is run on: digits as clocks show them, and what 1.15.5 did with them.

Its TF1 side is TensorFlow 1.15's alone: with Keras 3 even compat.v1 has no tf.layers.
"""

from parity_tests.models import cnn_layers

TEACHES = (
    "an autoencoder of tf.layers: average_pooling2d, resize_nearest_neighbor, "
    "conv2d_transpose, pictures that are resized by nearest neighbours"
)
STEPS = 6
LEVELS = ("function",)
RECORDED = {
    "play": {},
    # Its pixels are every third and fourth of 28, and the last batch begins again.
    "other numbers": {
        "image_size": 8,
        "channels": (3, 5),
        "code": 4,
        "learning_rate": 0.01,
        "momentum": 0.5,
        "batch_size": 48,
        "steps": 4,
        "seed": 7,
    },
}


def configure(_data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(data, seed):
    """(what both programs take, nothing to score on): uint8 [96, 28, 28], [32, 28, 28]."""
    ((train, _), (test, _)), _ = cnn_layers.load(data, seed)
    return (train, test), ()
