"""TF1's other hooks, beside the callbacks or the lines that stand for them.

The program of both sides trains nothing: the loss of each step is written here.
"""

import os

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

LOSSES = np.float32([9, 5, 6, 4, 4.5])
STEPS = len(LOSSES)


def monitored(make_hooks, feed=None):
    """Runs all steps under the hooks that are made of the loss; gives [loss of a run]."""
    with tf.Graph().as_default():
        step = tf1.train.get_or_create_global_step()
        loss = tf.gather(LOSSES, step)
        # The loss is that before the update, as a gradient would have it.
        with tf.control_dependencies([loss]):
            update = tf1.assign_add(step, 1)
        hooks = make_hooks(loss)
        with tf1.train.SingularMonitoredSession(hooks) as session:
            return [session.run([loss, update], feed)[0] for _ in range(STEPS)]


class Counting(keras.Model):
    """Its loss is that of its step."""

    def train_step(self, data):
        loss = tf.gather(LOSSES, self.optimizer.iterations.value)
        self.optimizer.iterations.assign_add(1)
        return {"loss": loss}


def fit(*callbacks):
    """The same steps, in one epoch."""
    x = keras.Input([1])
    model = Counting(x, keras.layers.Dense(1)(x))
    model.compile("sgd", jit_compile=False)
    model.fit(
        np.zeros([STEPS, 1], np.float32),
        batch_size=1,
        verbose=0,
        shuffle=False,
        callbacks=list(callbacks),
    )


def events(folder):
    """[(tag, step)] of all that stands in a folder."""
    return [
        (value.tag, event.step)
        for name in sorted(os.listdir(folder))
        if "tfevents" in name
        for event in tf1.train.summary_iterator(os.path.join(folder, name))
        for value in event.summary.value
    ]


def test_what_is_logged_every_second_step():
    """From the first one on, and the loss is that before the update."""
    logged, told = [], []
    monitored(
        lambda loss: [
            tf1.train.LoggingTensorHook({"loss": loss}, 2, formatter=logged.append)
        ]
    )
    fit(
        keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: (
                batch % 2 or told.append({"loss": np.float32(logs["loss"])})
            )
        )
    )
    assert logged == told == [{"loss": LOSSES[step]} for step in (0, 2, 4)]


def test_what_is_summarised_every_second_step(tmp_path):
    """The hook begins at step 1, the callback at the first step that 2 divides."""
    monitored(
        lambda loss: [
            tf1.train.SummarySaverHook(
                2,
                output_dir=str(tmp_path / "hook"),
                summary_op=tf1.summary.scalar("loss", loss),
            )
        ]
    )
    assert events(tmp_path / "hook") == [("loss", 1), ("loss", 3), ("loss", 5)]
    callback = keras.callbacks.TensorBoard(
        str(tmp_path), write_graph=False, update_freq=2
    )
    fit(callback)
    batches = [event for event in events(tmp_path / "train") if "batch" in event[0]]
    assert [step for tag, step in batches if tag == "batch_loss"] == [2, 4]


def test_steps_a_second_are_told_once_an_epoch(tmp_path):
    """The hook told them every so many steps, from the second time it was due."""
    monitored(
        lambda _: [tf1.train.StepCounterHook(2, output_dir=str(tmp_path / "hook"))]
    )
    tf1.summary.FileWriterCache.clear()  # the hook itself closes nothing
    # At which steps is not said: it reads the step beside what counts it up.
    by_hook = events(tmp_path / "hook")
    assert {tag for tag, _ in by_hook} == {"global_step/sec"} and len(by_hook) == 2
    fit(
        keras.callbacks.TensorBoard(
            str(tmp_path), write_graph=False, write_steps_per_second=True
        )
    )
    found = events(tmp_path / "train")
    assert [tag for tag, _ in found].count("epoch_steps_per_second") == 1


def test_what_is_run_at_the_end_sees_what_the_last_step_left():
    """As a line after the loop does."""
    hooks = []

    def final(loss):
        del loss
        hooks.append(tf1.train.FinalOpsHook(tf1.train.get_global_step() + 0))
        return hooks

    monitored(final)
    assert hooks[0].final_ops_values == STEPS


def test_what_a_hook_feeds_is_an_argument():
    """At each run what the function gives."""
    numbers = iter(range(STEPS))
    with tf.Graph().as_default():
        tf1.train.get_or_create_global_step()
        x = tf1.placeholder(tf.int32, [], "x")
        doubled = 2 * x
        hook = tf1.train.FeedFnHook(lambda: {x: next(numbers)})
        with tf1.train.SingularMonitoredSession([hook]) as session:
            seen = [session.run(doubled) for _ in range(STEPS)]
    double = tf.function(lambda x: 2 * x)
    assert seen == [double(tf.constant(x)).numpy() for x in range(STEPS)]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_profile_is_a_file_of_each(tmp_path):
    """TF1's of some steps for chrome://tracing, Keras's of some batches for TensorBoard."""
    os.mkdir(tmp_path / "hook")
    monitored(
        lambda _: [
            tf1.train.ProfilerHook(save_steps=2, output_dir=str(tmp_path / "hook"))
        ]
    )
    timelines = {name for name in os.listdir(tmp_path / "hook") if "timeline" in name}
    assert len(timelines) == 2
    fit(keras.callbacks.TensorBoard(str(tmp_path), write_graph=False, profile_batch=2))
    assert list(tmp_path.rglob("*.xplane.pb"))


def test_who_is_not_the_chief_waits_for_a_step():
    """With the step at which it stands already it waits for nothing."""
    losses = monitored(lambda _: [tf1.train.GlobalStepWaiterHook(0)])
    assert losses == LOSSES.tolist()


def test_a_scaffold_says_what_a_session_begins_with():
    """Its init_fn is run once, and where no checkpoint is; then all is frozen."""
    begun = []
    with tf.Graph().as_default():
        variable = tf1.get_variable("v", [], initializer=tf1.zeros_initializer())
        tf1.train.get_or_create_global_step()
        scaffold = tf1.train.Scaffold(init_fn=lambda _, session: begun.append(session))
        with tf1.train.MonitoredSession(
            tf1.train.ChiefSessionCreator(scaffold)
        ) as session:
            assert session.run(variable) == 0 and len(begun) == 1
            with pytest.raises(RuntimeError, match="finalized"):
                tf.constant(1)


def test_a_timer_is_due_at_its_first_step():
    timer = tf1.train.SecondOrStepTimer(every_steps=3)
    due = []
    for step in range(8):
        if timer.should_trigger_for_step(step):
            timer.update_last_triggered_step(step)
            due.append(step)
    assert due == [0, 3, 6]
    with pytest.raises(ValueError, match="should be provided"):
        tf1.train.SecondOrStepTimer()
