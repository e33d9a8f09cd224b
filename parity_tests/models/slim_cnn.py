"""What slim_cnn is run on: pictures of stripes, and what 1.15.5 did with them.

Its TF1 side is TensorFlow 1.15's alone: contrib left with 2.0, and slim with it.
"""

TEACHES = (
    "a CNN of tf.contrib.slim: arg_scope, repeat, batch_norm, regularisers, resizing, "
    "get_total_loss and create_train_op"
)
STEPS = 6
LEVELS = ("function",)
RECORDED = {
    "play": {},
    "other numbers": {
        "image_size": 8,
        "channels": (4, 6),
        "hidden": 5,
        "keep_prob": 0.75,
        "weight_decay": 0.03,
        "learning_rate": 0.002,
        "momentum": 0.5,
        "batch_size": 4,
        "steps": 4,
        "seed": 7,
    },
}


def configure(_data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(_data, _seed):
    """(what both programs take, nothing to score on): float32 [n, 10, 10, 3], int64 [n]."""
    from tf1_graph.models.slim_cnn import examples

    return examples(), ()
