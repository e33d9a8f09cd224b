"""What surrounds an Estimator: exporters, receivers, hooks that stop, a warm start by words.

    python -m parity_tests.witness.programs.estimator_lives --out DIR

The model of most of it counts its steps, and its evaluations have the losses that are
written here, so that what stops or exports by them can be followed. Under 1.15.5: later
releases have no ``tf.estimator``.
"""

import os
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf

from parity_tests.witness.programs import export

LOSSES = np.float32([9, 5, 6, 4, 4.5, 4.25, 3])  # of an evaluation at each step
STEPS = len(LOSSES) - 1
X = np.float32([[1, 2], [3, -1]])
OLD_WORDS, NEW_WORDS = ("a", "b", "c"), ("c", "d", "a")


def counting(features, labels, mode):
    """Trains nothing; its prediction is the step, its loss is written above."""
    del labels
    step = tf.train.get_or_create_global_step()
    if mode == tf.estimator.ModeKeys.PREDICT:
        said = tf.fill([tf.shape(features["x"])[0]], step)
        sums = tf.reduce_sum(features["x"], 1)
        return tf.estimator.EstimatorSpec(mode, predictions={"step": said, "sum": sums})
    loss = tf.gather(LOSSES, step)
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=tf.assign_add(step, 1))


def inputs(num_epochs=None):
    return tf.estimator.inputs.numpy_input_fn(
        {"x": X}, X[:, 0], len(X), num_epochs=num_epochs, shuffle=False
    )


def counter(folder):
    config = tf.estimator.RunConfig(
        save_checkpoints_steps=1, keep_checkpoint_max=None, save_summary_steps=1
    )
    return tf.estimator.Estimator(counting, folder, config)


def parsing():
    """A receiver of serialized examples."""
    return tf.estimator.export.build_parsing_serving_input_receiver_fn(
        {"x": tf.FixedLenFeature([2], tf.float32)}
    )


def raw():
    """A receiver of the features themselves."""
    x = tf.placeholder(tf.float32, [None, 2])
    return tf.estimator.export.build_raw_serving_input_receiver_fn({"x": x})()


def answers(folder, feed):
    """{name: array} of what a SavedModel says to what its one input is fed."""
    with tf.Graph().as_default(), tf.Session() as session:
        signature = tf.saved_model.loader.load(session, ["serve"], folder)
        signature = signature.signature_def["serving_default"]
        ((_, fed),) = signature.inputs.items()
        outputs = {name: info.name for name, info in signature.outputs.items()}
        return session.run(outputs, {fed.name: feed})


def exported(folder, exporters):
    """{name: the steps at which what it kept was exported} of a whole training."""
    estimator = counter(folder)
    train_and_evaluate(estimator, exporters=exporters)
    kept = {}
    for exporter in exporters:
        exports = os.path.join(folder, "export", exporter.name)
        newest = sorted(os.path.join(exports, name) for name in os.listdir(exports))
        kept[exporter.name] = np.array(
            [answers(path, X)["step"][0] for path in newest if path[-1].isdigit()]
        )
    return kept


def train_and_evaluate(estimator, hooks=(), exporters=()):
    tf.estimator.train_and_evaluate(
        estimator,
        tf.estimator.TrainSpec(inputs(), STEPS, hooks),
        # A step: it reads no input, whose end would be the end of an evaluation.
        tf.estimator.EvalSpec(inputs(1), 1, exporters=exporters, throttle_secs=0),
    )


def stopped(folder):
    """{hook: the step at which it stopped a training that is evaluated at each step}."""
    own = tf.estimator.experimental
    each_step = dict(run_every_secs=None, run_every_steps=1)
    hooks = {
        "stop_if_no_decrease_hook": lambda e: own.stop_if_no_decrease_hook(
            e, "loss", 2, **each_step
        ),
        "stop_if_no_increase_hook": lambda e: own.stop_if_no_increase_hook(
            e, "loss", 2, **each_step
        ),
        "stop_if_lower_hook": lambda e: own.stop_if_lower_hook(
            e, "loss", 4.75, **each_step
        ),
        "stop_if_higher_hook": lambda e: own.stop_if_higher_hook(
            e, "loss", 5.5, **each_step
        ),
        "make_early_stopping_hook": lambda e: own.make_early_stopping_hook(
            e, lambda: e.get_variable_value("global_step") >= 2, **each_step
        ),
    }
    steps = {}
    for name, make in hooks.items():
        estimator = counter(os.path.join(folder, name))
        os.makedirs(estimator.eval_dir())  # where the hook looks for evaluations
        train_and_evaluate(estimator, [make(estimator)])
        steps[name] = np.array(estimator.get_variable_value("global_step"))
    return steps


