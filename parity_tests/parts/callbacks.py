"""The descriptors of tf1_semantics.callbacks, and what they are compared with."""

import tempfile

import keras
import numpy as np
import tensorflow.compat.v1 as tf1

from parity_tests.parts.descriptor import Part, Trap
from tf1_graph.models import linear_regression as graph
from tf2_keras import tf1_semantics
from tf2_keras.models import linear_regression as twin

STEPS = 10


def losses_of_tf1(x, y_true, steps, **fields):
    """[loss of each step] that a Session fetched beside the step of descent."""
    built = graph.build(graph.Config(**fields))
    feed_dict = {built.x: x, built.y_true: y_true}
    with built.graph.as_default():
        init = tf1.global_variables_initializer()
        with tf1.Session() as session:
            session.run(init)
            fetches = [built.loss, built.train]
            return [session.run(fetches, feed_dict)[0] for _ in range(steps)]


def fit(x, y_true, epochs, steps_per_epoch, callback, **fields):
    """Trains the twin, all data at each step."""
    model = twin.build(twin.Config(**fields))
    model.fit(
        twin.mini_batches(x, y_true, len(x), seed=0),
        epochs=epochs,
        steps_per_epoch=steps_per_epoch,
        shuffle=False,
        verbose=0,
        callbacks=[callback],
    )


def _mean_so_far():
    """{step: error} of what fit logs."""
    x, y_true = graph.make_data()
    fields = {"learning_rate": 0.1}
    losses = []
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda _, logs: losses.append(logs["loss"])
    )
    fit(x, y_true, 1, STEPS, callback, **fields)
    expected = losses_of_tf1(x, y_true, STEPS, **fields)
    errors = np.abs(np.subtract(losses, expected)) / np.abs(expected)
    return {step: float(errors[step - 1]) for step in (1, STEPS)}


def saved_by_tf1(folder, starts, save_steps, max_to_keep):
    """(steps that were saved, those kept) by trainings of so many steps, one after another."""
    saved = []

    class Listener(tf1.train.CheckpointSaverListener):
        def after_save(self, session, global_step_value):  # noqa: ARG002
            saved.append(int(global_step_value))

    for steps in starts:
        with tf1.Graph().as_default():
            train = tf1.train.get_or_create_global_step().assign_add(1)
            scaffold = tf1.train.Scaffold(
                saver=tf1.train.Saver(max_to_keep=max_to_keep)
            )
            hook = tf1.train.CheckpointSaverHook(
                folder, save_steps=save_steps, scaffold=scaffold, listeners=[Listener()]
            )
            creator = tf1.train.ChiefSessionCreator(scaffold, checkpoint_dir=folder)
            with tf1.train.MonitoredSession(creator, [hook]) as session:
                for _ in range(steps):
                    session.run(train)
    return saved, kept(folder)


def saved_by_fit(folder, starts, save_steps, max_to_keep, callback=None):
    """The same of as many calls of fit, each of another model that goes on."""
    saved, saver = [], tf1_semantics.callbacks.CheckpointSaver
    x, y_true = graph.make_data()
    for steps in starts:
        model = twin.build(twin.Config(learning_rate=0.1))
        saver.restore(model, folder)
        model.fit(
            twin.mini_batches(x, y_true, len(x), seed=0),
            steps_per_epoch=steps,
            shuffle=False,
            verbose=0,
            callbacks=[
                callback or saver(folder, save_steps, max_to_keep, saved.append)
            ],
        )
    return saved, kept(folder)


def kept(folder):
    """The steps of the checkpoints that a folder knows."""
    state = tf1.train.get_checkpoint_state(folder)
    paths = state.all_model_checkpoint_paths if state else []
    return [int(path.rpartition("-")[2]) for path in paths]


def _by_model_checkpoint():
    """{1: error} of the steps that ModelCheckpoint saves, as a share of TF1's."""
    with tempfile.TemporaryDirectory() as folder:
        expected, _ = saved_by_tf1(folder + "/tf1", [5], 2, 5)
        path, saved = folder + "/{batch}.weights.h5", []
        callback = keras.callbacks.ModelCheckpoint(
            path, save_weights_only=True, save_freq=2
        )
        save = callback._save_model
        callback._save_model = lambda *arguments, batch=None, **options: (
            saved.append(batch + 1),
            save(*arguments, batch=batch, **options),
        )
        saved_by_fit(folder + "/twin", [5], 2, 5, callback)
    return {1: len({*expected} - {*saved}) / len(expected)}


PARTS = (
    Part(
        name="callbacks.CheckpointSaver",
        tf1="tf.train.CheckpointSaverHook",
        proof="parity_tests/parts/callbacks_test.py::test_steps_are_saved_and_kept_as_by_tf1",
        samples=(
            {"checkpoint_dir": "folder", "save_steps": 3},
            {
                "checkpoint_dir": "folder",
                "save_steps": 1,
                "max_to_keep": 2,
                "checkpoint_basename": "model",
            },
        ),
        refused=tuple(
            ({"checkpoint_dir": "folder", "save_steps": 3, name: value}, name)
            for name, value in (
                ("save_steps", 0),
                ("save_steps", 1.5),
                ("max_to_keep", 0),
                ("max_to_keep", None),
            )
        ),
        traps=(
            Trap(
                "keras.callbacks.ModelCheckpoint(path, save_freq=2)",
                _by_model_checkpoint,
                {1: 0.5},
                "tf1_semantics.callbacks.CheckpointSaver(folder, 2)",
            ),
        ),
    ),
    Part(
        name="callbacks.StepHistory",
        tf1="tf.Session.run",
        proof="parity_tests/parts/callbacks_test.py::test_losses_are_those_of_each_step",
        samples=({},),
        traps=(
            Trap(
                'LambdaCallback(on_train_batch_end=lambda step, logs: logs["loss"])',
                _mean_so_far,
                {10: 1.0},
                "tf1_semantics.callbacks.StepHistory()",
            ),
        ),
    ),
)
