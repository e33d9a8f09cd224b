"""What Estimators did on irises, in Keras: compile, fit, evaluate, predict, export.

The same program as the TF1 twin. model_fn's three modes are a model and what it is compiled
with; what an Estimator did by itself, to save, to restore, to evaluate what it saved, is
written out.

Shapes: B flowers of 4 measurements, of 3 species.

Run it: ``python -m tf2_keras.models.estimator``
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
    steps: int = 4  # of train_and_evaluate, in all; of every other training, more
    save_every: int = 2  # steps; at the start and at the end besides
    max_to_keep: int = 2  # checkpoints
    batch_size: int = 4
    hidden_units: int = 8
    dropout: float = 0.25  # of the hidden units
    learning_rate: float = 0.1  # of the Estimator of one's own; canned ones have theirs
    seed: int = 1  # of the graph; each random op adds its own


# What TF1 called the variables of each model, in their order.
NAMES = {
    "own": ("hidden/kernel", "hidden/bias", "logits/kernel", "logits/bias"),
    "dnn": (
        "dnn/hiddenlayer_0/kernel",
        "dnn/hiddenlayer_0/bias",
        "dnn/logits/kernel",
        "dnn/logits/bias",
    ),
    "linear": ("linear/linear_model/x/weights", "linear/linear_model/bias_weights"),
}


# What an Estimator did by itself: saved at the start, every few steps, and at the end.
Saver = tf1_semantics.callbacks.CheckpointSaver


class Told(keras.callbacks.Callback):
    """Writes down where it starts from, the loss of each batch, and the step at the end."""

    def __init__(self, history, says):
        super().__init__()
        self.history, self.says = history, says

    def on_train_begin(self, logs=None):
        self.history.append({self.says: weights(self.model)})

    def on_train_batch_begin(self, batch, logs=None):
        # Else it would be the mean over the examples so far. (Times the size of the
        # batch, and over it: of a power of two nothing is rounded.)
        self.model.metrics[0].reset_state()

    def on_train_batch_end(self, batch, logs=None):
        self.history.append({"loss": {"loss": np.float32(logs["loss"])}})

    def on_train_end(self, logs=None):
        step = np.int64(self.model.optimizer.iterations)
        self.history.append({"calls": {"global_step": step}})

    on_test_begin, on_test_end = on_train_begin, on_train_end
    on_test_batch_begin, on_test_batch_end = on_train_batch_begin, on_train_batch_end


def weights(model):
    """{TF1 name: what a variable holds}."""
    values = map(np.asarray, model.trainable_variables)
    return dict(zip(NAMES[model.name], values, strict=True))


def inputs(data, config, num_epochs):
    """A tf.data.Dataset: batches in the order of the examples, over the end of an epoch."""
    examples = tf.data.Dataset.from_tensor_slices(data)
    return examples.repeat(num_epochs).batch(config.batch_size)


def predictions(logits):
    """{name: [B, ...]} of logits [B, 3]."""
    class_ids = keras.ops.argmax(logits, 1)[:, None]
    return {
        "class_ids": keras.ops.cast(class_ids, "int64"),
        "probabilities": keras.ops.softmax(logits),
        "logits": logits,
    }


def dense(x, units, name, seed, **options):
    """A layer that starts from a seed of its own."""
    kernel = tf1_semantics.initializers.GlorotUniform(seed=seed)
    layer = keras.layers.Dense(units, kernel_initializer=kernel, name=name, **options)
    return layer(x)


def build(config):
    """A model of one's own: what model_fn said in its modes, in one."""
    x = keras.Input([4], name="x")
    net = dense(x, config.hidden_units, "hidden", (config.seed, 11), activation="relu")
    # It does so in training only, and by TF1's stream.
    net = tf1_semantics.layers.Dropout(
        1 - config.dropout, (config.seed, 12), name="dropout"
    )(net)
    model = keras.Model(x, dense(net, 3, "logits", (config.seed, 13)), name="own")
    optimizer = tf1_semantics.optimizers.Adagrad(config.learning_rate)
    return compiled(model, optimizer, tf1_semantics.losses.SparseSoftmaxCrossEntropy())


def compiled(model, optimizer, loss, *metrics):
    """A model, ready to be trained and evaluated."""
    accuracy = keras.metrics.SparseCategoricalAccuracy("accuracy")
    model.compile(optimizer, loss, metrics=[accuracy, *metrics], jit_compile=False)
    return model


def canned(config):
    """Those that came with TensorFlow, with their own optimizers, rates and losses."""
    x = keras.Input([4], name="x")
    # The seeds that an op without one got by its place in the graph: tf-parity seeds.
    net = dense(x, config.hidden_units, "hidden", (config.seed, 47), activation="relu")
    dnn = keras.Model(x, dense(net, 3, "logits", (config.seed, 100)), name="dnn")
    zeros = keras.layers.Dense(3, kernel_initializer="zeros")
    linear = keras.Model(x, zeros(x), name="linear")
    for model, optimizer in (
        (dnn, tf1_semantics.optimizers.Adagrad(0.05)),
        (linear, tf1_semantics.optimizers.Ftrl(0.2)),
    ):
        # A sum: a batch twice as large takes a step twice as far.
        loss = tf1_semantics.losses.SparseSoftmaxCrossEntropy(
            reduction=tf1_semantics.losses.Reduction.SUM
        )
        average_loss = keras.metrics.SparseCategoricalCrossentropy(
            "average_loss", from_logits=True
        )
        yield compiled(model, optimizer, loss, average_loss)


