"""Estimators on irises: model_fn, train_and_evaluate, hooks, warm start, export, canned ones.

As the get_started samples of tensorflow/models had them, custom_estimator.py and
premade_estimator.py. An Estimator of one's own trains while it is evaluated at each
checkpoint, trains once more, predicts, and is served from its export; another one starts
warm from it; then two canned ones. TensorFlow 1.15 only: 2.16 has no tf.estimator.

Shapes: B flowers of 4 measurements, of 3 species.

Run it: ``python -m tf1_graph.models.estimator``
"""

import dataclasses
import os
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf


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


class Told(tf.train.SessionRunHook):
    """Writes down where it starts from, the loss of each run, and the step at the end."""

    def __init__(self, history, says):
        self.history, self.says = history, says

    def begin(self):
        # The last one of the graph, which is that of the whole batch.
        self.loss, self.step = tf.losses.get_losses()[-1], tf.train.get_global_step()

    def after_create_session(self, session, coord):
        weights = {plain(weight.op.name): weight for weight in tf.trainable_variables()}
        self.history.append({self.says: session.run(weights)})

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(self.loss)

    def after_run(self, run_context, run_values):
        # What was fetched beside the train op: the loss before the update.
        self.history.append({"loss": {"loss": run_values.results}})

    def end(self, session):
        self.history.append({"calls": {"global_step": session.run(self.step)}})


def plain(name):
    """A variable's name, without that of its only part, which canned ones made of it."""
    return name.replace("/part_0", "").replace("/t_0", "")


def inputs(data, config, num_epochs):
    """An input_fn: batches in the order of the examples, over the end of an epoch."""
    x_data, y_data = data
    return tf.estimator.inputs.numpy_input_fn(
        {"x": x_data}, y_data, config.batch_size, num_epochs=num_epochs, shuffle=False
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
        accuracy = tf.metrics.accuracy(labels, tf.argmax(logits, 1))
        return tf.estimator.EstimatorSpec(
            mode, loss=loss, eval_metric_ops={"accuracy": accuracy}
        )
    optimizer = tf.train.AdagradOptimizer(config.learning_rate)
    train_op = optimizer.minimize(loss, global_step=tf.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


def run_config(folder, config):
    """Where it is saved, how often, and the seed of every graph that it builds."""
    return tf.estimator.RunConfig(
        model_dir=folder,
        tf_random_seed=config.seed,
        save_checkpoints_steps=config.save_every,
        keep_checkpoint_max=config.max_to_keep,
    )


def build(folder, config, warm_start_from=None):
    """An Estimator of one's own."""
    return tf.estimator.Estimator(
        model_fn,
        config=run_config(folder, config),
        params={"config": config},
        warm_start_from=warm_start_from,
    )


def canned(folder, config):
    """Two that came with TensorFlow, with their own optimizers, rates and losses."""
    columns = [tf.feature_column.numeric_column("x", shape=[4])]
    yield tf.estimator.DNNClassifier(
        [config.hidden_units],
        columns,
        n_classes=3,
        config=run_config(os.path.join(folder, "dnn"), config),
    )
    yield tf.estimator.LinearClassifier(
        columns, n_classes=3, config=run_config(os.path.join(folder, "linear"), config)
    )


def train(estimator, data, config, history, says):
    """As many steps more, from the latest checkpoint on if there is any."""
    hooks = [Told(history, says)]
    estimator.train(inputs(data, config, None), hooks, config.steps)


def serving_input_receiver_fn():
    """What an export is fed."""
    x = tf.placeholder(tf.float32, [None, 4], "x")
    return tf.estimator.export.ServingInputReceiver({"x": x}, {"x": x})


def train_and_evaluate(estimator, data, config, history):
    """Up to so many steps in all, evaluated whenever it has been saved, then exported."""
    train_spec = tf.estimator.TrainSpec(
        inputs(data, config, None), config.steps, [Told(history, "initial values")]
    )
    eval_spec = tf.estimator.EvalSpec(
        inputs(data, config, 1),
        steps=None,
        hooks=[Told(history, "restored")],
        exporters=[tf.estimator.FinalExporter("irises", serving_input_receiver_fn)],
        throttle_secs=0,
    )
    tf.estimator.train_and_evaluate(estimator, train_spec, eval_spec)


def evaluate(estimator, data, config):
    """The metrics of one epoch, and the loss: a mean over its batches."""
    return estimator.evaluate(inputs(data, config, 1))


def predict(estimator, data, config):
    """{name: [B, ...]}; it gives a dictionary for each flower."""
    rows = list(estimator.predict(inputs(data, config, 1)))
    return {
        name: np.stack([row[name] for row in rows])
        for name in ("class_ids", "probabilities", "logits")
    }


def serve(estimator, data):
    """What the newest export answers."""
    exports = os.path.join(estimator.model_dir, "export", "irises")
    with tf.Session(graph=tf.Graph()) as session:
        newest = os.path.join(exports, max(os.listdir(exports)))
        loaded = tf.saved_model.loader.load(session, ["serve"], newest)
        signature = loaded.signature_def["serving_default"]
        outputs = {name: info.name for name, info in signature.outputs.items()}
        return session.run(outputs, {signature.inputs["x"].name: data[0]})


def left_behind(estimator):
    """The checkpoints that are kept, and what the latest one holds."""
    state = tf.train.get_checkpoint_state(estimator.model_dir)
    paths = state.all_model_checkpoint_paths
    names = estimator.get_variable_names()
    return {
        "kept": {"steps": np.int64([path.rpartition("-")[2] for path in paths])},
        "updates": {
            plain(name): np.asarray(estimator.get_variable_value(name))
            for name in names
        },
    }


def run(x_data, y_data, folder, config=Config()):
    """A record of each start, step and end, and of what each Estimator left behind."""
    history, data = [], (x_data, y_data)

    def look_at(estimator):
        history.append(left_behind(estimator))
        history.append({"evaluation": evaluate(estimator, data, config)})
        history.append({"outputs": predict(estimator, data, config)})

    own = build(os.path.join(folder, "own"), config)
    train_and_evaluate(own, data, config, history)
    history.append({"outputs": serve(own, data)})
    train(own, data, config, history, "restored")
    look_at(own)
    # Its hidden layer, and nothing of its optimizer or of where it stood.
    settings = tf.estimator.WarmStartSettings(own.model_dir, "hidden")
    warm = build(os.path.join(folder, "warm"), config, settings)
    train(warm, data, config, history, "restored")
    look_at(warm)
    for classifier in canned(folder, config):
        train(classifier, data, config, history, "initial values")
        look_at(classifier)
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
