"""The encoder of a Transformer, as google-research/bert has it in modeling.py.

Each word of a sentence looks at all others, by how well its query meets their keys, and
takes of their values as much. What the first place, [CLS], has seen tells the class of the
sentence. Vaswani et al. 2017, arXiv:1706.03762.

Shapes: B sentences of F words, H hidden units, N attention heads of D = H / N. Matrices
[B F, H] hold all words of a batch.
"""

import collections
import dataclasses
import math
import zlib

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph.models.mnist_cnn import next_batch


@dataclasses.dataclass(frozen=True)
class Config:
    vocab_size: int = 30522  # 0 is padding
    hidden_size: int = 128  # H, of BERT-Tiny
    num_hidden_layers: int = 2
    num_attention_heads: int = 2  # N
    intermediate_size: int = 512
    initializer_range: float = 0.02
    max_seq_length: int = 128  # F
    num_labels: int = 2
    batch_size: int = 32
    learning_rate: float = 1e-4
    num_train_steps: int = 10000
    seed: int = 1  # of the graph; each variable adds one by its name


def variable(name, shape, config):
    """A weight of the current scope, drawn by its name: the source had no seeds."""
    scope = tf.get_variable_scope().name
    seed = zlib.crc32(f"{scope}/{name}".encode()) % 2**31
    initializer = tf.truncated_normal_initializer(
        stddev=config.initializer_range, seed=seed
    )
    return tf.get_variable(name, shape, initializer=initializer)


def zeros(name, shape):
    return tf.get_variable(name, shape, initializer=tf.zeros_initializer())


def gelu(x):
    """x times the normal distribution's share below it, by erf. Later versions: tanh."""
    cdf = 0.5 * (1.0 + tf.erf(x / math.sqrt(2.0)))
    return x * cdf


def dense(x, units, config, activation=None, name="dense"):
    """tf.layers.dense, [n, any] -> [n, units]."""
    with tf.variable_scope(name):
        kernel = variable("kernel", [int(x.shape[-1]), units], config)
        outputs = tf.nn.bias_add(tf.matmul(x, kernel), zeros("bias", [units]))
    return outputs if activation is None else activation(outputs)


def layer_norm(x):
    """tf.contrib.layers.layer_norm(begin_norm_axis=-1, begin_params_axis=-1)."""
    shape = [int(x.shape[-1])]
    with tf.variable_scope("LayerNorm"):
        beta = zeros("beta", shape)
        gamma = tf.get_variable("gamma", shape, initializer=tf.ones_initializer())
    mean, variance = tf.nn.moments(x, [-1], keep_dims=True)
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-12)


def attention_layer(x, adder, config):
    """[B F, H], [B, 1, 1, F] of 0.0 or -10000.0 -> [B F, H]."""
    length, heads = config.max_seq_length, config.num_attention_heads
    size = config.hidden_size // heads

    def transpose_for_scores(name):
        by_head = dense(x, config.hidden_size, config, name=name)
        by_head = tf.reshape(by_head, [-1, length, heads, size])
        return tf.transpose(by_head, [0, 2, 1, 3])  # [B, N, F, D]

    query, key, value = map(transpose_for_scores, ("query", "key", "value"))
    scores = tf.matmul(query, key, transpose_b=True) * (1.0 / math.sqrt(size))
    probabilities = tf.nn.softmax(scores + adder)  # [B, N, F, F]
    context = tf.transpose(tf.matmul(probabilities, value), [0, 2, 1, 3])
    return tf.reshape(context, [-1, config.hidden_size])


def transformer_model(x, input_mask, config):
    """[B, F, H], [B, F] of 1 for words and 0 for padding -> [B F, H]."""
    size = config.hidden_size
    # Not minus infinity: where all is padding, all weighs the same.
    mask = tf.reshape(input_mask, [-1, 1, 1, config.max_seq_length])
    adder = (1.0 - tf.cast(mask, tf.float32)) * -10000.0
    output = tf.reshape(x, [-1, size])
    for layer in range(config.num_hidden_layers):
        with tf.variable_scope(f"encoder/layer_{layer}"):
            with tf.variable_scope("attention/self"):
                attention = attention_layer(output, adder, config)
            with tf.variable_scope("attention/output"):
                attention = dense(attention, size, config)
                attention = layer_norm(attention + output)
            with tf.variable_scope("intermediate"):
                hidden = dense(attention, config.intermediate_size, config, gelu)
            with tf.variable_scope("output"):
                output = layer_norm(dense(hidden, size, config) + attention)
    return output


def positions(config):
    """[F, H]: waves of longer and longer periods, by which a word's place is told."""
    rates = 1e-4 ** np.arange(0.0, 1.0, 2.0 / config.hidden_size)
    angles = np.arange(config.max_seq_length)[:, np.newaxis] * rates
    return np.concatenate([np.sin(angles), np.cos(angles)], 1).astype(np.float32)


def inference(x, config):
    """Words [B, F] -> logits [B, num_labels]."""
    length, size = config.max_seq_length, config.hidden_size
    with tf.variable_scope("embeddings"):
        table = variable("word_embeddings", [config.vocab_size, size], config)
        embedded = layer_norm(tf.gather(table, x) + positions(config))
    words = transformer_model(embedded, tf.not_equal(x, 0), config)
    first_token = tf.reshape(words, [-1, length, size])[:, 0]
    return dense(first_token, config.num_labels, config, name="classifier")


def loss(y_true, y_pred):
    """Mean cross-entropy of one-hot [B, num_labels] and logits, a scalar."""
    return tf.reduce_mean(
        tf.nn.softmax_cross_entropy_with_logits(labels=y_true, logits=y_pred)
    )


def optimizer(config):
    """Adam, with what the paper gave it."""
    return tf.train.AdamOptimizer(config.learning_rate, beta2=0.98, epsilon=1e-9)


# The graph, what its Session feeds, fetches and runs.
Model = collections.namedtuple(
    "Model", ["graph", "x", "y_true", "y_pred", "loss", "train"]
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(config.seed)
        x = tf.placeholder(tf.int32, [None, config.max_seq_length], name="x")
        y_true = tf.placeholder(tf.float32, [None, config.num_labels], name="y_true")
        y_pred = inference(x, config)
        total_loss = loss(y_true, y_pred)
        train = optimizer(config).minimize(total_loss)
    return Model(graph, x, y_true, y_pred, total_loss, train)


def run(sentences, labels, config=Config()):
    """Trains on words [n, F] and one-hot [n, num_labels]; returns [loss of each step]."""
    built = build(config)
    batches = next_batch(sentences, labels, config.batch_size, config.seed)
    losses = []
    with built.graph.as_default():
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)
            for _ in range(config.num_train_steps):
                x, y_true = next(batches)
                feed_dict = {built.x: x, built.y_true: y_true}
                value, _ = session.run([built.loss, built.train], feed_dict=feed_dict)
                losses.append(value)
    return losses
