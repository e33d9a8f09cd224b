"""An Estimator on irises: model_fn by mode, RunConfig, a hook, a warm start.

As custom_estimator.py of tensorflow/models' get_started had it. It trains, trains once more
from where it was saved, is evaluated and predicts; another one starts warm from it.
TensorFlow 1.15 only: 2.16 has no tf.estimator.

Shapes: B flowers of 4 measurements, of 3 species.

Run it: ``python -m tf1_graph.models.estimator``
"""

import dataclasses
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf


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


class Told(tf.train.SessionRunHook):
    """Writes down where it starts from, and the loss of each run."""

    def __init__(self, history, says):
        self.history, self.says = history, says

    def begin(self):
        # The last one of the graph, which is that of the whole batch.
        self.loss = tf.losses.get_losses()[-1]

    def after_create_session(self, session, coord):
        weights = {weight.op.name: weight for weight in tf.trainable_variables()}
        self.history.append({self.says: session.run(weights)})

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(self.loss)

    def after_run(self, run_context, run_values):
        # What was fetched beside the train op: the loss before the update.
        self.history.append({"loss": {"loss": run_values.results}})


def inputs(data, config, num_epochs):
    """An input_fn: batches in the order of the examples, over the end of an epoch."""
    return tf.estimator.inputs.numpy_input_fn(
        {"x": data[0]}, data[1], config.batch_size, num_epochs, shuffle=False
    )


def predictions(logits):
    """{name: [B, ...]} of logits [B, 3]."""
    return {
        "class_ids": tf.argmax(logits, 1)[:, tf.newaxis],
        "probabilities": tf.nn.softmax(logits),
        "logits": logits,
    }


def dense(x, units, name, seed):
    """A layer that starts from a seed of its own."""
    kernel = tf.glorot_uniform_initializer(seed)
    return tf.layers.dense(x, units, kernel_initializer=kernel, name=name)


def model_fn(features, labels, mode, params):
    """The graph of a mode, and what the Estimator is to know of it."""
    config = params["config"]
    net = tf.nn.relu(dense(features["x"], config.hidden_units, "hidden", 11))
    if mode == tf.estimator.ModeKeys.TRAIN:
        net = tf.nn.dropout(net, rate=config.dropout, seed=12)
    logits = dense(net, 3, "logits", 13)
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(mode, predictions=predictions(logits))
    loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
    if mode == tf.estimator.ModeKeys.EVAL:
        metrics = {"accuracy": tf.metrics.accuracy(labels, tf.argmax(logits, 1))}
        return tf.estimator.EstimatorSpec(mode, loss=loss, eval_metric_ops=metrics)
    optimizer = tf.train.AdagradOptimizer(config.learning_rate)
    train_op = optimizer.minimize(loss, global_step=tf.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


def build(folder, config, warm_start_from=None):
    """An Estimator, and all that it does by itself in its folder."""
    run_config = tf.estimator.RunConfig(
        model_dir=folder,
        tf_random_seed=config.seed,
        save_checkpoints_steps=config.save_every,
        keep_checkpoint_max=config.max_to_keep,
    )
    params = {"config": config}
    return tf.estimator.Estimator(model_fn, None, run_config, params, warm_start_from)


def train(estimator, data, config, history, says):
    """As many steps more, from the latest checkpoint on if there is any."""
    estimator.train(inputs(data, config, None), [Told(history, says)], config.steps)


def evaluate(estimator, data, config):
    """The metrics of one epoch, and the loss: a mean over its batches."""
    return estimator.evaluate(inputs(data, config, 1))


def predict(estimator, data, config):
    """{name: [B, ...]} of one epoch; it gives a dictionary for each flower."""
    names = ["class_ids", "probabilities", "logits"]
    rows = list(estimator.predict(inputs(data, config, 1), names))
    return {name: np.stack([row[name] for row in rows]) for name in names}


def left_behind(estimator, data, config):
    """What the latest checkpoint holds, and what is evaluated and predicted by it."""
    names = estimator.get_variable_names()
    saved = {name: np.asarray(estimator.get_variable_value(name)) for name in names}
    return [
        {"updates": saved},
        {"evaluation": evaluate(estimator, data, config)},
        {"outputs": predict(estimator, data, config)},
    ]


def run(x_data, y_data, folder, config=Config()):
    """A record of each start and step, and of what each Estimator left behind."""
    history, data = [], (x_data, y_data)
    first = build(f"{folder}/first", config)
    for says in ("initial values", "restored"):
        train(first, data, config, history, says)
    history += left_behind(first, data, config)
    # Its hidden layer, and nothing of its optimizer or of where it stood.
    settings = tf.estimator.WarmStartSettings(first.model_dir, "hidden")
    warm = build(f"{folder}/warm", config, settings)
    train(warm, data, config, history, "restored")
    return history + left_behind(warm, data, config)


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
