"""A TF1 program that sets a graph seed and nothing else, as most did.

``python -m parity_tests.witness.programs.graph_seed_only --out DIR`` under 1.15.5
writes the ``.meta``, every initial value, and what all other ops draw in three runs.

Shapes: B batch, 8 x 8 pixels, one channel.
"""

import numpy as np
import tensorflow as tf

from parity_tests.witness.programs import export

GRAPH_SEED = 7
RUNS = 3  # of each dropout


def build():
    """The graph; every layer draws by another of TF1's ways."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(GRAPH_SEED)
        x = tf.placeholder(tf.float32, [None, 8, 8, 1], name="x")
        keep_prob = tf.placeholder(tf.float32, name="keep_prob")
        # tf.layers: Glorot's uniform, which is get_variable's default.
        net = tf.layers.conv2d(x, 4, 3, activation=tf.nn.relu, name="convolution")
        net = tf.layers.flatten(net)  # [B, 144]
        kernel = tf.get_variable("by_default/kernel", [144, 12])
        net = tf.nn.dropout(tf.nn.relu(tf.matmul(net, kernel)), 0.75)
        net = tf.contrib.layers.fully_connected(net, 10, scope="xavier")
        net = tf.contrib.layers.dropout(net, 0.9, is_training=True, scope="contrib")
        kernel = tf.Variable(tf.truncated_normal([10, 9], stddev=0.1), name="truncated")
        net = tf.nn.relu(tf.matmul(net, kernel))
        kernel = tf.Variable(tf.random_normal([9, 8], mean=0.5), name="normal")
        net = tf.nn.dropout(tf.nn.relu(tf.matmul(net, kernel)), keep_prob, name="fed")
        kernel = tf.Variable(tf.random_uniform([8, 7], -0.05, 0.05), name="uniform")
        net = tf.nn.relu(tf.matmul(net, kernel))
        net = tf.layers.dense(
            net, 6, kernel_initializer=tf.variance_scaling_initializer(2.0), name="he"
        )
        net = tf.layers.dense(
            net, 5, kernel_initializer=tf.orthogonal_initializer(1.5), name="orthogonal"
        )
        kernel = tf.Variable(tf.random_normal([5, 4]) * 2.0 + 1.0, name="scaled")
        net = tf.matmul(net, kernel)
        seeded = tf.Variable(tf.truncated_normal([4, 3], seed=42), name="with_a_seed")
        net = tf.nn.xw_plus_b(net, seeded, tf.zeros([3]))
        tf.random_shuffle(net, name="shuffled")
        tf.random_uniform([4], 0, 10, dtype=tf.int32, name="integers")
        tf.multinomial(net, 2, name="drawn")
    return graph


# {what it is called in computed.npz: (the dropout's input, its output)}.
DROPOUTS = {
    "dropout": ("Relu:0", "dropout/mul_1:0"),
    "contrib": ("xavier/Relu:0", "contrib/dropout/mul_1:0"),
    "fed": ("Relu_2:0", "fed/mul_1:0"),
}
WIDTHS = {"dropout": 12, "contrib": 10, "fed": 8}
KEEP_PROB = 0.6  # fed


# Ops that no part of tf1_semantics stands for, and what is fed to those with an input.
OTHERS = {
    "shuffled": "shuffled:0",
    "integers": "integers:0",
    "drawn": "drawn/Multinomial:0",
}
FED = ("xw_plus_b:0", np.arange(15, dtype=np.float32).reshape([5, 3]) / 10)


def dropout_input(name):
    """What a dropout is fed, [5, its width], float32."""
    random = np.random.RandomState(WIDTHS[name])
    return random.normal(size=[5, WIDTHS[name]]).astype(np.float32)


def main():
    out = export.folder("graph_seed_only", __doc__)
    graph = build()
    computed = {}
    with export.session(graph) as session:
        with graph.as_default():
            session.run(tf.global_variables_initializer())
        for name, value in export.values(session, graph).items():
            computed["initial/" + name] = value
        for name, (source, result) in DROPOUTS.items():
            for run in range(RUNS):
                computed[f"{name}/{run}"] = session.run(
                    result, {source: dropout_input(name), "keep_prob:0": KEEP_PROB}
                )
        for name, result in OTHERS.items():
            for run in range(RUNS):
                computed[f"{name}/{run}"] = session.run(result, dict([FED]))
    export.write("graph_seed_only", out, graph, computed)


if __name__ == "__main__":
    main()
