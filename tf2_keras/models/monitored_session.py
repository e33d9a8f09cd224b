"""A supervised training in Keras: fit with callbacks.

The same program as the TF1 twin: a training is saved every few steps, killed, started again
and, after its end, once more; another comes upon a NaN. Hooks are callbacks; what the
session did by itself, to restore and to know where it stands, is written out.

Run it: ``python -m tf2_keras.models.monitored_session``
"""

import dataclasses
import tempfile

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics
from tf2_keras.models.save_restore import examples


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


# Saves at the start, every few steps from there, and at the end; ModelCheckpoint does not.
Saver = tf1_semantics.callbacks.CheckpointSaver


class Told(keras.callbacks.Callback):
    """Writes down when it is called, and the loss of each step."""

    def __init__(self, name, history):
        super().__init__()
        self.name, self.history = name, history

    def tell(self, call, value=True):
        self.history.append({"calls": {f"{self.name} {call}": value}})

    def on_train_begin(self, logs=None):
        self.tell("after_create_session")

    def on_train_batch_begin(self, batch, logs=None):
        self.tell("before_run")
        # Else the loss would be the mean since the epoch began.
        self.model.reset_metrics()

    def on_train_batch_end(self, batch, logs=None):
        self.tell("after_run", np.float32(logs["loss"]))

    def on_train_end(self, logs=None):
        self.tell("end")


class Guard(keras.callbacks.Callback):
    """Stops at a loss that is NaN; TerminateOnNaN stops at infinity as well."""

    def on_train_batch_end(self, batch, logs=None):
        if np.isnan(logs["loss"]):
            self.model.stop_training = True


class Kill(keras.callbacks.Callback):
    """Ends the training before a step, without the end of anything."""

    def __init__(self, step):
        super().__init__()
        self.left = step

    def on_train_batch_begin(self, batch, logs=None):
        if self.left == 0:
            raise Killed
        self.left -= 1


def build(size, config):
    """A compiled model."""
    x = keras.Input((size,), name="x")
    kernel = tf1_semantics.initializers.RandomUniform(-1.0, 1.0, seed=(config.seed, 11))
    y_pred = keras.layers.Dense(1, kernel_initializer=kernel, name="linear")(x)
    model = keras.Model(x, y_pred)
    optimizer = tf1_semantics.optimizers.Momentum(config.learning_rate, 0.5)
    model.compile(optimizer, "mean_squared_error", jit_compile=False)
    return model


def batches_from(step, data, config):
    """Batches of one example, all that are left: fit knows of no step before its own."""
    dataset = tf.data.Dataset.from_tensor_slices(data).repeat().skip(step)
    # A hook looks after a step whether it was the last: TF1 trains one more at each start.
    return dataset.take(max(1, config.steps - step)).batch(1)


def hooks(history):
    """What looks after each step, in this order."""
    return [Guard(), Told("first", history), Told("second", history)]


def train(data, config, folder, history, kill=None):
    """One start of the program."""
    model = build(data[0].shape[1], config)
    # Only where there is no checkpoint to go on from.
    if not Saver.restore(model, folder):
        model.get_layer("linear").bias.assign([config.bias])

    def after_save(step):
        history.append({"calls": {"after_save": np.int64(step)}})

    saver = Saver(folder, config.save_every, config.max_to_keep, after_save)
    callbacks = [saver, *hooks(history), *([kill] if kill else [])]
    batches = batches_from(int(model.optimizer.iterations), data, config)
    model.fit(batches, shuffle=False, verbose=0, callbacks=callbacks)


def left_behind(data, config, folder):
    """The checkpoints that are kept, and what the latest one holds."""
    known = tf.train.get_checkpoint_state(folder).all_model_checkpoint_paths
    model = build(data[0].shape[1], config)
    Saver.restore(model, folder)
    names = ["kernel", "bias"]
    variables = dict(zip(names, model.trainable_variables, strict=True))
    variables.update(model.optimizer.tf1_variables(names))
    return {
        "kept": {"steps": np.int64([path.rpartition("-")[2] for path in known])},
        "saved": {name: np.asarray(value) for name, value in variables.items()},
    }


def run(x_data, y_data, folder, config=Config()):
    """A record of each call, and of what each of four starts left behind."""
    history, data = [], (x_data, y_data)
    at_work, spoilt = f"{folder}/at_work", f"{folder}/spoilt"
    for kill in (Kill(config.killed_at), None, None):
        try:
            train(data, config, at_work, history, kill)
        except Killed:
            history.append({"calls": {"killed": np.bool_(True)}})
        history.append(left_behind(data, config, at_work))
    y_spoilt = np.where(np.arange(len(y_data))[:, None] == 1, np.float32("nan"), y_data)
    train((x_data, y_spoilt), config, spoilt, history)
    history.append(left_behind(data, config, spoilt))
    return history


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        records = run(*examples(), folder=scratch)
    for record in records:
        if "kept" in record:
            print("kept", record["kept"]["steps"], "bias", record["saved"]["bias"])
