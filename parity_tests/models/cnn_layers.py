"""What cnn_layers is run on: digits as clocks show them, and what 1.15.5 did with them.

Its TF1 side is TensorFlow 1.15's alone: with Keras 3 even compat.v1 has no tf.layers, and
tensorflow.examples left with 2.0.
"""

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


def load(_data, _seed):
    """(what both programs take, nothing to score on): twice uint8 [n, 28, 28] and [n]."""
    from tf1_graph.models.cnn_layers import examples

    return examples(), ()
