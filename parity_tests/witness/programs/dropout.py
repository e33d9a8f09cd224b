"""TF1's dropout at many shares: ``tf.nn.dropout`` and the wrapper of recurrent cells.

``python -m parity_tests.witness.programs.dropout --out DIR`` under 1.15.5 writes what is
kept, what is dropped, and the gradients, of every dtype, with keep_prob as a number and
fed. Every operation is a product or a quotient of two numbers, which no CPU rounds
otherwise.
"""

import collections

import numpy as np
import tensorflow as tf

from parity_tests.witness.programs import export

SEED = (1, 14)  # of graph and op
KEEP_PROBS = (
    1.0, 0.999, 0.9, 0.8, 0.75, 0.7, 0.5, 1 / 3, 0.3, 0.25, 0.1, 0.03, 0.001,
)  # fmt: skip
DTYPES = ("float16", "float32", "float64")
KINDS = ("number", "fed")
TRAINS = (True, False, True)  # the steps of one Session: what is fed is 1.0 between
SHAPE = (4, 24)
# Masks of float16 compare 1024 different numbers with the rate: it occurs among them.
TIED_KEEP_PROBS = (0.75, 0.5, 0.25)
TIED_SHAPE = (64, 128)
# The wrapper: shares of inputs, outputs and state.
SHARES = (0.8, 0.7, 0.9)
SEQUENCES = (3, 4, 5)  # batch, time, features


def data(dtype, salt):
    """[4, 24]: in each row zeros, denormals, what overflows, what is not finite."""
    random = np.random.RandomState(salt)
    values = 3 * random.standard_normal(SHAPE)
    info = np.finfo(dtype)
    tiny, large = float(info.tiny), float(info.max)
    values[:, :9] = [
        0.0, -0.0, tiny, -tiny / 4, large, -large, np.inf, -np.inf, np.nan,
    ]  # fmt: skip
    return values.astype(dtype)


def sequences(dtype, salt):
    """[batch, time, features] of ordinary numbers."""
    random = np.random.RandomState(salt)
    return random.standard_normal(SEQUENCES).astype(dtype)


def steps(kind):
    """Whether each run of a Session trains: a number leaves the graph no evaluation."""
    return [training for training in TRAINS if training or kind == "fed"]


def dropped(kind, keep_prob, dtype):
    """[steps, (output, gradient), 4, 24] of one dropout in a Session of its own."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(SEED[0])
        x = tf.placeholder(dtype, [None, SHAPE[1]])
        share = tf.placeholder(dtype, [])
        upstream = tf.placeholder(dtype, [None, SHAPE[1]])
        given = share if kind == "fed" else keep_prob
        y = tf.nn.dropout(x, keep_prob=given, seed=SEED[1])
        (gradient,) = tf.gradients(y, x, upstream)
    results = []
    with export.session(graph) as session:
        for training in steps(kind):
            feed = {x: data(dtype, 0), upstream: data(dtype, 1)}
            feed[share] = keep_prob if training else 1.0
            results.append(session.run([y, gradient], feed))
    return np.array(results)


def tied(kind, keep_prob):
    """What of float16 ones is kept, [64, 128]."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(SEED[0])
        share = tf.placeholder(tf.float16, [])
        given = share if kind == "fed" else keep_prob
        ones = tf.ones(TIED_SHAPE, tf.float16)
        kept = tf.nn.dropout(ones, keep_prob=given, seed=SEED[1])
    with export.session(graph) as session:
        return session.run(kept, {share: keep_prob}) != 0


class Echo(tf.nn.rnn_cell.RNNCell if hasattr(tf.nn, "rnn_cell") else object):
    """Hands its inputs on, as output and as state: all that is left is dropout."""

    state_size = output_size = SEQUENCES[2]

    def call(self, inputs, _state):
        return inputs, inputs


def wrapped(kind, dtype):
    """[(outputs, final state, gradient of the inputs)] of two runs of a Session."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(SEED[0])
        x = tf.placeholder(dtype, SEQUENCES)
        upstream = tf.placeholder(dtype, SEQUENCES)
        shares = [tf.placeholder_with_default(tf.constant(share, dtype), [])
                  if kind == "fed" else share for share in SHARES]  # fmt: skip
        cell = tf.nn.rnn_cell.DropoutWrapper(Echo(dtype=dtype), *shares, seed=SEED[1])
        # With more, the steps of a loop draw their masks in any order.
        outputs, state = tf.nn.dynamic_rnn(cell, x, dtype=dtype, parallel_iterations=1)
        loss = tf.reduce_sum(outputs * upstream)
        (gradient,) = tf.gradients(loss, x)
    with export.session(graph) as session:
        feed = {x: sequences(dtype, 0), upstream: sequences(dtype, 1)}
        return [session.run([outputs, state, gradient], feed) for _ in range(2)]


def main():
    out = export.folder("dropout", __doc__)
    computed = collections.OrderedDict()
    for kind in KINDS:
        for dtype in DTYPES:
            computed[kind + "/" + dtype] = np.array(
                [dropped(kind, keep_prob, dtype) for keep_prob in KEEP_PROBS]
            )
            for run, results in enumerate(wrapped(kind, dtype)):
                for name, value in zip(("outputs", "state", "gradient"), results):
                    computed[f"wrapper/{kind}/{dtype}/{run}/{name}"] = value
        computed[kind + "/ties"] = np.array(
            [tied(kind, keep_prob) for keep_prob in TIED_KEEP_PROBS]
        )
    export.write("dropout", out, None, computed)


if __name__ == "__main__":
    main()
