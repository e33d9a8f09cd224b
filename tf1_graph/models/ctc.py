"""A small recogniser of speech: an LSTM and connectionist temporal classification.

Frames of sound become letters; which frame is which letter nobody says. The loss sums
over all ways to say the target, in which a blank stands between letters.

Shapes: B batch, T frames, F = 13 features of a frame, H = 50 hidden units, C = 28 classes,
the space first, the blank last.
"""

import collections
import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import rnn_cell


@dataclasses.dataclass(frozen=True)
class Config:
    num_features: int = 13  # F
    num_units: int = 50  # H
    num_classes: int = 28  # C: the space, 26 letters, the blank
    learning_rate: float = 1e-2
    momentum: float = 0.9
    batch_size: int = 1
    num_steps: int = 200
    seed: int = 1  # of the graph; each random op adds its own


def sparse_tuple_from(sequences):
    """(indices [n, 2], values [n], shape [2]) of lists of letters, as int64 and int32."""
    indices = [
        (row, i) for row, sequence in enumerate(sequences) for i in range(len(sequence))
    ]
    shape = [len(sequences), max(len(sequence) for sequence in sequences)]
    values = np.concatenate(sequences).astype(np.int32)
    return np.int64(indices), values, np.int64(shape)


def next_batch(x, lengths, targets, batch_size):
    """Endless (x, lengths, sparse targets) in order; short at the end of the data."""
    while True:
        for start in range(0, len(x), batch_size):
            cut = slice(start, start + batch_size)
            yield x[cut], lengths[cut], sparse_tuple_from(targets[cut])


def inference(x, seq_len, config):
    """[B, T, F], [B] -> logits [T, B, C]: time comes first, as the loss wants it."""
    initializer = tf.glorot_uniform_initializer(seed=21)
    cell = rnn_cell.LSTMCell(config.num_units, initializer=initializer)
    outputs, _ = tf.nn.dynamic_rnn(cell, x, seq_len, dtype=tf.float32)
    w = tf.Variable(
        tf.truncated_normal(
            [config.num_units, config.num_classes], stddev=0.1, seed=11
        ),
        name="W",
    )
    b = tf.Variable(tf.constant(0.0, shape=[config.num_classes]), name="b")
    logits = tf.matmul(tf.reshape(outputs, [-1, config.num_units]), w) + b
    logits = tf.reshape(logits, [tf.shape(x)[0], -1, config.num_classes])
    return tf.transpose(logits, [1, 0, 2])


def loss(targets, logits, seq_len):
    """Mean of the losses of sparse targets, a scalar; the last class is the blank."""
    return tf.reduce_mean(tf.nn.ctc_loss(targets, logits, seq_len))


def decoders(logits, seq_len):
    """[T, B, C] -> letters [B, L] of the likeliest path, and of the likeliest text; -1 fills."""
    (greedy,), _ = tf.nn.ctc_greedy_decoder(logits, seq_len)
    # merge_repeated would leave out letters that the text has twice.
    (beam,), _ = tf.nn.ctc_beam_search_decoder(
        logits, seq_len, beam_width=10, merge_repeated=False
    )
    return [
        tf.sparse_tensor_to_dense(text, default_value=-1) for text in (greedy, beam)
    ]


def optimizer(config):
    """Momentum, which in TF1 leaves the rate out of what it remembers."""
    return tf.train.MomentumOptimizer(config.learning_rate, config.momentum)


# The graph, what its Session feeds, fetches and runs.
Model = collections.namedtuple(
    "Model",
    ["graph", "x", "lengths", "y_true", "y_pred", "greedy", "beam", "loss", "train"],
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    # TensorFlow 2 would make another loop of dynamic_rnn, with sums in another order.
    with tf.Graph().as_default() as graph, rnn_cell.while_loops():
        tf.set_random_seed(config.seed)
        x = tf.placeholder(tf.float32, [None, None, config.num_features], name="x")
        seq_len = tf.placeholder(tf.int32, [None], name="seq_len")
        targets = tf.sparse_placeholder(tf.int32, name="targets")
        logits = inference(x, seq_len, config)
        cost = loss(targets, logits, seq_len)
        greedy, beam = decoders(logits, seq_len)
        train = optimizer(config).minimize(cost)
    return Model(graph, x, seq_len, targets, logits, greedy, beam, cost, train)


def run(train_data, x, lengths, config=Config()):
    """Returns ([loss of each step], the likeliest letters of x, -1 behind them).

    Args:
        train_data: (x [n, T, F], float32; lengths [n], int32; n lists of letters).
        x, lengths: of what is to be read.
    """
    built = build(config)
    batches = next_batch(*train_data, config.batch_size)
    inputs = built.x, built.lengths, built.y_true
    losses = []
    with built.graph.as_default():
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)
            for _ in range(config.num_steps):
                feed_dict = dict(zip(inputs, next(batches)))
                _, cost = session.run([built.train, built.loss], feed_dict=feed_dict)
                losses.append(cost)
            feed_dict = {built.x: x, built.lengths: lengths}
            return losses, session.run(built.greedy, feed_dict=feed_dict)
