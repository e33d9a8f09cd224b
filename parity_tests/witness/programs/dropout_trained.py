"""A sequence classifier that trains through a dropout of each kind that TF1 had.

``python -m parity_tests.witness.programs.dropout_trained --out DIR`` under 1.15.5
writes the ``.meta``, the initial values, and what went into each dropout and came out
of it in every step of training.

Shapes: B batch, 6 time steps, 5 features, three classes.
"""

import numpy as np
import tensorflow as tf

from parity_tests.witness.programs import export

GRAPH_SEED = 13
WRAPPER_SEED = 5
STEPS = 3
BATCH_SIZE = 16
KEEP_PROB, RATE = 0.8, 0.3  # fed

# {what it is called in computed.npz: (the dropout's input, its output)}. In the loops
# only what comes out of the last one can be seen.
DROPOUTS = {
    "number": ("dense/BiasAdd:0", "number/mul_1:0"),
    "fed": ("dense_1/BiasAdd:0", "fed/mul_1:0"),
    "fed_rate": ("dense_2/BiasAdd:0", "fed_rate/mul_1:0"),
    "branch": ("dense_3/BiasAdd:0", "branch/cond/Merge:0"),
    "contrib": ("dense_4/BiasAdd:0", "contrib/cond/Merge:0"),
    "keras": ("dense_5/BiasAdd:0", "keras/cond/Merge:0"),
    "weights": ("weights/Tanh:0", "weights/dropout/mul_1:0"),
    "first": ("product:0", "first/mul_1:0"),
    "second": ("first/mul_1:0", "second/mul_1:0"),
}
LOOPS = {
    "seeded": ("x:0", "seeded/transpose_1:0"),
    "unseeded": ("seeded/transpose_1:0", "unseeded/transpose_1:0"),
    "variational": ("unseeded/transpose_1:0", "variational/transpose_1:0"),
}


def batches():
    """STEPS batches (sequences [16, 6, 5], one-hot labels [16, 3]), float32."""
    random = np.random.RandomState(8)
    for _ in range(STEPS):
        labels = random.randint(3, size=BATCH_SIZE)
        sequences = random.normal(size=[BATCH_SIZE, 6, 5])
        sequences[np.arange(BATCH_SIZE), :, labels] += 1  # class k: feature k is larger
        yield sequences.astype(np.float32), np.eye(3, dtype=np.float32)[labels]


def rnn(cell, sequences, name):
    """All outputs of a loop whose steps draw their masks in order."""
    return tf.nn.dynamic_rnn(
        cell, sequences, dtype=tf.float32, parallel_iterations=1, scope=name
    )[0]


def build():
    """The graph; dropouts have no seed but those of one wrapper."""
    wrapper = tf.nn.rnn_cell.DropoutWrapper
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(GRAPH_SEED)
        x = tf.placeholder(tf.float32, [None, 6, 5], name="x")
        y_true = tf.placeholder(tf.float32, [None, 3], name="y_true")
        keep_prob = tf.placeholder(tf.float32, [], name="keep_prob")
        rate = tf.placeholder(tf.float32, [], name="rate")
        training = tf.placeholder_with_default(False, [], name="training")
        cell = tf.nn.rnn_cell.BasicLSTMCell(8)
        cell = wrapper(cell, 0.9, 0.8, state_keep_prob=0.7, seed=WRAPPER_SEED)
        net = rnn(cell, x, "seeded")  # [B, 6, 8]
        net = rnn(wrapper(tf.nn.rnn_cell.GRUCell(7), 1.0, keep_prob), net, "unseeded")
        cell = wrapper(
            tf.nn.rnn_cell.BasicRNNCell(6),
            output_keep_prob=0.9,
            variational_recurrent=True,
            dtype=tf.float32,
        )
        net = rnn(cell, net, "variational")[:, -1]  # [B, 6]
        net = tf.nn.dropout(tf.layers.dense(net, 12), 0.6, name="number")
        net = tf.nn.dropout(tf.layers.dense(net, 11), keep_prob, name="fed")
        net = tf.nn.dropout(tf.layers.dense(net, 10), rate=rate, name="fed_rate")
        net = tf.layers.dropout(
            tf.layers.dense(net, 9), 0.3, training=training, name="branch"
        )
        net = tf.contrib.layers.dropout(
            tf.layers.dense(net, 8), 0.9, is_training=training, scope="contrib"
        )
        layer = tf.keras.layers.Dropout(0.2, name="keras")
        net = layer(tf.layers.dense(net, 7), training=training)
        with tf.variable_scope("weights"):  # a shape that is known beforehand
            kernel = tf.get_variable("kernel", [7, 6])
            net = tf.matmul(net, tf.nn.dropout(tf.tanh(kernel), 0.75))
        net = tf.identity(net, name="product")
        net = tf.nn.dropout(net, keep_prob, name="first")
        net = tf.nn.dropout(net, keep_prob, name="second")
        logits = tf.layers.dense(net, 3, name="logits")
        loss = tf.reduce_mean(
            tf.nn.softmax_cross_entropy_with_logits_v2(labels=y_true, logits=logits),
            name="loss",
        )
        tf.train.GradientDescentOptimizer(0.1).minimize(loss, name="train")
    return graph


def main():
    out = export.folder("dropout_trained", __doc__)
    graph = build()
    computed = {}
    with export.session(graph) as session:
        with graph.as_default():
            session.run(tf.global_variables_initializer())
        for name, value in export.values(session, graph).items():
            computed["initial/" + name] = value
        for step, (sequences, labels) in enumerate(batches()):
            feed = {
                "x:0": sequences,
                "y_true:0": labels,
                "keep_prob:0": KEEP_PROB,
                "rate:0": RATE,
                "training:0": True,
            }
            fetches = {"tensors": {**DROPOUTS, **LOOPS}, "train": "train"}
            for name, tensors in session.run(fetches, feed)["tensors"].items():
                for place, value in zip(("input", "output"), tensors):
                    computed[f"{name}/{place}/{step}"] = value
    export.write("dropout_trained", out, graph, computed)


if __name__ == "__main__":
    main()
