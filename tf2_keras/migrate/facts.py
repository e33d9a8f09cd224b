"""What no single call shows, but the program around it: told where it shows."""

from tf2_keras.migrate import catalogue, conditions
from tf2_keras.migrate.rule_file import Rule

FACTS = {
    "broadcast": Rule(
        "tf.placeholder",
        "changes",
        "one orientation on both sides: tf.ensure_shape(y, [None]) or [None, 1]",
        "A target without a static shape is subtracted from a prediction: [batch] "
        "minus [batch, 1] broadcasts to [batch, batch] and trains something else, in "
        "TF1 without a word. A Keras loss object aligns the two shapes instead.",
        "linear_regression",
        "parity_tests/models/linear_regression_test.py"
        "::test_targets_in_a_column_broadcast_without_a_word",
    ),
    "no_global_step": Rule(
        "tf.train.Optimizer.minimize",
        "changes",
        "a constant rate, to keep the numbers; the schedule, to get what was meant",
        "The rate follows a schedule, but this update is not given global_step=: "
        "unless something else moves the step, TF1 trains at the first rate for ever. "
        "A Keras optimizer counts its own steps, so that the same schedule does decay.",
        "resnet",
        "parity_tests/parts/parts_test.py"
        "::test_a_naive_migration_is_off_by_its_stated_margin",
    ),
    "keras": Rule(
        "keras",
        "changes",
        "import keras, which is Keras 3 today",
        "The package was Keras 2 beside TensorFlow 1; what it has is read here as the "
        "tf.keras of 1.15.",
        "layers",
        "parity_tests/migrate/keras_names_test.py"
        "::test_the_package_is_read_as_the_tf_keras_of_1_15",
    ),
    "python_effect": Rule(
        "tf.function",
        "changes",
        "tf.random, a tf.Variable or an argument, whichever is meant",
        "TF1 ran this line of Python once, while the graph was built. Called eagerly the "
        "function runs it at every call; a tf.function runs it once for each trace and "
        "keeps what it gave then.",
        "tensors",
        "parity_tests/migrate/tensors_test.py"
        "::test_python_runs_at_every_call_or_once_a_trace",
    ),
    "no_seed": Rule(
        "tf.set_random_seed",
        "changes",
        "tf.set_random_seed(1) before the first operation, then record the numbers",
        "This program trains and sets no seed, so that no two runs agree. Freeze the "
        "numbers of TF1 first; without a seed there is nothing to compare with.",
        "session_basics",
        "parity_tests/parts/philox_test.py::test_seeds_reach_the_kernel_as_in_tf1",
    ),
}
SEEDS = ("tf.set_random_seed", "tf.random.set_random_seed", "tf.random.set_seed")
RUNS = (
    "tf.Session",
    "tf.InteractiveSession",
    "tf.train.MonitoredTrainingSession",
    "tf.train.MonitoredSession",
    "tf.train.SingularMonitoredSession",
    "tf.train.Supervisor",
    "tf.contrib.slim.learning.train",
    "tf.contrib.training.train",
)
TRAINS = (
    "tf.gradients",
    "tf.contrib.slim.learning.create_train_op",
    "tf.contrib.training.create_train_op",
    "tf.contrib.layers.optimize_loss",
    "tf.contrib.slim.learning.train",
)


def trains(used):
    """Whether a file that uses these symbols trains something."""
    return bool(used.intersection(TRAINS)) or any(map(conditions.is_optimizer, used))


def facts(file):
    """[(place, Rule)] of a scan.File."""
    for use, place in file.facts:
        name, _, dotted = use.dotted.partition(":")
        rule = FACTS.get(name) or catalogue.decide(catalogue.find(name), None)
        if dotted:
            rule = rule._replace(symbol=catalogue.canonical(dotted))
        yield place, rule
    if trains(file.used) and not file.used.intersection(SEEDS):
        for (use, place), known in file.uses:
            if known.symbol in RUNS and use.call is not None:
                yield place, FACTS["no_seed"]
                break
