"""Faults planted in the twin that supervises a training."""

import dataclasses

import keras
import tensorflow as tf

from parity_tests.models.pair import Fault


def _memory_not_saved(twin):
    """The layer's variables and the count of steps alone."""

    class Forgetful(twin.Saver):
        @staticmethod
        def checkpoint_of(model):
            model.optimizer.build(model.trainable_variables)
            return tf.train.Checkpoint(
                layer=model.get_layer("linear"), iterations=model.optimizer.iterations
            )

    return {"Saver": Forgetful}


def _saved_a_step_later(twin):
    class Late(twin.Saver):
        def on_train_batch_begin(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)

        def on_train_batch_end(self, batch, logs=None):
            pass

    return {"Saver": Late}


def _not_saved_at_the_end(twin):
    class Ending(twin.Saver):
        def on_train_end(self, logs=None):
            pass

    return {"Saver": Ending}


def _not_saved_at_the_start(twin):
    class Starting(twin.Saver):
        def save(self):
            if hasattr(self, "saved"):
                super().save()
            self.saved = self.step()

    return {"Saver": Starting}


def _saved_when_killed(twin):
    """A finally that saves."""
    train = twin.train

    def faulty(data, config, folder, history, kill=None):
        savers = []

        class Remembered(true_saver):
            def on_train_begin(self, logs=None):
                savers.append(self)
                super().on_train_begin(logs)

        twin.Saver = Remembered
        try:
            train(data, config, folder, history, kill)
        except twin.Killed:
            savers[0].save()
            raise
        finally:
            twin.Saver = true_saver

    true_saver = twin.Saver
    return {"train": faulty}


def _bias_set_at_each_start(twin):
    class Forgetting(twin.Saver):
        @classmethod
        def restore(cls, model, checkpoint_dir):
            super().restore(model, checkpoint_dir)
            return False  # whatever there was

    return {"Saver": Forgetting}


def _logged_by_keras(twin):
    """The mean since the epoch began."""

    class Mean(twin.Told):
        def on_train_batch_begin(self, batch, logs=None):
            self.tell("before_run")

    return {"Told": Mean}


def _batches_from(first, steps):
    """(twin module) -> patch: batches from another step on, or of so many steps more.

    Args:
        first: (the step that it stands at) -> that of the first batch.
        steps: (the step, config) -> how many there are.
    """

    def patch(twin):
        true = twin.batches_from

        def faulty(step, data, config):
            start = first(step)
            stop = start + steps(step, config)
            return true(start, data, dataclasses.replace(config, steps=stop))

        return {"batches_from": faulty}

    return patch


def _hooks_the_other_way_round(twin):
    hooks = twin.hooks
    return {"hooks": lambda history: hooks(history)[::-1]}


FAULTS = {
    "memory_not_saved": Fault(
        "The optimizer's memory is not saved.",
        "saved",
        _memory_not_saved,
    ),
    "saved_a_step_later": Fault(
        "What is due is saved before the next step.", "calls", _saved_a_step_later
    ),
    "not_saved_at_the_end": Fault(
        "The last step is not saved.", "calls", _not_saved_at_the_end
    ),
    "not_saved_at_the_start": Fault(
        "The first state is not saved.", "calls", _not_saved_at_the_start
    ),
    "saved_when_killed": Fault(
        "What is killed saves what it has.", "calls", _saved_when_killed
    ),
    "bias_set_at_each_start": Fault(
        "The bias is set at each start, and not only at the first.",
        "calls",
        _bias_set_at_each_start,
    ),
    "examples_from_the_start": Fault(
        "After a restart the first example comes again.",
        "calls",
        _batches_from(lambda _: 0, lambda step, config: max(1, config.steps - step)),
    ),
    "steps_from_the_start": Fault(
        "After a restart it trains all steps again.",
        "calls",
        _batches_from(lambda step: step, lambda _, config: config.steps),
    ),
    "nan_not_noticed": Fault(
        "Nothing stops a training whose loss is NaN.",
        "calls",
        lambda twin: {"hooks": lambda history, of=twin.hooks: of(history)[1:]},
    ),
    "stopped_by_infinity": Fault(
        "keras.callbacks.TerminateOnNaN stops at an infinite loss too.",
        "calls",
        lambda _: {"Guard": keras.callbacks.TerminateOnNaN},
        both={"learning_rate": 1e20},
    ),
    "logged_by_keras": Fault(
        "The loss is the mean since the epoch began.", "calls", _logged_by_keras
    ),
    "hooks_the_other_way_round": Fault(
        "Hooks are in the other order.", "calls", _hooks_the_other_way_round
    ),
    "one_more_kept": Fault(
        "One checkpoint more is kept.", "kept", fields={"max_to_keep": 3}
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "calls", fields={"learning_rate": 0.1375}
    ),
}
