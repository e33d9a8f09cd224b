"""Canned Estimators: ``python -m parity_tests.witness.programs.canned_estimators --out DIR``.

Of each: what it starts from, the loss of each step, what it ends with, its evaluation.
Then the loss of each head, the logits of the builders, and k-means. Under 1.15.5: later
releases have no ``tf.estimator``.

Shapes: 8 examples of 2 numbers, batches of 4.
"""

import os
import tempfile

import numpy as np
import tensorflow as tf

from parity_tests.witness.programs import export

BATCH_SIZE, STEPS, HIDDEN = 4, 4, 3
X = np.float32([[1, 0], [0, 1], [1, 1], [2, 1], [0, 0], [1, 2], [2, 0], [0, 2]])
Y_TRUE = (X @ np.float32([[1], [-2]]) + 1).astype(np.float32)
CLASSES = np.int64([0, 1, 2, 0, 1, 2, 0, 1])
LOGITS = np.float32([[1, -1, 0.5], [0, 2, -1], [-0.5, 0, 1], [3, 1, 0]])  # [4, 3]
CENTRES = np.float32([[0, 0], [2, 2]])


def of_numbers():
    return [tf.feature_column.numeric_column("x", shape=[2])]


def estimators():
    """{name: what makes it of a folder and a RunConfig}."""
    own, columns = tf.estimator, of_numbers()
    wide_deep = dict(
        linear_feature_columns=columns,
        dnn_feature_columns=columns,
        dnn_hidden_units=[HIDDEN],
    )
    # tf.estimator's own heads take no other optimizer than tf.keras's, and refused those
    # that these three have by default.
    mean = tf.contrib.estimator.regression_head
    return {
        "LinearClassifier": lambda **o: own.LinearClassifier(columns, **o),
        "DNNClassifier": lambda **o: own.DNNClassifier([HIDDEN], columns, **o),
        "LinearRegressor": lambda **o: own.LinearRegressor(columns, **o),
        "DNNRegressor": lambda **o: own.DNNRegressor([HIDDEN], columns, **o),
        "DNNLinearCombinedRegressor": lambda **o: own.DNNLinearCombinedRegressor(
            **wide_deep, **o
        ),
        "LinearEstimator": lambda **o: own.LinearEstimator(mean(), columns, **o),
        "DNNEstimator": lambda **o: own.DNNEstimator(mean(), [HIDDEN], columns, **o),
        "DNNLinearCombinedEstimator": lambda **o: own.DNNLinearCombinedEstimator(
            mean(), **wide_deep, **o
        ),
        "BaselineClassifier": lambda **o: own.BaselineClassifier(**o),
        "BaselineRegressor": lambda **o: own.BaselineRegressor(**o),
        "BaselineEstimator": lambda **o: own.BaselineEstimator(mean(), **o),
    }


def labels_of(name):
    """Two classes, or numbers."""
    return CLASSES[:, np.newaxis] % 2 if "Classifier" in name else Y_TRUE


class Losses(tf.train.SessionRunHook):
    """The loss of every step, as the run that updates had it."""

    def __init__(self):
        self.losses = []

    def begin(self):
        # The last one of the graph, which is that of the whole batch.
        self.loss = tf.losses.get_losses()[-1]

    def before_run(self, _context):
        return tf.train.SessionRunArgs(self.loss)

    def after_run(self, _context, values):
        self.losses.append(values.results)


def trained(name, make, folder):
    """{what: array} of one Estimator."""
    config = tf.estimator.RunConfig(
        tf_random_seed=1,
        session_config=tf.ConfigProto(
            intra_op_parallelism_threads=1, inter_op_parallelism_threads=1
        ),
    )
    estimator = make(model_dir=folder, config=config)

    def inputs(num_epochs):
        return tf.estimator.inputs.numpy_input_fn(
            {"x": X}, labels_of(name), BATCH_SIZE, num_epochs=num_epochs, shuffle=False
        )

    hook = Losses()
    estimator.train(inputs(None), [hook], STEPS)
    arrays = {"losses": np.array(hook.losses)}
    for step in (0, STEPS):
        reader = tf.train.load_checkpoint(os.path.join(folder, f"model.ckpt-{step}"))
        for variable in reader.get_variable_to_shape_map():
            arrays[f"{step}/{variable}"] = np.array(reader.get_tensor(variable))
    evaluation = estimator.evaluate(inputs(1))
    arrays.update({f"evaluate/{key}": np.array(evaluation[key]) for key in evaluation})
    return arrays


