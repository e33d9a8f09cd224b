"""An Estimator's life: ``python -m parity_tests.witness.programs.own_estimator --out DIR``.

Trained twice, evaluated on batches of unequal size, asked for predictions; a linear
regression on one feature. Under 1.15.5: later releases have no ``tf.estimator``.

Shapes: 10 examples, batches of 4, so that the last of an epoch has 2.
"""

import tempfile

import numpy as np
import tensorflow.compat.v1 as tf

from parity_tests.witness.programs import export

BATCH_SIZE = 4
LEARNING_RATE = 0.125
TRAINS = 5, 4  # steps of the two calls of train
SEED, OP_SEED = 7, 11
KEEP_PROB = 0.75
X = (np.arange(10, dtype=np.float32) / 4 - 1).reshape(10, 1)
Y_TRUE = (X * 2 + np.float32(0.5)) ** 2


def model_fn(features, labels, mode):
    """[B, 1] to [B, 1] by one weight and one bias, after a dropout while it trains."""
    x = features["x"]
    if mode == tf.estimator.ModeKeys.TRAIN:
        x = tf.nn.dropout(x, KEEP_PROB, seed=OP_SEED)
    y_pred = tf.layers.dense(x, 1, kernel_initializer=tf.ones_initializer())
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(mode, predictions={"y_pred": y_pred})
    loss = tf.losses.mean_squared_error(labels, y_pred)
    if mode == tf.estimator.ModeKeys.EVAL:
        error = tf.metrics.mean_absolute_error(labels, y_pred)
        return tf.estimator.EstimatorSpec(
            mode, loss=loss, eval_metric_ops={"error": error}
        )
    train_op = tf.train.GradientDescentOptimizer(LEARNING_RATE).minimize(
        loss, global_step=tf.train.get_global_step()
    )
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


class Losses(tf.estimator.SessionRunHook):
    """The loss of every step, as the run that updates had it."""

    def __init__(self):
        self.losses = []

    def before_run(self, context):
        loss = context.session.graph.get_collection(tf.GraphKeys.LOSSES)[0]
        return tf.estimator.SessionRunArgs(loss)

    def after_run(self, _context, values):
        self.losses.append(values.results)


def inputs(num_epochs):
    return tf.estimator.inputs.numpy_input_fn(
        {"x": X}, Y_TRUE, BATCH_SIZE, num_epochs=num_epochs, shuffle=False
    )


def computed(folder):
    """{name: array} of what the Estimator did."""
    config = tf.estimator.RunConfig(
        tf_random_seed=SEED,
        session_config=tf.ConfigProto(
            intra_op_parallelism_threads=1, inter_op_parallelism_threads=1
        ),
    )
    estimator = tf.estimator.Estimator(model_fn, folder, config)
    arrays = {}
    for call, steps in enumerate(TRAINS):
        hook = Losses()
        estimator.train(inputs(None), [hook], steps)
        arrays[f"train/{call}/losses"] = np.array(hook.losses)
        for name in estimator.get_variable_names():
            arrays[f"train/{call}/{name}"] = np.array(
                estimator.get_variable_value(name)
            )
    arrays.update(
        (f"evaluate/{name}", np.array(value))
        for name, value in estimator.evaluate(inputs(1)).items()
    )
    predictions = estimator.predict(inputs(1))
    arrays["predict"] = np.array([row["y_pred"] for row in predictions])
    return arrays


def main():
    out = export.folder("own_estimator", __doc__)
    with tempfile.TemporaryDirectory() as folder:
        export.write("own_estimator", out, None, computed(folder))


if __name__ == "__main__":
    main()
