"""Checkpoints in Keras: model.save, tf.train.Checkpoint, CheckpointManager, export.

The same program as the TF1 twin: a network is trained and saved every few steps; the
training goes on from what was saved, in a model read from its file; another model begins
with its hidden layer; and it is exported, to predict without its code.

Run it: ``python -m tf2_keras.models.save_restore``
"""

import dataclasses
import os
import tempfile

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 6  # before it is stopped, and again after it went on
    save_every: int = 2  # steps, and at the end
    max_to_keep: int = 2  # checkpoints
    units: int = 1  # of the hidden layer: of one, no sum depends on an order
    learning_rate: float = 0.0625
    halve_every: int = 4  # steps
    seed: int = 1  # of the graph; each random op adds its own


def layer(x, size, seed, name, config):
    """[batch, in_size] -> [batch, size]: x kernel + bias."""
    kernel = tf1_semantics.initializers.RandomUniform(
        0.25, 1.0, seed=(config.seed, seed)
    )
    return keras.layers.Dense(size, kernel_initializer=kernel, name=name)(x)


def build(config, inputs=2):
    """A network with its optimizer, whose variables are made here and not at a step."""
    x = keras.Input((inputs,), name="x")
    hidden = keras.layers.ReLU()(layer(x, config.units, 11, "hidden", config))
    model = keras.Model(x, layer(hidden, 1, 12, "output", config))
    rate = keras.optimizers.schedules.ExponentialDecay(
        config.learning_rate, config.halve_every, 0.5, staircase=True
    )
    optimizer = tf1_semantics.optimizers.Momentum(rate, 0.5)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer)  # it belongs to what model.save writes
    return model, optimizer


def state(model, optimizer):
    """{TF1 name: value} of all variables."""
    variables = {
        f"{name}/{part}": getattr(model.get_layer(name), part)
        for name in ("hidden", "output")
        for part in ("kernel", "bias")
    }
    slots, others = optimizer.tf1_slots()
    for kind, of_variables in slots.items():
        for variable, slot in zip(model.trainable_variables, of_variables, strict=True):
            name = variable.path
            variables[f"{name}/{kind}"] = slot
    variables.update(others, global_step=optimizer.iterations)
    return {name: np.asarray(variable) for name, variable in variables.items()}


def manager_of(model, optimizer, config, folder):
    """Saves the model with its optimizer, which holds the memory and counts the steps."""
    checkpoint = tf.train.Checkpoint(model=model, optimizer=optimizer)
    return tf.train.CheckpointManager(
        checkpoint, folder, config.max_to_keep, checkpoint_name="model.ckpt"
    )


def saved(path, config):
    """{TF1 name: value} of what the files of a checkpoint hold."""
    # A key in the file is the way to a variable through objects, not its name: what reads
    # it is a network of the same build.
    model, optimizer = build(config)
    restore(model, optimizer, path)
    return state(model, optimizer)


def restore(model, optimizer, path):
    """Reads all of a checkpoint."""
    checkpoint = tf.train.Checkpoint(model=model, optimizer=optimizer)
    # Without the assertion what is found nowhere is left as it is, and nothing is said.
    checkpoint.restore(path).assert_existing_objects_matched()


def kept(manager, folder):
    """The steps of the checkpoints that the folder still knows, and those it still has."""
    files = tf.io.gfile.glob(os.path.join(folder, "model.ckpt-*.index"))
    return {
        "known": np.int64([path.rpartition("-")[2] for path in manager.checkpoints]),
        "files": np.array(sorted(os.path.basename(path) for path in files)),
    }


def train(model, optimizer, manager, data, config, folder):
    """Steps of training, saved every few and at the end; yields a record of each."""

    @tf.function
    def train_step(x, y_true):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(y_true - model(x)))
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    step = int(optimizer.iterations)
    for number in range(config.steps):
        # Which example is next follows from what is saved, so that a restart goes on there.
        example = [step % len(data[0])]
        before = train_step(data[0][example], data[1][example])
        record = {"loss": {"loss": before.numpy()}, "updates": state(model, optimizer)}
        step = int(optimizer.iterations)
        if step % config.save_every == 0 or number == config.steps - 1:
            manager.save(step)
            record["kept"] = kept(manager, folder)
            record["saved"] = saved(manager.latest_checkpoint, config)
        yield record


def begin(data, config, folder):
    """Trains from the initial values on, and stops."""
    model, optimizer = build(config)
    # What the .meta was beside a checkpoint: the network, without a line of its code.
    model.save(os.path.join(folder, "model.keras"))
    manager = manager_of(model, optimizer, config, folder)
    yield {"initial values": state(model, optimizer)}
    yield from train(model, optimizer, manager, data, config, folder)


def go_on(data, config, folder):
    """Trains from the latest checkpoint on; the network is in the .keras file beside it."""
    model = keras.models.load_model(os.path.join(folder, "model.keras"))
    optimizer = model.optimizer
    restore(model, optimizer, tf.train.latest_checkpoint(folder))
    # It reads in the folder which checkpoints there are, and deletes those in their turn.
    manager = manager_of(model, optimizer, config, folder)
    yield {"restored": state(model, optimizer)}
    yield from train(model, optimizer, manager, data, config, folder)


def begin_with_hidden(config, folder):
    """What another network starts from that takes over the hidden layer."""
    trained, optimizer = build(config)
    restore(trained, optimizer, tf.train.latest_checkpoint(folder))
    model, optimizer = build(dataclasses.replace(config, seed=config.seed + 1))
    model.get_layer("hidden").set_weights(trained.get_layer("hidden").get_weights())
    return {"partly restored": state(model, optimizer)}


def freeze(config, folder):
    """A folder with the latest network as a SavedModel."""
    model, optimizer = build(config)
    restore(model, optimizer, tf.train.latest_checkpoint(folder))
    path = os.path.join(folder, "exported")
    model.export(path, verbose=False)
    return path


def predict(path, x_data):
    """What the exported network says, without a line of its code."""
    exported = tf.saved_model.load(path)  # it holds the variables
    return exported.serve(x_data).numpy()


def run(x_data, y_data, folder, config=Config()):
    """A record of each step, and of what the checkpoints were used for."""
    data = x_data, y_data
    history = [*begin(data, config, folder), *go_on(data, config, folder)]
    history.append(begin_with_hidden(config, folder))
    y_pred = predict(freeze(config, folder), x_data)
    history.append({"outputs": {"frozen": y_pred}})
    return history


def examples():
    """([4, 2], [4, 1]) float32."""
    x = np.float32([[1, 0], [0, 1], [1, 1], [0, 0]])
    return x, x.sum(axis=1, keepdims=True) + 1


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        records = run(*examples(), folder=scratch)
    for record in records:
        if "kept" in record:
            known = record["kept"]["known"]
            print("loss {loss:.4f}".format(**record["loss"]), "kept", known)
    print("frozen", records[-1]["outputs"]["frozen"].round(3).ravel())
