"""A TF1 program in all the forms in which one was exported, of the claims about them."""

import os
from typing import NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf1

from tf1_graph.rnn_cell import while_loops

STOPPED, STEPS = 2, 5
OUTPUT, LOSS = "net/logits/add", "loss"
INPUTS = {"x": "net/x", "ids": "net/ids"}


class Exported(NamedTuple):
    """Paths of one program's exports, what it was fed, and what it computed.

    outputs: of the signature. gradients, trained: {TF1 name: array}, of the loss where the
    checkpoint is, and after the rest of the steps.
    """

    saved_model: str
    frozen: str
    meta: str
    feeds: list
    outputs: dict
    gradients: dict
    trained: dict


def program(use_resource):
    """A loop over time, an embedding, statistics and a dropout that is off by default."""
    with tf1.variable_scope("net", use_resource=use_resource):
        x = tf1.placeholder(tf1.float32, [None, 4, 3], "x")
        ids = tf1.placeholder(tf1.int32, [None], "ids")
        keep_prob = tf1.placeholder_with_default(1.0, [], "keep_prob")
        kernel = tf1.get_variable("rnn/kernel", [8, 5])
        table = tf1.get_variable("table", [7, 5])
        mean = tf1.get_variable("bn/moving_mean", [5], trainable=False)
        steps = tf1.TensorArray(tf1.float32, 4).unstack(tf1.transpose(x, [1, 0, 2]))

        def step(time, state, states):
            joined = tf1.concat([steps.read(time), state], 1)
            state = tf1.tanh(tf1.matmul(joined, kernel))
            return time + 1, state, states.write(time, state)

        state = tf1.zeros([tf1.shape(x)[0], 5])
        _, _, states = tf1.while_loop(
            lambda time, *_: time < 4,
            step,
            [0, state, tf1.TensorArray(tf1.float32, 4)],
        )
        features = tf1.reduce_sum(states.stack(), 0, name="features") - mean
        features = tf1.nn.dropout(features, keep_prob=keep_prob, seed=3)
        features += tf1.nn.embedding_lookup(table, ids)
        out = tf1.get_variable("out", [5, 2])
        bias = tf1.get_variable("bias", [2])
        logits = tf1.add(tf1.matmul(features, out), bias, name="logits/add")
        probabilities = tf1.nn.softmax(logits, name="probabilities")
    loss = tf1.reduce_sum(logits * logits, name=LOSS)
    optimizer = tf1.train.AdamOptimizer(0.1)
    pairs = optimizer.compute_gradients(loss)
    train = optimizer.apply_gradients(pairs, tf1.train.create_global_step())
    return x, ids, features, logits, probabilities, pairs, train


def export(folder, use_resource):
    """Trains, stops, exports and goes on: an ``Exported``."""
    with while_loops():
        return _export(folder, use_resource)


def _export(folder, use_resource):
    numbers = np.random.RandomState(5)
    with tf1.Graph().as_default() as graph, tf1.Session() as session:
        tf1.set_random_seed(1)
        x, ids, features, logits, probabilities, pairs, train = program(use_resource)
        feeds = [
            {
                "x": numbers.standard_normal((3, 4, 3)).astype("f"),
                "ids": numbers.randint(0, 7, 3).astype("i"),
            }
            for _ in range(STEPS)
        ]
        fed = [{x: feed["x"], ids: feed["ids"]} for feed in feeds]
        session.run(tf1.global_variables_initializer())
        for feed in fed[:STOPPED]:
            session.run(train, feed)
        prefix = tf1.train.Saver().save(session, os.path.join(folder, "model.ckpt"))
        signature = tf1.saved_model.predict_signature_def
        builder = tf1.saved_model.Builder(os.path.join(folder, "saved"))
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {
                "serving_default": signature(
                    {"x": x, "ids": ids}, {"logits": logits, "p": probabilities}
                ),
                "features": signature({"x": x}, {"sum": features.op.inputs[0]}),
            },
        )
        builder.save()
        frozen = tf1.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), [OUTPUT, "net/probabilities"]
        )
        path = os.path.join(folder, "frozen.pb")
        with open(path, "wb") as file:
            file.write(frozen.SerializeToString())
        outputs = session.run({"logits": logits, "p": probabilities}, fed[-1])
        gradients = session.run(
            {
                variable.op.name: tf1.convert_to_tensor(gradient)
                for gradient, variable in pairs
            },
            fed[-1],
        )
        for feed in fed[STOPPED:]:
            session.run(train, feed)
        trained = session.run({v.op.name: v for v in tf1.trainable_variables()})
    return Exported(
        os.path.join(folder, "saved"),
        path,
        f"{prefix}.meta",
        feeds,
        outputs,
        gradients,
        trained,
    )
