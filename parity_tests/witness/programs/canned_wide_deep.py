"""The canned estimator of 1.15.5 beside the chapter wide_deep, which is it written out.

    python -m parity_tests.witness.programs.canned_wide_deep FOLDER

Both train on the same batches, the chapter's graph from the values that the estimator
started from. Prints one line of JSON: the losses of both, and the largest difference of
any variable, slots included, after the last step.
"""

import json
import sys

import numpy as np
import tensorflow.compat.v1 as tf

from parity_tests.models import wide_deep
from tf1_graph.models import feature_columns
from tf1_graph.models import wide_deep as graph

STEPS = 20


def main(folder):
    tf.logging.set_verbosity(tf.logging.ERROR)
    config = graph.Config(batch_size=50)
    train, _ = wide_deep.load(None, 1)
    endless = feature_columns.input_fn(*train, config.batch_size, config.seed)
    batches = [next(endless) for _ in range(STEPS)]
    losses = estimated(folder, batches, config)
    first, last = (checkpoint(folder, step) for step in (0, STEPS))
    written_out, values = played(first, batches, config)
    farthest = max(np.abs(values[name] - last[name]).max() for name in values)
    assert set(last) == set(values) | {"global_step"}
    print(
        json.dumps(
            {
                "estimator": losses,
                "written out": written_out,
                "farthest": float(farthest),
                "variables": len(values),
            }
        )
    )


def estimated(folder, batches, config):
    """The losses of the canned estimator."""

    def input_fn():
        columns, labels = zip(*batches)
        features = {
            name: np.concatenate([batch[name] for batch in columns])
            for name in columns[0]
        }
        for name in feature_columns.WORDS:
            features[name] = features[name].astype("S")
        data = tf.data.Dataset.from_tensor_slices((features, np.concatenate(labels)))
        return data.batch(config.batch_size)

    class Losses(tf.train.SessionRunHook):
        losses = []

        def begin(self):
            self.loss = tf.losses.get_losses()[0]

        def before_run(self, *_):
            return tf.train.SessionRunArgs(self.loss)

        def after_run(self, _, run_values):
            self.losses.append(float(run_values.results))

    wide_columns, deep_columns = feature_columns.build_model_columns(config)
    tf.estimator.DNNLinearCombinedClassifier(
        model_dir=folder,
        linear_feature_columns=wide_columns,
        dnn_feature_columns=deep_columns,
        dnn_hidden_units=list(config.hidden_units),
    ).train(input_fn, hooks=[Losses()])
    return Losses.losses


def checkpoint(folder, step):
    """{name: value} of what the estimator saved."""
    reader = tf.train.load_checkpoint(f"{folder}/model.ckpt-{step}")
    return {
        name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()
    }


def played(start, batches, config):
    """(losses of the chapter's graph from these values on, {name: value} at the end)."""
    built = graph.build(config)
    losses = []
    with built.graph.as_default(), tf.Session() as session:
        session.run([tf.global_variables_initializer(), tf.tables_initializer()])
        variables = {variable.op.name: variable for variable in tf.global_variables()}
        for name, variable in variables.items():
            variable.load(start[name], session)
        for columns, labels in batches:
            feed_dict = {built.features[name]: columns[name] for name in columns}
            feed_dict[built.y_true] = labels
            losses.append(float(session.run([built.loss, built.train], feed_dict)[0]))
        return losses, session.run(variables)


if __name__ == "__main__":
    main(*sys.argv[1:])
