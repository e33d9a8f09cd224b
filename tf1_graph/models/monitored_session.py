"""A supervised training: MonitoredTrainingSession, Scaffold, hooks, a NaN guard.

A linear model is trained, an example a step, and saved every few; killed in the middle,
started again, and once more after its end. Another training comes upon a NaN. Two hooks
write down when they are called, and a listener when something is saved.

Run it: ``python -m tf1_graph.models.monitored_session``
"""

import dataclasses
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph.models.save_restore import examples, kept, saved


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 6  # at which it stops
    killed_at: int = 5  # the step before which it is killed, counted from its start
    save_every: int = 2  # steps
    max_to_keep: int = 2  # checkpoints
    bias: float = 0.5  # where the bias starts, in a training that is no continuation
    learning_rate: float = 0.125
    seed: int = 1  # of the graph; each random op adds its own


class Killed(Exception):
    """In place of what ends a process in the middle."""


class Told(tf.train.SessionRunHook):
    """Writes down when it is called, and the loss of each run."""

    def __init__(self, name, loss, history):
        self.name, self.loss, self.history = name, loss, history

    def tell(self, call, value=True):
        self.history.append({"calls": {f"{self.name} {call}": value}})

    def after_create_session(self, session, coord):
        self.tell("after_create_session")

    def before_run(self, run_context):
        self.tell("before_run")
        return tf.train.SessionRunArgs(self.loss)

    def after_run(self, run_context, run_values):
        # What was fetched beside the train op: the loss before the update.
        self.tell("after_run", run_values.results)

    def end(self, session):
        self.tell("end")


class Listener(tf.train.CheckpointSaverListener):
    """Writes down what is saved."""

    def __init__(self, history):
        self.history = history

    def after_save(self, session, global_step_value):
        self.history.append({"calls": {"after_save": np.int64(global_step_value)}})


class Kill(tf.train.SessionRunHook):
    """Ends the training before a step, without the end of anything."""

    def __init__(self, step):
        self.step = step

    def before_run(self, run_context):
        if self.step == 0:
            raise Killed
        self.step -= 1


def build(x_data, y_data, config):
    """(loss, train op, what sets the bias) of a model in the default graph."""
    tf.set_random_seed(config.seed)
    uniform = tf.random_uniform_initializer(-1.0, 1.0, seed=11)
    kernel = tf.get_variable("kernel", [x_data.shape[1], 1], initializer=uniform)
    bias = tf.get_variable("bias", [1], initializer=tf.zeros_initializer())
    global_step = tf.train.get_or_create_global_step()
    example = tf.mod(global_step, len(x_data))
    y_pred = tf.matmul(tf.gather(x_data, [example]), kernel) + bias
    loss = tf.reduce_mean(tf.square(tf.gather(y_data, [example]) - y_pred))
    optimizer = tf.train.MomentumOptimizer(config.learning_rate, 0.5)
    return loss, optimizer.minimize(loss, global_step), bias.assign([config.bias])


def hooks(loss, config, history):
    """What looks after each step, in this order."""
    return [
        tf.train.StopAtStepHook(last_step=config.steps),
        tf.train.NanTensorHook(loss, fail_on_nan_loss=False),
        Told("first", loss, history),
        Told("second", loss, history),
    ]


def train(data, config, folder, history, kill=None):
    """One start of the program."""
    with tf.Graph().as_default():
        loss, train_op, set_bias = build(*data, config=config)
        scaffold = tf.train.Scaffold(
            saver=tf.train.Saver(max_to_keep=config.max_to_keep),
            # Only where there is no checkpoint to go on from.
            init_fn=lambda scaffold, session: session.run(set_bias),
        )
        told = [Listener(history)]
        saver = tf.train.CheckpointSaverHook(
            folder, save_steps=config.save_every, scaffold=scaffold, listeners=told
        )
        with tf.train.MonitoredTrainingSession(
            checkpoint_dir=folder,
            scaffold=scaffold,
            hooks=hooks(loss, config, history) + ([kill] if kill else []),
            chief_only_hooks=[saver],  # come before the others
            save_checkpoint_secs=None,
            save_summaries_steps=None,
            log_step_count_steps=None,
        ) as session:
            while not session.should_stop():
                session.run(train_op)


def left_behind(folder):
    """The checkpoints that are kept, and what the latest one holds."""
    return {"kept": {"steps": kept(folder)["known"]}, "saved": saved(folder)}


def run(x_data, y_data, folder, config=Config()):
    """A record of each call, and of what each of four starts left behind."""
    history, data = [], (x_data, y_data)
    at_work, spoilt = f"{folder}/at_work", f"{folder}/spoilt"
    for kill in (Kill(config.killed_at), None, None):
        try:
            train(data, config, at_work, history, kill)
        except Killed:
            history.append({"calls": {"killed": np.bool_(True)}})
        history.append(left_behind(at_work))
    y_spoilt = np.where(np.arange(len(y_data))[:, None] == 1, np.float32("nan"), y_data)
    train((x_data, y_spoilt), config, spoilt, history)
    history.append(left_behind(spoilt))
    return history


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        records = run(*examples(), folder=scratch)
    for record in records:
        if "kept" in record:
            print("kept", record["kept"]["steps"], "bias", record["saved"]["bias"])