def warm_start(model, folder, config):
    """Takes the hidden layer over, and nothing of the optimizer or of where it stood."""
    donor = build(config)
    Saver.restore(donor, folder)
    hidden = donor.get_layer("hidden").get_weights()
    model.get_layer("hidden").set_weights(hidden)


def train(model, folder, data, config, history, says, after_save=None):
    """As many steps more, from the latest checkpoint on if there is any."""
    Saver.restore(model, folder)
    start_streams(model)
    saver = Saver(folder, config.save_every, config.max_to_keep, after_save)
    model.fit(
        inputs(data, config, None),
        steps_per_epoch=config.steps,
        shuffle=False,
        verbose=0,
        callbacks=[saver, Told(history, says)],
    )


def start_streams(model):
    """Random streams from their beginning: every call of train was another graph."""
    for layer in model.layers:
        if isinstance(layer, tf1_semantics.layers.Dropout):
            layer.drawn.assign(0)


def train_and_evaluate(model, folder, data, config, history):
    """Up to so many steps in all, evaluated whenever it has been saved, then exported."""

    def after_save(step):
        if step > 0:  # what it starts from is saved, and not evaluated
            told = Told(history, "restored")
            model.evaluate(inputs(data, config, 1), verbose=0, callbacks=[told])

    train(model, folder, data, config, history, "initial values", after_save)
    exported = keras.Model(model.input, predictions(model.output))
    exported.export(os.path.join(folder, "export", "irises"), verbose=False)


def evaluate(model, data, config):
    """The metrics of one epoch, and the loss: a mean over its batches."""
    history = []
    metrics = model.evaluate(
        inputs(data, config, 1),
        return_dict=True,
        verbose=0,
        callbacks=[Told(history, "restored")],
    )
    # Keras's own is a mean over the examples: a short batch would count for less.
    losses = [record["loss"]["loss"] for record in history if "loss" in record]
    return {
        **{name: np.float32(value) for name, value in metrics.items()},
        "loss": np.mean(losses),
        "global_step": np.int64(model.optimizer.iterations),
    }


def predict(model, data, config):
    """{name: [B, ...]}."""
    predictor = keras.Model(model.input, predictions(model.output))
    return predictor.predict(data[0], config.batch_size, verbose=0)


def serve(folder, data):
    """What the export answers."""
    loaded = tf.saved_model.load(os.path.join(folder, "export", "irises"))
    outputs = loaded.signatures["serving_default"](x=tf.constant(data[0]))
    return {name: value.numpy() for name, value in outputs.items()}


def left_behind(model, folder):
    """The checkpoints that are kept, and what the latest one holds."""
    paths = tf.train.get_checkpoint_state(folder).all_model_checkpoint_paths
    Saver.restore(model, folder)
    slots = model.optimizer.tf1_variables(NAMES[model.name])
    memory = {name: np.asarray(variable) for name, variable in slots.items()}
    return {
        "kept": {"steps": np.int64([path.rpartition("-")[2] for path in paths])},
        "updates": {**weights(model), **memory},
    }


def run(x_data, y_data, folder, config=Config()):
    """A record of each start, step and end, and of what each model left behind."""
    history, data = [], (x_data, y_data)

    def look_at(model, folder):
        history.append(left_behind(model, folder))
        history.append({"evaluation": evaluate(model, data, config)})
        history.append({"outputs": predict(model, data, config)})

    own, own_folder = build(config), os.path.join(folder, "own")
    train_and_evaluate(own, own_folder, data, config, history)
    history.append({"outputs": serve(own_folder, data)})
    train(own, own_folder, data, config, history, "restored")
    look_at(own, own_folder)
    warm, warm_folder = build(config), os.path.join(folder, "warm")
    warm_start(warm, own_folder, config)
    train(warm, warm_folder, data, config, history, "restored")
    look_at(warm, warm_folder)
    for model in canned(config):
        model_folder = os.path.join(folder, model.name)
        train(model, model_folder, data, config, history, "initial values")
        look_at(model, model_folder)
    return history


def examples():
    """([10, 4] float32, [10] int64): the first irises of each species, Fisher 1936."""
    setosa = [[5.1, 3.5, 1.4, 0.2], [4.9, 3.0, 1.4, 0.2], [4.7, 3.2, 1.3, 0.2]]
    versicolor = [[7.0, 3.2, 4.7, 1.4], [6.4, 3.2, 4.5, 1.5], [6.9, 3.1, 4.9, 1.5]]
    virginica = [[6.3, 3.3, 6.0, 2.5], [5.8, 2.7, 5.1, 1.9], [7.1, 3.0, 5.9, 2.1]]
    rows = np.stack([setosa, versicolor, virginica], axis=1).reshape(9, 4)
    return np.float32([*rows, [4.6, 3.1, 1.5, 0.2]]), np.arange(10) % 3


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        records = run(*examples(), folder=scratch)
    for record in records:
        if "evaluation" in record:
            metrics = sorted(record["evaluation"].items())
            print(*(f"{name} {value:.4g}" for name, value in metrics))
