"""What a session knew of each step and did after it, for ``fit``."""

import os

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.configuration import Configured
from tf2_keras.tf1_semantics.errors import is_function, require, require_int

__all__ = ["CheckpointSaver", "StepHistory"]


@keras.saving.register_keras_serializable("tf1_semantics")
class CheckpointSaver(Configured, keras.callbacks.Callback):
    """``tf.train.CheckpointSaverHook``: saves at the start, every few steps, at the end.

    The steps are those of the optimizer, which a checkpoint holds together with the model:
    a training that ``restore`` let go on is saved on from there.
    ``keras.callbacks.ModelCheckpoint`` saves neither at the start nor, unless it is due, at
    the end, and counts the batches of one ``fit``.

    Args:
        checkpoint_dir: the folder.
        save_steps: how many steps after a checkpoint the next one is due.
        max_to_keep: how many checkpoints stay, the latest ones.
        after_save: what is called after each with the step, or None.
        checkpoint_basename: what the names of the files begin with.

    Raises:
        ValueError: for numbers other than these.
    Source: basic_session_run_hooks.CheckpointSaverHook, saver.Saver, 1.15.
    """

    def __init__(
        self,
        checkpoint_dir,
        save_steps,
        max_to_keep=5,
        after_save=None,
        checkpoint_basename="model.ckpt",
    ):
        require(
            isinstance(checkpoint_dir, str | os.PathLike),
            "checkpoint_dir must be a path",
            repr(checkpoint_dir),
            "Use the name of a folder",
        )
        require_int("save_steps", save_steps, 100, at_least=1)
        require_int("max_to_keep", max_to_keep, 5, at_least=1)
        require(
            after_save is None or is_function(after_save),
            "after_save must be a function of a step, or None",
            repr(after_save),
            "Use None",
        )
        require(
            isinstance(checkpoint_basename, str) and checkpoint_basename != "",
            "checkpoint_basename must be a name",
            repr(checkpoint_basename),
            "Use 'model.ckpt'",
        )
        super().__init__()
        self.checkpoint_dir, self.save_steps = checkpoint_dir, save_steps
        self.max_to_keep, self.after_save = max_to_keep, after_save
        self.checkpoint_basename = checkpoint_basename

    @staticmethod
    def checkpoint_of(model):
        """A ``tf.train.Checkpoint`` of a model with its optimizer, whose slots are made."""
        model.optimizer.build(model.trainable_variables)
        return tf.train.Checkpoint(model=model, optimizer=model.optimizer)

    @classmethod
    def restore(cls, model, checkpoint_dir):
        """Has a model go on from the latest checkpoint; says whether there was one."""
        latest = tf.train.latest_checkpoint(checkpoint_dir)
        if latest is not None:
            restored = cls.checkpoint_of(model).restore(latest)
            # Without it what is not found is left as it is, and nothing is said.
            restored.assert_existing_objects_matched()
        return latest is not None

    def step(self):
        return int(self.model.optimizer.iterations)

    def save(self):
        self.saved = self.step()
        self.manager.save(self.saved)
        if self.after_save is not None:
            self.after_save(self.saved)

    def on_train_begin(self, *_, **__):
        self.manager = tf.train.CheckpointManager(
            self.checkpoint_of(self.model),
            self.checkpoint_dir,
            self.max_to_keep,
            checkpoint_name=self.checkpoint_basename,
        )
        self.save()

    def on_train_batch_end(self, *_, **__):
        if self.step() >= self.saved + self.save_steps:
            self.save()

    def on_train_end(self, *_, **__):
        if self.step() != self.saved:
            self.save()


@keras.saving.register_keras_serializable("tf1_semantics")
class StepHistory(keras.callbacks.Callback):
    """What ``session.run([train, loss])`` fetched: the losses and metrics of each step.

    What ``fit`` logs, and ``keras.callbacks.History`` keeps, are means over the epoch so
    far. Here metrics begin anew with each step. ``history`` is
    {"loss": [a float for each step, of all epochs], ...}, as ``History`` has it for each
    epoch; the next call of ``fit`` starts it over.

    Raises:
        ValueError: where a model takes several steps at once, of which Keras logs only
            their mean.
    Source: python/client/session.py, 1.15.
    """

    def __init__(self):
        super().__init__()
        self.history = {}

    def on_train_begin(self, *_, **__):
        require(
            self.model.steps_per_execution == 1,
            "steps_per_execution must be 1, that each step has a loss of its own",
            repr(self.model.steps_per_execution),
            "Use compile(steps_per_execution=1)",
        )
        self.history = {}

    def on_train_batch_begin(self, *_, **__):
        self.model.reset_metrics()

    def on_train_batch_end(self, _batch, logs=None):
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)
