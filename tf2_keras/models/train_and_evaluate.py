"""What train_and_evaluate did on irises, in Keras: fit, with evaluate in a callback.

The same program as the TF1 twin, with the model of the chapter estimator: started twice,
evaluated by what saves it, and exported at the end of each start.

Run it: ``python -m tf2_keras.models.train_and_evaluate``
"""

import dataclasses
import os
import tempfile

import keras
import numpy as np
import tensorflow as tf

from tf2_keras.models import estimator
from tf2_keras.models.estimator import (
    Saver,
    build,
    examples,
    inputs,
    predictions,
    start_streams,
    weights,
)


@dataclasses.dataclass(frozen=True)
class Config(estimator.Config):
    steps: int = 3  # of the first start
    steps_in_all: int = 7  # of both


class Told(keras.callbacks.Callback):
    """Writes down where it starts from, and the loss of each batch."""

    def __init__(self, history, says):
        super().__init__()
        self.history, self.says = history, says

    def on_train_begin(self, logs=None):
        self.history.append({self.says: weights(self.model)})

    def on_train_batch_begin(self, batch, logs=None):
        # Else the loss would be the mean over the examples so far.
        self.model.reset_metrics()

    def on_train_batch_end(self, batch, logs=None):
        self.history.append({"loss": {"loss": np.float32(logs["loss"])}})

    on_test_begin, on_test_batch_begin = on_train_begin, on_train_batch_begin
    on_test_batch_end = on_train_batch_end


def train_and_evaluate(model, folder, max_steps, data, config, history, says):
    """Up to so many steps in all, evaluated whenever it has been saved, then exported."""
    Saver.restore(model, folder)
    start_streams(model)
    begun = int(model.optimizer.iterations)

    def after_save(step):
        if step > begun:  # what it starts from is saved, and not evaluated
            told = Told(history, "restored")
            model.evaluate(inputs(data, config, 1), verbose=0, callbacks=[told])

    saver = Saver(folder, config.save_every, config.max_to_keep, after_save)
    model.fit(
        inputs(data, config, None),
        steps_per_epoch=max_steps - begun,
        shuffle=False,
        verbose=0,
        callbacks=[saver, Told(history, says)],  # it saves before the other is told
    )
    exported = keras.Model(model.input, predictions(model.output))
    exported.export(os.path.join(folder, "export", "irises"), verbose=False)


def kept(folder):
    """The steps of the checkpoints that are there."""
    paths = tf.train.get_checkpoint_state(folder).all_model_checkpoint_paths
    return {"steps": np.int64([path.rpartition("-")[2] for path in paths])}


def serve(folder, x_data):
    """What the newest export answers."""
    loaded = tf.saved_model.load(os.path.join(folder, "export", "irises"))
    outputs = loaded.signatures["serving_default"](x=tf.constant(x_data))
    return {name: value.numpy() for name, value in outputs.items()}


def run(x_data, y_data, folder, config=Config()):
    """A record of each start and loss, and of what each start left behind."""
    history, data = [], (x_data, y_data)
    starts = {"initial values": config.steps, "restored": config.steps_in_all}
    for says, max_steps in starts.items():
        model = build(config)
        train_and_evaluate(model, folder, max_steps, data, config, history, says)
        history.append({"kept": kept(folder), "outputs": serve(folder, x_data)})
    return history


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        records = run(*examples(), folder=scratch)
    for record in records:
        if "kept" in record:
            print(
                "kept", record["kept"]["steps"], *record["outputs"]["class_ids"][:, 0]
            )
