"""What exporters, receivers, hooks and a warm start of 1.15.5 did, and what does it today."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.witness import stored

# programs/estimator_lives.py needs tf.estimator; what is taken from it is said again.
LOSSES = np.float32([9, 5, 6, 4, 4.5, 4.25, 3])  # of an evaluation at each step
STEPS = len(LOSSES) - 1
X = np.float32([[1, 2], [3, -1]])
OLD_WORDS, NEW_WORDS = ("a", "b", "c"), ("c", "d", "a")


def recorded(part):
    """{name: array} of one part of what 1.15.5 did."""
    return {
        name.partition("/")[2]: value
        for name, value in stored.computed("estimator_lives").items()
        if name.partition("/")[0] == part
    }


class Scripted(keras.Model):
    """Trains nothing; its evaluation after so many steps has the loss that is written."""

    def __init__(self):
        super().__init__()
        self.steps_done = self.add_weight(shape=(), dtype="int32", trainable=False)

    def call(self, x):
        return x

    def train_step(self, data):
        self.steps_done.assign_add(1)
        return {"loss": 0.0}

    def test_step(self, data):
        # Under the name "loss" Keras would tell its own mean, of nothing.
        return {"cost": tf.gather(LOSSES, self.steps_done.value)}


def fit(*callbacks, **options):
    """The steps that were done, one an epoch, evaluated after each unless told otherwise."""
    model = Scripted()
    model.compile(jit_compile=False)
    options = {"epochs": STEPS, "steps_per_epoch": 1} | options
    examples = tf.data.Dataset.from_tensor_slices(X).batch(2)
    model.fit(
        examples.repeat(),
        validation_data=examples,
        shuffle=False,
        verbose=0,
        callbacks=list(callbacks),
        **options,
    )
    return int(model.steps_done.numpy())


def test_the_arrays_are_those_that_1_15_5_computed():
    stored.require_provenance("estimator_lives")


def test_what_is_exported(tmp_path):
    """The latest five; what was better than all before, the first evaluation left out.

    That one's own record was the best so far when the exporter first looked for it.
    """
    steps = recorded("exported")
    assert steps["latest"].tolist() == [2, 3, 4, 5, 6]
    saved = []

    class Checkpoint(keras.callbacks.ModelCheckpoint):
        def _save_model(self, epoch, batch, logs):
            if self._should_save_model(epoch, batch, logs, ""):
                saved.append(epoch + 1)

    fit(
        Checkpoint(
            str(tmp_path / "best.keras"),
            monitor="val_cost",
            mode="min",
            save_best_only=True,
        )
    )
    assert saved == [1, 3, 6] and steps["best"].tolist() == saved[1:]


def test_early_stopping_counts_epochs_where_the_hooks_counted_steps():
    """With an evaluation after each step both are the same."""
    stopped = {name: int(step) for name, step in recorded("stopped").items()}
    assert stopped["make_early_stopping_hook"] < STEPS
    stopping = keras.callbacks.EarlyStopping
    assert stopped["stop_if_no_decrease_hook"] == fit(
        stopping("val_cost", 0, 2, mode="min")
    )
    assert stopped["stop_if_no_increase_hook"] == fit(
        stopping("val_cost", 0, 2, mode="max")
    )
    # Two steps an epoch, and it goes on for longer.
    assert stopped["stop_if_no_decrease_hook"] < fit(
        stopping("val_cost", 0, 2, mode="min"), epochs=STEPS // 2, steps_per_epoch=2
    )


def stop_if(is_reached):
    """A callback that stops after an evaluation whose loss is so."""

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if is_reached(logs["val_cost"]):
                self.model.stop_training = True

    return Stop()


def test_a_threshold_is_a_callback_of_one_s_own():
    """EarlyStopping has a baseline, by which it stops what does *not* come below it."""
    stopped = {name: int(step) for name, step in recorded("stopped").items()}
    assert stopped["stop_if_lower_hook"] == fit(stop_if(lambda loss: loss < 4.75))
    assert stopped["stop_if_higher_hook"] == fit(stop_if(lambda loss: loss > 5.5))
    baseline = keras.callbacks.EarlyStopping(
        "val_cost", 0, 2, mode="min", baseline=4.75
    )
    assert fit(baseline) != stopped["stop_if_lower_hook"]


def test_a_hook_in_memory_evaluates_before_the_first_step_and_at_the_end():
    """Every third step besides; validation_freq only after each third epoch."""
    steps = recorded("evaluated in memory")["steps"]
    assert sorted(set(steps.tolist())) == [0, 3, 6]
    evaluated = []
    fit(
        keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: (
                "val_cost" in logs and evaluated.append(epoch + 1)
            )
        ),
        validation_freq=3,
    )
    assert evaluated == [3, 6]


def test_an_added_metric_stands_beside_those_that_were_there():
    """By the name that the function gave it."""
    metrics = recorded("metrics")
    assert {"loss", "average_loss", "error"} < {*metrics}


def test_a_warm_start_by_words_takes_rows():
    """A word that is new has what the initialiser says."""
    tables = recorded("table")
    table = np.ones_like(tables["new"])
    for row, word in enumerate(NEW_WORDS):
        if word in OLD_WORDS:
            table[row] = tables["old"][OLD_WORDS.index(word)]
    np.testing.assert_array_equal(table, tables["new"], strict=True)
    assert not np.array_equal(tables["new"], tables["old"])


def test_an_export_takes_serialized_examples_or_numbers(tmp_path):
    """An endpoint of each kind answers what TF1's receivers answered."""
    x = keras.Input([2], name="x")
    model = keras.Model(x, {"sum": keras.ops.sum(x, 1)})

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def of_examples(serialized):
        features = {"x": tf.io.FixedLenFeature([2], tf.float32)}
        return model(tf.io.parse_example(serialized, features)["x"])

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serving_default", of_examples)
    archive.add_endpoint("raw", model, [tf.TensorSpec([None, 2])])
    archive.write_out(str(tmp_path / "exported"), verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "exported"))
    rows = []
    for row in X:
        example = tf.train.Example()
        example.features.feature["x"].float_list.value.extend(row)
        rows.append(example.SerializeToString())
    of_tf1 = recorded("received")
    answer = loaded.signatures["serving_default"](tf.constant(rows))["sum"]
    np.testing.assert_array_equal(answer, of_tf1["parsing"], strict=True)
    answer = loaded.signatures["raw"](tf.constant(X))["sum"]
    np.testing.assert_array_equal(answer, of_tf1["raw"], strict=True)


@pytest.mark.parametrize(
    "kind, dtype", [("classes", tf.int64), ("numbers", tf.float32)]
)
def test_a_specification_of_columns_and_a_label(kind, dtype):
    """What a parsing specification held: the label is of one number."""
    column = tf1.feature_column.numeric_column("x", [2])
    of_columns = tf1.feature_column.make_parse_example_spec([column])
    label = tf.io.FixedLenFeature((1,), dtype)
    specification = {**of_columns, "y": label}
    assert str(recorded("specifications")[kind]) == repr(specification)
    assert specification["x"] == tf.io.FixedLenFeature((2,), tf.float32)
