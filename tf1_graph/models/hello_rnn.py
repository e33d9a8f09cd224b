"""The next letter of a word: the first recurrent network that most people wrote.

Two layers of BasicRNNCell read a word letter by letter, with dropout between them, and say
at each letter which one comes next. Words are of many lengths, so that sequence_loss weighs
each step: 1 where there is a letter to guess, and 0 behind it.

Shapes: B words, T letters of the longest but one, V letters known, H units a layer.

Run it: ``python -m tf1_graph.models.hello_rnn``
"""

import collections
import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import rnn, seq2seq
from tf1_graph.rnn_cell import while_loops


@dataclasses.dataclass(frozen=True)
class Config:
    hidden_size: int = 32  # H
    output_keep_prob: float = 0.5  # of the first layer, while training
    learning_rate: float = 0.5
    steps: int = 20
    seed: int = 1  # of the graph; each random op adds its own


def encode(words):
    """(letters, one-hot [B, T, V]; next ones [B, T]; weights [B, T]; the V letters)."""
    letters = sorted(set("".join(words)))
    length = max(map(len, words)) - 1
    x = np.zeros([len(words), length, len(letters)], np.float32)
    y = np.zeros([len(words), length], np.int32)
    weights = np.zeros([len(words), length], np.float32)
    for row, word in enumerate(words):
        for t, (letter, following) in enumerate(zip(word, word[1:])):
            x[row, t, letters.index(letter)] = 1
            y[row, t] = letters.index(following)
            weights[row, t] = 1
    return x, y, weights, letters


def inference(x, keep_prob, config):
    """[B, T, V] -> logits [B, T, V], float32."""
    _, length, classes = x.get_shape().as_list()
    # Cells take the initializer of their scope: both layers read the same stream.
    start = tf.glorot_uniform_initializer(seed=21)
    with tf.variable_scope("rnn", initializer=start):
        first = rnn.BasicRNNCell(config.hidden_size)
        first = rnn.DropoutWrapper(first, output_keep_prob=keep_prob, seed=31)
        cell = rnn.MultiRNNCell([first, rnn.BasicRNNCell(config.hidden_size)])
        # Another mask at each step. Were steps to overlap, it would be nobody's choice
        # which of them draws first.
        outputs, _ = tf.nn.dynamic_rnn(
            cell, x, dtype=tf.float32, parallel_iterations=1
        )  # [B, T, H]
    flat = tf.reshape(outputs, [-1, config.hidden_size])
    w = tf.get_variable(
        "w",
        [config.hidden_size, classes],
        initializer=tf.glorot_uniform_initializer(seed=12),
    )
    b = tf.get_variable("b", [classes], initializer=tf.zeros_initializer())
    return tf.reshape(tf.matmul(flat, w) + b, [-1, length, classes])


def loss(y_true, weights, y_pred):
    """Cross-entropy of a letter: the weighted sum over the sum of the weights, a scalar."""
    return seq2seq.sequence_loss(logits=y_pred, targets=y_true, weights=weights)


def optimizer(config):
    """Plain gradient descent."""
    return tf.train.GradientDescentOptimizer(config.learning_rate)


# The graph, and what its Session feeds, fetches and runs.
Model = collections.namedtuple(
    "Model", ["graph", "x", "y_true", "weights", "loss", "train", "y_pred"]
)


def build(length, classes, config=Config()):
    """The whole graph, nothing run yet: one tower to train, one to predict."""
    with tf.Graph().as_default() as graph, while_loops():
        tf.set_random_seed(config.seed)
        x = tf.placeholder(tf.float32, [None, length, classes])
        y_true = tf.placeholder(tf.int32, [None, length])
        weights = tf.placeholder(tf.float32, [None, length])
        with tf.variable_scope("net"):
            logits = inference(x, config.output_keep_prob, config)
        with tf.variable_scope("net", reuse=True):
            y_pred = inference(x, 1.0, config)
        cost = loss(y_true, weights, logits)
        train = optimizer(config).minimize(cost)
    return Model(graph, x, y_true, weights, cost, train, y_pred)


def run(words, config=Config()):
    """A record of the start, of each step, and of what comes next after the last."""
    x, y_true, weights, letters = encode(words)
    built = build(*x.shape[1:], config=config)
    with tf.Session(graph=built.graph) as session:
        with built.graph.as_default():
            session.run(tf.global_variables_initializer())
            variables = {value.op.name: value for value in tf.global_variables()}
        history = [{"initial values": session.run(variables)}]
        feed_dict = {built.x: x, built.y_true: y_true, built.weights: weights}
        for _ in range(config.steps):
            _, loss_value = session.run([built.train, built.loss], feed_dict)
            history.append({"loss": {"loss": loss_value}})
            history.append({"updates": session.run(variables)})
        y_pred = session.run(built.y_pred, {built.x: x})
    history.append({"outputs": {"y_pred": y_pred}})
    guessed = said(y_pred, weights, letters)
    history.append({"evaluation": {"guessed": np.array(guessed)}})
    return history


def said(y_pred, weights, letters):
    """Of each word what was guessed behind its first letter."""
    return [
        "".join(letters[number] for number in numbers[: int(length)])
        for numbers, length in zip(y_pred.argmax(2), weights.sum(1))
    ]


def examples():
    """Words of this trade."""
    return ["graph", "session", "feed", "fetch", "variable", "tensor", "placeholder"]


if __name__ == "__main__":
    for record in run(examples()):
        for value in record.get("loss", {}).values():
            print(f"loss {value:.4f}")
        for value in record.get("evaluation", {}).values():
            print(*value)
