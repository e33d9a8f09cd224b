"""What canned Estimators were on irises, in Keras: a net and a linear model.

The same program as the TF1 twin. What came with a canned Estimator is said here: layers,
optimizers, rates, a loss that is a sum, and the seeds of its initial values. Inputs and
examples are those of the chapter estimator.

Shapes: B flowers of 4 measurements, of 3 species.

Run it: ``python -m tf2_keras.models.canned_estimator``
"""

import dataclasses

import keras
import numpy as np

from tf2_keras import tf1_semantics
from tf2_keras.models.estimator import dense, evaluate, examples, inputs, predict


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 4  # of each training
    batch_size: int = 4
    hidden_units: int = 8  # of the net's only hidden layer
    seed: int = 1  # of the graph; its random ops have none of their own


def dnn(config):
    """A net; Adagrad of rate 0.05."""
    x = keras.Input([4], name="x")
    with keras.name_scope("dnn"):
        # The seeds that an op without one got by its place in the graph: tf-parity seeds.
        seeds = (config.seed, 47), (config.seed, 100)
        units = config.hidden_units
        net = dense(x, units, "hiddenlayer_0", seeds[0], activation="relu")
        logits = dense(net, 3, "logits", seeds[1])
    return compiled(keras.Model(x, logits), tf1_semantics.optimizers.Adagrad(0.05))


def linear(config):
    """A linear model that starts at zeros; Ftrl of rate 0.2."""
    x = keras.Input([4], name="x")
    with keras.name_scope("linear"):
        layer = keras.layers.Dense(3, kernel_initializer="zeros", name="linear_model")
        logits = layer(x)
    return compiled(keras.Model(x, logits), tf1_semantics.optimizers.Ftrl(0.2))


def compiled(model, optimizer):
    """A model that learns and is evaluated as a canned one was."""
    # A sum: a batch twice as large takes a step twice as far.
    loss = tf1_semantics.losses.SparseSoftmaxCrossEntropy(
        reduction=tf1_semantics.losses.Reduction.SUM
    )
    average_loss = keras.metrics.SparseCategoricalCrossentropy(
        "average_loss", from_logits=True
    )
    metrics = ["accuracy", average_loss]
    model.compile(optimizer, loss, metrics=metrics, jit_compile=False)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}."""
    of_linear = {"kernel": "x/weights", "bias": "bias_weights"}
    names = {}
    for weight in model.trainable_variables:
        layer, _, name = weight.path.rpartition("/")
        of_tf1 = of_linear[name] if layer.startswith("linear") else name
        names[f"{layer}/{of_tf1}"] = weight.path
    return names


def weights(model):
    """{TF1 variable name: value}."""
    values = map(np.asarray, model.trainable_variables)
    return dict(zip(checkpoint_names(model), values, strict=True))


def train(model, data, config):
    """[record, ...] of where it starts from, and of each loss."""
    start = {"initial values": weights(model)}
    told = tf1_semantics.callbacks.StepHistory()
    model.fit(
        inputs(data, config, None),
        steps_per_epoch=config.steps,
        shuffle=False,
        verbose=0,
        callbacks=[told],
    )
    losses = [{"loss": {"loss": np.float32(loss)}} for loss in told.history["loss"]]
    return [start, *losses]


def left_behind(model, data, config):
    """What it is at the end, and what is evaluated and predicted by it."""
    slots = model.optimizer.tf1_variables([*weights(model)])
    memory = {name: np.asarray(variable) for name, variable in slots.items()}
    return [
        {"updates": {**weights(model), **memory}},
        {"evaluation": evaluate(model, data, config)},
        {"outputs": predict(model, data, config)},
    ]


def run(x_data, y_data, config=Config()):
    """A record of each start and step, and of what each model left behind."""
    history, data = [], (x_data, y_data)
    for classifier in (dnn(config), linear(config)):
        history += train(classifier, data, config)
        history += left_behind(classifier, data, config)
    return history


if __name__ == "__main__":
    for metrics in filter(
        None, [record.get("evaluation") for record in run(*examples())]
    ):
        print(*(f"{name} {metrics[name]:.4g}" for name in sorted(metrics)))
