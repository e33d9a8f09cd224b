"""What canned_estimator is run on: ten irises, and what 1.15.5 was run with on them.

Its TF1 side is TensorFlow 1.15's alone: 2.16 took tf.estimator away, compat.v1's as well.
"""

from parity_tests.models import estimator

TEACHES = (
    "canned DNNClassifier and LinearClassifier: layers, a loss that is a sum, Adagrad and "
    "Ftrl at rates of their own"
)
STEPS = 4
LEVELS = ("fit",)
RECORDED = {
    "play": {},
    "other numbers": {"steps": 3, "batch_size": 2, "hidden_units": 3},
    "another seed": {"steps": 2, "batch_size": 8, "seed": 7},
}
SOURCES = ("tf1_graph/models/estimator.py",)  # whose inputs and hook it has
configure, load = estimator.configure, estimator.load
