"""A sequence classifier: BasicLSTMCell in dynamic_rnn, its last output, Adam.

``python -m parity_tests.witness.programs.lstm_classifier --out DIR`` under 1.15.5
writes the ``.meta``, the initial and final values and the loss of every step.

Shapes: B batch, 6 time steps, 5 features, three classes.
"""

import numpy as np
import tensorflow as tf

from parity_tests.witness.programs import export

STEPS = 12
BATCH_SIZE = 16
X, Y_TRUE, LOSS, TRAIN, Y_PRED = "x", "y_true", "loss", "train", "logits/BiasAdd"


def batches():
    """STEPS batches (sequences [16, 6, 5], one-hot labels [16, 3]), float32."""
    random = np.random.RandomState(6)
    for _ in range(STEPS):
        labels = random.randint(3, size=BATCH_SIZE)
        sequences = random.normal(size=[BATCH_SIZE, 6, 5])
        sequences[np.arange(BATCH_SIZE), :, labels] += 1  # class k: feature k is larger
        yield sequences.astype(np.float32), np.eye(3, dtype=np.float32)[labels]


def build():
    """The graph; no op has a seed of its own."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(11)
        x = tf.placeholder(tf.float32, [None, 6, 5], name=X)
        y_true = tf.placeholder(tf.float32, [None, 3], name=Y_TRUE)
        cell = tf.nn.rnn_cell.BasicLSTMCell(8)
        outputs, _ = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)  # [B, 6, 8]
        logits = tf.layers.dense(outputs[:, -1], 3, name="logits")
        loss = tf.reduce_mean(
            tf.nn.softmax_cross_entropy_with_logits_v2(labels=y_true, logits=logits),
            name=LOSS,
        )
        tf.train.AdamOptimizer(0.02).minimize(loss, name=TRAIN)
    return graph


def main():
    out = export.folder("lstm_classifier", __doc__)
    graph = build()
    losses = []
    with export.session(graph) as session:
        with graph.as_default():
            session.run(tf.global_variables_initializer())
        computed = {
            "initial/" + name: value
            for name, value in export.values(session, graph).items()
        }
        for sequences, labels in batches():
            feed = {X + ":0": sequences, Y_TRUE + ":0": labels}
            losses.append(session.run([LOSS + ":0", TRAIN], feed)[0])
        computed["losses"] = np.array(losses)
        for name, value in export.values(session, graph).items():
            computed["final/" + name] = value
    export.write("lstm_classifier", out, graph, computed)


if __name__ == "__main__":
    main()
