"""Canned Estimators on irises: DNNClassifier and LinearClassifier, as they came.

As premade_estimator.py of tensorflow/models' get_started had them, with inputs, hook and
examples of the chapter estimator. What is not said here is theirs: the optimizers, their
rates, and a loss that is a sum. TensorFlow 1.15 only: 2.16 has no tf.estimator.

Shapes: B flowers of 4 measurements, of 3 species.

Run it: ``python -m tf1_graph.models.canned_estimator``
"""

import dataclasses
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph.models.estimator import Told, evaluate, examples, inputs, predict


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 4  # of each training
    batch_size: int = 4
    hidden_units: int = 8  # of the net's only hidden layer
    seed: int = 1  # of the graph; its random ops have none of their own


def columns():
    """What is taken of the features."""
    return [tf.feature_column.numeric_column("x", shape=[4])]


def run_config(folder, config):
    """Where it is saved, and the seed of every graph that it builds."""
    return tf.estimator.RunConfig(folder, config.seed)


def dnn(folder, config):
    """A net; Adagrad of rate 0.05."""
    return tf.estimator.DNNClassifier(
        [config.hidden_units], columns(), n_classes=3, config=run_config(folder, config)
    )


def linear(folder, config):
    """A linear model that starts at zeros; Ftrl of rate 0.2."""
    return tf.estimator.LinearClassifier(
        columns(), n_classes=3, config=run_config(folder, config)
    )


def plain(name):
    """A variable's name, without that of its only part."""
    return name.replace("/part_0", "").replace("/t_0", "")


def train(estimator, data, config):
    """[record, ...] of where it starts from, and of each loss."""
    history = []
    hooks = [Told(history, "initial values")]
    estimator.train(inputs(data, config, None), hooks, config.steps)
    start, *losses = history
    weights = start["initial values"].items()
    return [{"initial values": {plain(name): w for name, w in weights}}, *losses]


def left_behind(estimator, data, config):
    """What is saved at the end, and what is evaluated and predicted by it."""
    names = estimator.get_variable_names()
    saved = {plain(n): np.asarray(estimator.get_variable_value(n)) for n in names}
    return [
        {"updates": saved},
        {"evaluation": evaluate(estimator, data, config)},
        {"outputs": predict(estimator, data, config)},
    ]


def run(x_data, y_data, folder, config=Config()):
    """A record of each start and step, and of what each Estimator left behind."""
    history, data = [], (x_data, y_data)
    for classifier in (
        dnn(f"{folder}/dnn", config),
        linear(f"{folder}/linear", config),
    ):
        history += train(classifier, data, config)
        history += left_behind(classifier, data, config)
    return history


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        records = run(*examples(), folder=scratch)
    for metrics in filter(None, [record.get("evaluation") for record in records]):
        print(*(f"{name} {metrics[name]:.4g}" for name in sorted(metrics)))
