"""Faults planted in the twin that saves and restores."""

import dataclasses
import os

import keras
import tensorflow as tf

from parity_tests.models.pair import Fault


def _weights_only(twin):
    """What model.save_weights and model.load_weights carry, or a model not compiled."""

    def restore(model, _optimizer, path):
        layers = keras.Model(model.inputs, model.outputs)  # the same, without optimizer
        tf.train.Checkpoint(model=layers).restore(path).expect_partial()

    return {"restore": restore}


def _under_another_name(twin):
    """A root that calls its objects otherwise finds nothing, and says nothing."""

    def restore(model, optimizer, path):
        checkpoint = tf.train.Checkpoint(net=model, memory=optimizer)
        checkpoint.restore(path).expect_partial()

    return {"restore": restore}


def _latest_by_name(twin):
    go_on = twin.go_on

    def faulty(data, config, folder):
        names = tf.io.gfile.glob(os.path.join(folder, "model.ckpt-*.index"))
        latest = sorted(names)[-1].removesuffix(".index")
        state_file = tf.train.get_checkpoint_state(folder)
        state_file.model_checkpoint_path = latest
        with open(os.path.join(folder, "checkpoint"), "w", encoding="utf-8") as file:
            file.write(str(state_file))
        return go_on(data, config, folder)

    return {"go_on": faulty}


def _counted_in_python(twin):
    """Steps are counted anew after a restart: the rate begins again, and so do the names."""
    restore = twin.restore

    def faulty(model, optimizer, path):
        restore(model, optimizer, path)
        optimizer.iterations.assign(0)

    return {"restore": faulty}


def _saved_before_the_step(twin):
    """What a callback that saves at the beginning of a batch writes."""
    manager_of = twin.manager_of

    class Early(tf.train.CheckpointManager):
        def __init__(self, manager, model):
            vars(self).update(vars(manager))
            self.model, self.before = model, model.get_weights()

        def save(self, step):
            after = self.model.get_weights()
            self.model.set_weights(self.before)
            super().save(step)
            self.model.set_weights(after)
            self.before = after

    def faulty(model, optimizer, config, folder):
        return Early(manager_of(model, optimizer, config, folder), model)

    return {"manager_of": faulty}


def _all_kept_after_a_restart(twin):
    go_on = twin.go_on

    def faulty(data, config, folder):
        return go_on(data, dataclasses.replace(config, max_to_keep=None), folder)

    return {"go_on": faulty}


def _all_layers_taken_over(twin):
    def begin_with_hidden(config, folder):
        model, optimizer = twin.build(config)
        twin.restore(model, optimizer, tf.train.latest_checkpoint(folder))
        fresh, optimizer = twin.build(config)
        fresh.set_weights(model.get_weights())
        return {"partly restored": twin.state(fresh, optimizer)}

    return {"begin_with_hidden": begin_with_hidden}


def _memory_taken_over(twin):
    """The optimizer of the old network goes on in the new one."""

    def begin_with_hidden(config, folder):
        seen = begin(config, folder)
        model, optimizer = twin.build(config)
        twin.restore(model, optimizer, tf.train.latest_checkpoint(folder))
        old = twin.state(model, optimizer)
        kept = {
            name: old[name] if "Momentum" in name else value
            for name, value in seen["partly restored"].items()
        }
        return {"partly restored": kept}

    begin = twin.begin_with_hidden
    return {"begin_with_hidden": begin_with_hidden}


def _exported_untrained(twin):
    def freeze(config, folder):
        model, _ = twin.build(config)
        model.export(os.path.join(folder, "exported"), verbose=False)
        return os.path.join(folder, "exported")

    return {"freeze": freeze}


FAULTS = {
    "weights_only": Fault(
        "Only the weights are restored: the optimizer's memory starts anew, and the steps.",
        "saved",
        _weights_only,
    ),
    "under_another_name": Fault(
        "The root of what is restored calls the model otherwise.",
        "saved",
        _under_another_name,
    ),
    "latest_by_name": Fault(
        "The latest checkpoint is the last one by its name.",
        "restored",
        _latest_by_name,
        both={"steps": 10, "save_every": 5},
    ),
    "counted_in_python": Fault(
        "Steps are counted anew after a restart.", "saved", _counted_in_python
    ),
    "saved_before_the_step": Fault(
        "What is saved are the weights before the step.",
        "saved",
        _saved_before_the_step,
    ),
    "all_kept_after_a_restart": Fault(
        "After a restart the old checkpoints are kept.",
        "kept",
        _all_kept_after_a_restart,
    ),
    "one_more_kept": Fault(
        "One checkpoint more is kept.", "kept", fields={"max_to_keep": 3}
    ),
    "all_layers_taken_over": Fault(
        "Another network begins with all layers.",
        "partly restored",
        _all_layers_taken_over,
    ),
    "memory_taken_over": Fault(
        "Another network begins with the old one's optimizer.",
        "partly restored",
        _memory_taken_over,
    ),
    "exported_untrained": Fault(
        "What is exported was never restored.", "outputs", _exported_untrained
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "updates", fields={"learning_rate": 0.1375}
    ),
}
