"""train_and_evaluate on irises: evaluated whenever it is saved, at the end exported.

With the Estimator of the chapter estimator. The program is started twice, the second time
for more steps, which are counted from the first one's beginning; then its newest export is
loaded and asked. TensorFlow 1.15 only: 2.16 has no tf.estimator.

Run it: ``python -m tf1_graph.models.train_and_evaluate``
"""

import dataclasses
import os
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph.models import estimator
from tf1_graph.models.estimator import Told, build, examples, inputs


@dataclasses.dataclass(frozen=True)
class Config(estimator.Config):
    steps: int = 3  # of the first start
    steps_in_all: int = 7  # of both


def serving_input_receiver_fn():
    """What an export is fed."""
    x = tf.placeholder(tf.float32, [None, 4], "x")
    return tf.estimator.export.ServingInputReceiver({"x": x}, {"x": x})


def train_and_evaluate(own, max_steps, data, config, history, says):
    """Up to so many steps in all, evaluated whenever it has been saved, then exported."""
    train_spec = tf.estimator.TrainSpec(
        inputs(data, config, None), max_steps, hooks=[Told(history, says)]
    )
    eval_spec = tf.estimator.EvalSpec(
        inputs(data, config, 1),
        steps=None,  # all there are; 100 if nothing is said
        hooks=[Told(history, "restored")],
        exporters=[tf.estimator.FinalExporter("irises", serving_input_receiver_fn)],
        throttle_secs=0,  # ten minutes if nothing is said
    )
    tf.estimator.train_and_evaluate(own, train_spec, eval_spec)


def kept(own):
    """The steps of the checkpoints that are there."""
    paths = tf.train.get_checkpoint_state(own.model_dir).all_model_checkpoint_paths
    return {"steps": np.int64([path.rpartition("-")[2] for path in paths])}


def serve(own, x_data):
    """What the newest export answers."""
    exports = os.path.join(own.model_dir, "export", "irises")
    with tf.Session(graph=tf.Graph()) as session:
        newest = os.path.join(exports, max(os.listdir(exports)))
        loaded = tf.saved_model.loader.load(session, ["serve"], newest)
        signature = loaded.signature_def["serving_default"]
        outputs = {name: info.name for name, info in signature.outputs.items()}
        return session.run(outputs, {signature.inputs["x"].name: x_data})


def run(x_data, y_data, folder, config=Config()):
    """A record of each start and loss, and of what each start left behind."""
    history, data = [], (x_data, y_data)
    own = build(folder, config)
    starts = {"initial values": config.steps, "restored": config.steps_in_all}
    for says, max_steps in starts.items():
        train_and_evaluate(own, max_steps, data, config, history, says)
        history.append({"kept": kept(own), "outputs": serve(own, x_data)})
    return history


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        records = run(*examples(), folder=scratch)
    for record in records:
        if "kept" in record:
            print(
                "kept", record["kept"]["steps"], *record["outputs"]["class_ids"][:, 0]
            )
