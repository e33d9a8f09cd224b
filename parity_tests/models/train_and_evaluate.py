"""What train_and_evaluate is run on: ten irises, and what 1.15.5 was run with on them.

Its TF1 side is TensorFlow 1.15's alone: 2.16 took tf.estimator away, compat.v1's as well.
"""

from parity_tests.models import estimator

TEACHES = (
    "train_and_evaluate, TrainSpec, EvalSpec, FinalExporter, a program started twice: fit "
    "with evaluate in the callback that saves, export"
)
STEPS = 3
LEVELS = ("fit",)
RECORDED = {
    "play": {},
    # Saved at the start and the end only, nothing is deleted.
    "other numbers": {
        "steps": 2,
        "steps_in_all": 5,
        "save_every": 9,
        "max_to_keep": 5,
        "batch_size": 2,
        "hidden_units": 3,
        "dropout": 0.5,
        "learning_rate": 0.02,
    },
    # Saved and evaluated at each step, and only the latest is kept.
    "each step": {
        "steps": 1,
        "steps_in_all": 3,
        "save_every": 1,
        "max_to_keep": 1,
        "batch_size": 8,
        "seed": 7,
    },
}
SOURCES = ("tf1_graph/models/estimator.py",)  # whose Estimator it is
configure, load = estimator.configure, estimator.load
