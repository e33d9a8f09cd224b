"""A character-level language model, as in char-rnn-tensorflow.

Two layers of LSTM read a text in parallel streams, fifty characters a step, and carry
their state from one step to the next; what they learned is sampled, one character at a
time, by a second graph of batch 1 and length 1.

Shapes: B streams, T characters a step, V characters known, H units a layer. A state is
((c, h), (c, h)), a pair for each layer, each [B, H].
"""

import collections
import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import rnn_cell


@dataclasses.dataclass(frozen=True)
class Config:
    vocab_size: int = 65  # V, of the text that the source comes with
    rnn_size: int = 128  # H
    num_layers: int = 2
    batch_size: int = 50  # B
    seq_length: int = 50  # T
    num_epochs: int = 50
    grad_clip: float = 5.0  # of the norm of all gradients together
    learning_rate: float = 0.002  # of the first epoch
    decay_rate: float = 0.97  # of the rate, from epoch to epoch
    seed: int = 1  # of the graph; each variable adds its own


def vocabulary(text):
    """{character: number}, the most frequent first."""
    # Equal counts in order of the characters: a set would order them anew in each run.
    counts = sorted(
        collections.Counter(text).items(), key=lambda pair: (-pair[1], pair)
    )
    return {character: number for number, (character, _) in enumerate(counts)}


def epoch(codes, config):
    """Yields (x [B, T], y [B, T]) of one pass over the text; y is x one character on.

    Stream b of a batch goes on where stream b of the batch before ended.
    """
    size = config.batch_size * config.seq_length
    num_batches = len(codes) // size
    if num_batches == 0:
        raise ValueError(
            f"A text must fill a batch, at least {size} characters. "
            f"Received: {len(codes)}. Use a smaller batch_size or seq_length."
        )
    x_data = codes[: num_batches * size]
    y_data = np.append(x_data[1:], x_data[0])  # the last target is the first character
    x_data, y_data = (
        part.reshape(config.batch_size, num_batches * config.seq_length)
        for part in (x_data, y_data)
    )
    for start in range(0, num_batches * config.seq_length, config.seq_length):
        times = slice(start, start + config.seq_length)
        yield x_data[:, times], y_data[:, times]


def glorot_uniform(seed):
    # TF1's default for get_variable, which without a seed would draw anew in each run.
    return tf.glorot_uniform_initializer(seed=seed)


def inference(input_data, config):
    """[B, T] -> (logits [B * T, V], the state before, the state after)."""
    embedding = tf.get_variable(
        "embedding",
        [config.vocab_size, config.rnn_size],
        initializer=glorot_uniform(11),
    )
    inputs = tf.nn.embedding_lookup(embedding, input_data)  # [B, T, H]
    # A cell for each layer: [cell] * num_layers would share the weights, or fail.
    cells = [
        rnn_cell.LSTMCell(config.rnn_size, initializer=glorot_uniform(21 + layer))
        for layer in range(config.num_layers)
    ]
    cell = rnn_cell.MultiRNNCell(cells)
    initial_state = cell.zero_state(config.batch_size, tf.float32)
    outputs, last_state = tf.nn.dynamic_rnn(cell, inputs, initial_state=initial_state)
    output = tf.reshape(outputs, [-1, config.rnn_size])  # [B * T, H]
    with tf.variable_scope("softmax"):
        shape = [config.rnn_size, config.vocab_size]
        w = tf.get_variable("w", shape, initializer=glorot_uniform(12))
        b = tf.get_variable("b", shape[1:], initializer=tf.zeros_initializer())
    return tf.matmul(output, w) + b, initial_state, last_state


def loss(targets, logits):
    """Cross-entropy of targets [B, T] and logits [B * T, V]: by stream and character."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=tf.reshape(targets, [-1]), logits=logits
    )  # [B * T]
    return tf.reduce_mean(losses)


def optimizer(learning_rate):
    """Adam, at a rate that is a variable."""
    return tf.train.AdamOptimizer(learning_rate)


# The graph, what its Session feeds, fetches and runs. Who feeds ``state`` what
# ``last_state`` was goes on where the last run stopped.
Model = collections.namedtuple(
    "Model",
    ["graph", "x", "y_true", "state", "last_state", "y_pred", "loss", "gradients"]
    + ["train", "new_rate", "assign_rate"],
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    # TensorFlow 2 would make another loop of dynamic_rnn, with sums in another order.
    with tf.Graph().as_default() as graph, rnn_cell.while_loops():
        tf.set_random_seed(config.seed)
        shape = [config.batch_size, config.seq_length]
        input_data = tf.placeholder(tf.int32, shape, name="input_data")
        targets = tf.placeholder(tf.int32, shape, name="targets")
        logits, initial_state, last_state = inference(input_data, config)
        cost = loss(targets, logits)
        # The rate is assigned at the start of each epoch.
        lr = tf.Variable(config.learning_rate, trainable=False, name="learning_rate")
        new_rate = tf.placeholder(tf.float32, [], name="new_rate")
        assign_rate = tf.assign(lr, new_rate)
        variables = tf.trainable_variables()
        gradients, _ = tf.clip_by_global_norm(
            tf.gradients(cost, variables), config.grad_clip
        )
        gradients = list(zip(gradients, variables))
        train = optimizer(lr).apply_gradients(gradients)
    return Model(
        graph, input_data, targets, initial_state, last_state, logits, cost, gradients,
        train, new_rate, assign_rate,
    )  # fmt: skip


def sample(trained, prime, length, config):
    """``length`` numbers of characters drawn after the text ``prime``, numbers too.

    Args:
        trained: values of the trainable variables, in order.
    """
    built = build(dataclasses.replace(config, batch_size=1, seq_length=1))
    random = np.random.RandomState(config.seed)
    drawn = []
    with built.graph.as_default():
        probabilities = tf.nn.softmax(built.y_pred)  # [1, V]
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)
            for variable, value in zip(tf.trainable_variables(), trained):
                variable.load(value, session)
            state = session.run(built.state)
            for step in range(len(prime) - 1 + length):
                code = prime[step] if step < len(prime) else drawn[-1]
                p, state = session.run(
                    [probabilities, built.last_state],
                    feed_dict={built.x: [[code]], built.state: state},
                )
                if step >= len(prime) - 1:
                    cumulative = np.cumsum(p[0])
                    place = random.rand() * cumulative[-1]
                    drawn.append(int(np.searchsorted(cumulative, place)))
    return drawn


def run(text, prime, length, config=Config()):
    """Trains on a text; returns ([loss of each step], the text that goes on ``prime``)."""
    numbers = vocabulary(text)
    config = dataclasses.replace(config, vocab_size=len(numbers))
    codes = np.array([numbers[character] for character in text], np.int32)
    built = build(config)
    losses = []
    with built.graph.as_default():
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)
            for e in range(config.num_epochs):
                rate = config.learning_rate * config.decay_rate**e
                session.run(built.assign_rate, feed_dict={built.new_rate: rate})
                # Each epoch begins at the start of the text, and so from no memory.
                state = session.run(built.state)
                for x, y in epoch(codes, config):
                    feed_dict = {built.x: x, built.y_true: y, built.state: state}
                    train_loss, state, _ = session.run(
                        [built.loss, built.last_state, built.train], feed_dict=feed_dict
                    )
                    losses.append(train_loss)
            trained = session.run(tf.trainable_variables())
    characters = list(numbers)
    drawn = sample(trained, [numbers[c] for c in prime], length, config)
    return losses, prime + "".join(characters[code] for code in drawn)
