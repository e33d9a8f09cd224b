"""What an Estimator did on irises, in Keras: compile, fit, evaluate, predict.

The same program as the TF1 twin. model_fn's three modes are a model and what it is compiled
with; what an Estimator did by itself at each start is written out.

Shapes: B flowers of 4 measurements, of 3 species.

Run it: ``python -m tf2_keras.models.estimator``
"""

import dataclasses
import tempfile

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 4  # of each training, more
    save_every: int = 2  # steps; at the start and at the end besides
    max_to_keep: int = 2  # checkpoints
    batch_size: int = 4
    hidden_units: int = 8
    dropout: float = 0.25  # of the hidden units
    learning_rate: float = 0.1
    seed: int = 1  # of the graph; each random op adds its own


# Saves at the start, every few steps, and at the end, as an Estimator did by itself.
Saver = tf1_semantics.callbacks.CheckpointSaver


def weights(model):
    """{name: value}; Keras's paths are TF1's names here."""
    return {weight.path: weight.numpy() for weight in model.trainable_variables}


def inputs(data, config, num_epochs):
    """A tf.data.Dataset: batches in the order of the examples, over the end of an epoch."""
    examples = tf.data.Dataset.from_tensor_slices(data)
    return examples.repeat(num_epochs).batch(config.batch_size)


def predictions(logits):
    """{name: [B, ...]} of logits [B, 3]."""
    return {
        "class_ids": keras.ops.cast(keras.ops.argmax(logits, 1)[:, None], "int64"),
        "probabilities": keras.ops.softmax(logits),
        "logits": logits,
    }


def dense(x, units, name, seed, **options):
    """A layer that starts from a seed of its own."""
    kernel = tf1_semantics.initializers.GlorotUniform(seed=seed)
    return keras.layers.Dense(units, kernel_initializer=kernel, name=name, **options)(x)


def build(config):
    """A model: what model_fn said in its modes, in one."""
    x = keras.Input([4], name="x")
    net = dense(x, config.hidden_units, "hidden", (config.seed, 11), activation="relu")
    # It does so in training only, and by TF1's stream.
    net = tf1_semantics.layers.Dropout(
        1 - config.dropout, (config.seed, 12), name="dropout"
    )(net)
    model = keras.Model(x, dense(net, 3, "logits", (config.seed, 13)))
    optimizer = tf1_semantics.optimizers.Adagrad(config.learning_rate)
    loss = tf1_semantics.losses.SparseSoftmaxCrossEntropy()
    model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=False)
    return model


def start_streams(model):
    """Random streams from their beginning: every call of train was another graph."""
    model.get_layer("dropout").drawn.assign(0)


def train(model, folder, data, config, history, says):
    """As many steps more, from the latest checkpoint on if there is any."""
    Saver.restore(model, folder)
    start_streams(model)
    history.append({says: weights(model)})
    told = tf1_semantics.callbacks.StepHistory()
    model.fit(
        inputs(data, config, None),
        steps_per_epoch=config.steps,
        shuffle=False,
        verbose=0,
        callbacks=[Saver(folder, config.save_every, config.max_to_keep), told],
    )
    history += [{"loss": {"loss": np.float32(loss)}} for loss in told.history["loss"]]


def evaluate(model, data, config):
    """The metrics of one epoch, and the loss: a mean over its batches."""
    batches = inputs(data, config, 1)
    metrics = model.evaluate(batches, return_dict=True, verbose=0)
    # Keras's own is a mean over the examples: a short batch would count for less.
    metrics["loss"] = np.mean([model.loss(y_true, model(x)) for x, y_true in batches])
    metrics = {name: np.float32(value) for name, value in metrics.items()}
    return {**metrics, "global_step": model.optimizer.iterations.numpy()}


def predict(model, data, config):
    """{name: [B, ...]} of one epoch."""
    predictor = keras.Model(model.input, predictions(model.output))
    return predictor.predict(data[0], config.batch_size, verbose=0)


def left_behind(model, folder, data, config):
    """What the latest checkpoint holds, and what is evaluated and predicted by it."""
    Saver.restore(model, folder)
    slots = model.optimizer.tf1_variables([*weights(model)])
    memory = {name: np.asarray(variable) for name, variable in slots.items()}
    return [
        {"updates": {**weights(model), **memory}},
        {"evaluation": evaluate(model, data, config)},
        {"outputs": predict(model, data, config)},
    ]


def warm_start(model, folder, config):
    """Takes the hidden layer over, and nothing of the optimizer or of where it stood."""
    donor = build(config)
    Saver.restore(donor, folder)
    model.get_layer("hidden").set_weights(donor.get_layer("hidden").get_weights())


def run(x_data, y_data, folder, config=Config()):
    """A record of each start and step, and of what each model left behind."""
    history, data = [], (x_data, y_data)
    first, first_folder = build(config), f"{folder}/first"
    for says in ("initial values", "restored"):
        train(first, first_folder, data, config, history, says)
    history += left_behind(first, first_folder, data, config)
    warm, warm_folder = build(config), f"{folder}/warm"
    warm_start(warm, first_folder, config)
    train(warm, warm_folder, data, config, history, "restored")
    return history + left_behind(warm, warm_folder, data, config)


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
    for metrics in filter(None, [record.get("evaluation") for record in records]):
        print(*(f"{name} {metrics[name]:.4g}" for name in sorted(metrics)))
