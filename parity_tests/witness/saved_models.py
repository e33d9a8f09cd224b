"""Writes and runs SavedModels under whatever TensorFlow runs this.

    python -m parity_tests.witness.saved_models write FOLDER
    python -m parity_tests.witness.saved_models run FOLDER FEEDS.npz OUT.npz

``write`` exports a classifier of sequences with two signatures, a frozen graph, and what
it computed; ``run`` loads a SavedModel as TF1 did, and stores what its default signature
gives.

Runs under Python 3.7 and TensorFlow 1.15.5.
"""

import os
import sys

import numpy as np
import tensorflow.compat.v1 as tf

from parity_tests.witness import reference_conditions


def write(folder):
    numbers = np.random.RandomState(0)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        tf.set_random_seed(1)
        with tf.variable_scope("net"):
            x = tf.placeholder(tf.float32, [None, 4, 3], "x")
            ids = tf.placeholder(tf.int32, [None], "ids")
            outputs, _ = tf.nn.dynamic_rnn(
                tf.nn.rnn_cell.LSTMCell(5), x, dtype=tf.float32
            )
            hidden = tf.layers.dense(outputs[:, -1], 4, tf.nn.relu, name="hidden")
            hidden = tf.layers.batch_normalization(hidden, name="bn")
            hidden += tf.nn.embedding_lookup(tf.get_variable("table", [7, 4]), ids)
            logits = tf.layers.dense(hidden, 2, name="logits")
            p = tf.nn.softmax(logits, name="p")
        session.run(tf.global_variables_initializer())
        signature = tf.saved_model.predict_signature_def
        builder = tf.saved_model.Builder(os.path.join(folder, "saved"))
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {
                "serving_default": signature({"x": x, "ids": ids}, {"p": p}),
                "logits": signature({"x": x, "ids": ids}, {"logits": logits}),
            },
        )
        builder.save()
        frozen = tf.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), ["net/p"]
        )
        with open(os.path.join(folder, "frozen.pb"), "wb") as file:
            file.write(frozen.SerializeToString())
        feed = {
            "x": numbers.standard_normal((3, 4, 3)).astype("f"),
            "ids": numbers.randint(0, 7, 3).astype("i"),
        }
        computed = session.run(
            {"p": p, "logits": logits}, {x: feed["x"], ids: feed["ids"]}
        )
        np.savez(os.path.join(folder, "computed.npz"), **feed, **computed)


def run(folder, feeds, out):
    feed = dict(np.load(feeds))
    with tf.Graph().as_default(), tf.Session() as session:
        loaded = tf.saved_model.load(session, ["serve"], folder)
        signature = loaded.signature_def["serving_default"]
        outputs = {key: info.name for key, info in signature.outputs.items()}
        fed = {info.name: feed[key] for key, info in signature.inputs.items()}
        np.savez(out, **session.run(outputs, fed))


if __name__ == "__main__":
    reference_conditions.settle()
    {"write": write, "run": run}[sys.argv[1]](*sys.argv[2:])
