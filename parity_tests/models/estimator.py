"""What estimator is run on: ten irises, and what 1.15.5 was run with on them.

Its TF1 side is TensorFlow 1.15's alone: 2.16 took tf.estimator away, compat.v1's as well.
"""

TEACHES = (
    "model_fn by mode, EstimatorSpec, RunConfig, hooks, warm start: compile, fit, "
    "evaluate, predict"
)
STEPS = 4
LEVELS = ("fit",)
RECORDED = {
    "play": {},
    # Its last step is no multiple of those at which it is saved.
    "other numbers": {
        "steps": 3,
        "max_to_keep": 5,
        "batch_size": 2,
        "hidden_units": 3,
        "dropout": 0.5,
        "learning_rate": 0.02,
    },
    # Saved at each step, and only the latest is kept.
    "each step": {
        "steps": 2,
        "save_every": 1,
        "max_to_keep": 1,
        "batch_size": 8,
        "seed": 7,
    },
}


def configure(_data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(_data, _seed):
    """(what both programs take, nothing to score on), float32 [10, 4] and int64 [10]."""
    from tf1_graph.models.estimator import examples

    return examples(), ()