def heads():
    """{head: its loss of LOGITS}: what a canned Estimator of one's own head minimised."""
    own, train = tf.estimator, tf.estimator.ModeKeys.TRAIN
    classes = tf.constant(CLASSES[:4, np.newaxis])
    two, one = tf.constant(CLASSES[:4, np.newaxis] % 2), tf.constant(LOGITS[:, :1])
    numbers, all_of = tf.constant(np.abs(Y_TRUE[:4])), tf.constant(LOGITS)
    several = tf.constant(np.int64([[1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 1, 0]]))
    both = own.MultiHead(
        [own.MultiClassHead(3, name="a"), own.RegressionHead(name="b")], [1, 0.5]
    )
    losses = {
        "BinaryClassHead": (own.BinaryClassHead(), two, one),
        "MultiClassHead": (own.MultiClassHead(3), classes, all_of),
        "MultiLabelHead": (own.MultiLabelHead(3), several, all_of),
        "RegressionHead": (own.RegressionHead(), numbers, one),
        "PoissonRegressionHead": (own.PoissonRegressionHead(), numbers, one),
        "LogisticRegressionHead": (own.LogisticRegressionHead(), numbers / 4, one),
        "MultiHead": (both, {"a": classes, "b": numbers}, {"a": all_of, "b": one}),
    }
    return {
        name: head.loss(labels, logits, features={}, mode=train)
        for name, (head, labels, logits) in losses.items()
    }


def builders():
    """{name: tensor}: the variables and logits of the builders of halves."""
    own, columns, x = tf.estimator.experimental, of_numbers(), {"x": tf.constant(X)}
    train = tf.estimator.ModeKeys.TRAIN
    with tf.variable_scope("linear"):
        linear = own.linear_logit_fn_builder(2, columns)(x)
    dnn = own.dnn_logit_fn_builder(2, [HIDDEN], columns, tf.nn.relu, None, None, False)
    with tf.variable_scope("dnn"):
        dnn = own.call_logit_fn(dnn, x, train, {}, None)
    tensors = {variable.op.name: variable for variable in tf.trainable_variables()}
    return dict(tensors, **{"linear logits": linear, "dnn logits": dnn})


def in_a_session(tensors_of):
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(1)
        tensors = tensors_of()
        start = tf.global_variables_initializer()
        with export.session(graph) as session:
            session.run(start)
            return {name: np.array(v) for name, v in session.run(tensors).items()}


def k_means(folder):
    """The centres after each step on all examples, and the score before the last."""
    estimator = tf.estimator.experimental.KMeans(
        len(CENTRES), folder, CENTRES, use_mini_batch=False
    )
    arrays = {}
    for step in range(3):
        estimator.train(lambda: tf.constant(X), steps=1)
        arrays[f"centres/{step}"] = estimator.cluster_centers()
    arrays["score"] = np.array(estimator.score(lambda: tf.train.limit_epochs(X, 1)))
    rows = estimator.predict_cluster_index(lambda: tf.train.limit_epochs(X, 1))
    arrays["clusters"] = np.array(list(rows))
    return arrays


def main():
    out = export.folder("canned_estimators", __doc__)
    tf.logging.set_verbosity(tf.logging.ERROR)
    parts = {"heads": in_a_session(heads), "builders": in_a_session(builders)}
    with tempfile.TemporaryDirectory() as folder:
        for name, make in estimators().items():
            parts[name] = trained(name, make, os.path.join(folder, name))
        parts["KMeans"] = k_means(os.path.join(folder, "k_means"))
    arrays = {
        f"{part}/{name}": value
        for part, values in parts.items()
        for name, value in values.items()
    }
    export.write("canned_estimators", out, None, arrays)


if __name__ == "__main__":
    main()