def evaluated_in_memory(folder):
    """The steps at which InMemoryEvaluatorHook evaluated, every third."""
    estimator = counter(folder)
    hook = tf.estimator.experimental.InMemoryEvaluatorHook(
        estimator, inputs(1), steps=1, every_n_iter=3
    )
    estimator.train(inputs(), [hook], max_steps=STEPS)
    (name,) = os.listdir(estimator.eval_dir())
    events = tf.train.summary_iterator(os.path.join(estimator.eval_dir(), name))
    return {
        "steps": np.array([event.step for event in events if event.HasField("summary")])
    }


def metrics_added(folder):
    """The evaluation of a linear regressor with a metric that it has not."""
    estimator = tf.estimator.add_metrics(
        tf.estimator.LinearRegressor(
            [tf.feature_column.numeric_column("x", [2])], folder
        ),
        lambda labels, predictions: {
            "error": tf.metrics.mean_absolute_error(labels, predictions["predictions"])
        },
    )
    estimator.train(inputs(), steps=1)
    return {key: np.array(v) for key, v in estimator.evaluate(inputs(1)).items()}


def embedding(features, labels, mode, params):
    """A table with a row for each word, which its loss moves."""
    del features, labels
    table = tf.get_variable(
        "table",
        [3, 2],
        initializer=tf.random_uniform_initializer(seed=params["seed"]),
    )
    step = tf.train.get_or_create_global_step()
    return tf.estimator.EstimatorSpec(
        mode, loss=tf.reduce_sum(table), train_op=tf.assign_add(step, 1)
    )


def warm_started(folder):
    """The table of the old words, and that of the new ones as it starts."""
    paths = []
    for name, words in (("old", OLD_WORDS), ("new", NEW_WORDS)):
        paths.append(os.path.join(folder, name + ".txt"))
        with open(paths[-1], "w") as file:
            file.write("\n".join(words) + "\n")
    old_path, new_path = paths
    tables = {}
    vocabulary = tf.estimator.VocabInfo(
        new_path, len(NEW_WORDS), 0, old_path, backup_initializer=tf.ones_initializer()
    )
    old = os.path.join(folder, "old")
    settings = tf.estimator.WarmStartSettings(
        old, var_name_to_vocab_info={"table": vocabulary}
    )
    for name, warm in (("old", None), ("new", settings)):
        estimator = tf.estimator.Estimator(
            embedding,
            os.path.join(folder, name),
            params={"seed": len(tables) + 1},
            warm_start_from=warm,
        )
        estimator.train(inputs(), steps=1)
        tables[name] = estimator.get_variable_value("table")
    return tables


def received(folder):
    """What exports answer to serialized examples, and to numbers."""
    estimator = counter(folder)
    estimator.train(inputs(), max_steps=1)
    rows = []
    for row in X:
        example = tf.train.Example()
        example.features.feature["x"].float_list.value.extend(row)
        rows.append(example.SerializeToString())
    sums = {}
    for name, receiver, feed in (("parsing", parsing(), rows), ("raw", raw, X)):
        path = estimator.export_saved_model(os.path.join(folder, name), receiver)
        sums[name] = answers(path.decode(), feed)["sum"]
    return sums


def specifications():
    """The parsing specifications of columns and labels, as text."""
    columns = [tf.feature_column.numeric_column("x", [2])]
    classes = tf.estimator.classifier_parse_example_spec(columns, "y")
    numbers = tf.estimator.regressor_parse_example_spec(columns, "y")
    return {"classes": np.array(repr(classes)), "numbers": np.array(repr(numbers))}


def main():
    out = export.folder("estimator_lives", __doc__)
    tf.logging.set_verbosity(tf.logging.ERROR)
    with tempfile.TemporaryDirectory() as scratch:

        def folder(name):
            return os.path.join(scratch, name)

        exporters = [
            tf.estimator.LatestExporter("latest", raw),
            tf.estimator.BestExporter("best", raw),
        ]
        parts = {
            "exported": exported(folder("exported"), exporters),
            "stopped": stopped(folder("stopped")),
            "evaluated in memory": evaluated_in_memory(folder("in_memory")),
            "metrics": metrics_added(folder("metrics")),
            "table": warm_started(scratch),
            "received": received(folder("received")),
            "specifications": specifications(),
        }
    arrays = {
        f"{part}/{name}": value
        for part, values in parts.items()
        for name, value in values.items()
    }
    export.write("estimator_lives", out, None, arrays)


if __name__ == "__main__":
    main()
