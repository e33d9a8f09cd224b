"""Pre-training of a small BERT, as in google-research/bert: modeling, run_pretraining.

A Transformer reads two pieces of text at once, some of whose words are masked. It is to
say which words they were, and whether the second piece followed the first.

Shapes: B pairs of F words, H hidden units, N attention heads of D = H / N, P masked words
of a pair at most, V words known. Matrices [B F, H] hold all words of a batch.
"""

import collections
import dataclasses
import math
import zlib

import tensorflow.compat.v1 as tf

from tf1_graph.parts.weight_decays import AdamWeightDecayOptimizer


@dataclasses.dataclass(frozen=True)
class Config:
    vocab_size: int = 30522  # V
    hidden_size: int = 128  # H, of BERT-Tiny
    num_hidden_layers: int = 2
    num_attention_heads: int = 2  # N
    intermediate_size: int = 512
    max_position_embeddings: int = 512
    initializer_range: float = 0.02
    max_seq_length: int = 128  # F
    max_predictions_per_seq: int = 20  # P
    batch_size: int = 32  # B; train_batch_size in the source
    learning_rate: float = 5e-5  # after warming up; it falls to zero
    num_train_steps: int = 100000
    num_warmup_steps: int = 10000
    seed: int = 1  # of the graph; each variable adds one by its name


INPUTS = ("x", "input_mask", "segment_ids", "masked_lm_positions", "masked_lm_ids")
INPUTS += ("masked_lm_weights", "y_true")  # the pieces of text are x


def next_batch(data, batch_size):
    """Endless batches in order of arrays [n, ...]; short at the end of the data."""
    while True:
        for start in range(0, len(data[0]), batch_size):
            yield tuple(part[start : start + batch_size] for part in data)


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


def embeddings(input_ids, segment_ids, config):
    """[B, F] twice -> (sum of three embeddings, normalised, [B, F, H]; the table [V, H])."""
    length, size = config.max_seq_length, config.hidden_size
    table = variable("word_embeddings", [config.vocab_size, size], config)
    output = tf.gather(table, input_ids)
    # Two rows: a product with ones and zeros is faster than a lookup.
    token_type_table = variable("token_type_embeddings", [2, size], config)
    one_hot_ids = tf.one_hot(tf.reshape(segment_ids, [-1]), 2)
    token_types = tf.matmul(one_hot_ids, token_type_table)
    output += tf.reshape(token_types, [-1, length, size])
    shape = [config.max_position_embeddings, size]
    output += variable("position_embeddings", shape, config)[:length]
    return layer_norm(output), table


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
    mask = tf.cast(
        tf.reshape(input_mask, [-1, 1, 1, config.max_seq_length]), tf.float32
    )
    adder = (1.0 - mask) * -10000.0
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


def get_masked_lm_output(words, positions, table, config):
    """Logits [B P, V] of the words at [B, P], by the table that words are looked up in."""
    flat_offsets = tf.range(tf.shape(positions)[0]) * config.max_seq_length
    flat_positions = tf.reshape(positions + flat_offsets[:, tf.newaxis], [-1])
    with tf.variable_scope("transform"):
        transformed = tf.gather(words, flat_positions)
        transformed = dense(transformed, config.hidden_size, config, gelu)
        transformed = layer_norm(transformed)
    logits = tf.matmul(transformed, table, transpose_b=True)
    return tf.nn.bias_add(logits, zeros("output_bias", [config.vocab_size]))


def get_next_sentence_output(pooled, config):
    """[B, H] -> logits [B, 2]. Fine-tuning has this head as well, of as many labels."""
    weights = variable("output_weights", [2, config.hidden_size], config)
    logits = tf.matmul(pooled, weights, transpose_b=True)
    return tf.nn.bias_add(logits, zeros("output_bias", [2]))


def inference(input_ids, input_mask, segment_ids, positions, config):
    """(logits of masked words [B P, V], of "the second piece followed" [B, 2])."""
    length, size = config.max_seq_length, config.hidden_size
    with tf.variable_scope("bert"):
        with tf.variable_scope("embeddings"):
            embedded, table = embeddings(input_ids, segment_ids, config)
        words = transformer_model(embedded, input_mask, config)
        with tf.variable_scope("pooler"):
            first_token = tf.reshape(words, [-1, length, size])[:, 0]
            pooled = dense(first_token, size, config, tf.tanh)
    with tf.variable_scope("cls/predictions"):
        masked_lm = get_masked_lm_output(words, positions, table, config)
    with tf.variable_scope("cls/seq_relationship"):
        next_sentence = get_next_sentence_output(pooled, config)
    return masked_lm, next_sentence


def cross_entropy(labels, logits):
    """[n], [n, classes] -> [n]."""
    log_probs = tf.nn.log_softmax(logits, axis=-1)
    one_hot_labels = tf.one_hot(labels, int(logits.shape[-1]))
    return -tf.reduce_sum(log_probs * one_hot_labels, axis=-1)


def loss(labels, masked_lm, next_sentence, ids, weights):
    """Mean over masked words [B, P] of weight 1.0, plus the mean over pairs [B]."""
    per_example_loss = cross_entropy(tf.reshape(ids, [-1]), masked_lm)
    label_weights = tf.reshape(weights, [-1])
    numerator = tf.reduce_sum(label_weights * per_example_loss)
    denominator = tf.reduce_sum(label_weights) + 1e-5
    return numerator / denominator + tf.reduce_mean(
        cross_entropy(labels, next_sentence)
    )


def learning_rate(global_step, config):
    """From zero up to the rate, then down to zero, in straight lines."""
    rate = tf.train.polynomial_decay(
        config.learning_rate, global_step, config.num_train_steps, 0.0, power=1.0
    )
    step = tf.cast(global_step, tf.float32)
    warmup_steps = tf.constant(config.num_warmup_steps, tf.float32)
    warmup_rate = config.learning_rate * (step / warmup_steps)
    is_warmup = tf.cast(step < warmup_steps, tf.float32)
    return (1.0 - is_warmup) * rate + is_warmup * warmup_rate


def optimizer(global_step, config):
    """BERT's own: Adam without its bias correction; the rate multiplies the decay."""
    return AdamWeightDecayOptimizer(
        learning_rate(global_step, config),
        weight_decay_rate=0.01,
        exclude_from_weight_decay=["LayerNorm", "layer_norm", "bias"],
    )


# The graph, what its Session feeds (a dictionary by name), fetches and runs.
Model = collections.namedtuple(
    "Model",
    ["graph", "inputs", "masked_lm", "next_sentence", "loss", "gradients", "train"],
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(config.seed)
        words = [None, config.max_seq_length]
        masked = [None, config.max_predictions_per_seq]
        shapes = [words, words, words, masked, masked, masked, [None]]
        inputs = collections.OrderedDict(
            (name, tf.placeholder(tf.float32 if "weights" in name else tf.int32, shape))
            for name, shape in zip(INPUTS, shapes)
        )
        *x, ids, weights, labels = inputs.values()
        masked_lm, next_sentence = inference(*x, config=config)
        total_loss = loss(labels, masked_lm, next_sentence, ids, weights)
        global_step = tf.train.get_or_create_global_step()
        tvars = tf.trainable_variables()
        grads = tf.gradients(total_loss, tvars)
        grads, _ = tf.clip_by_global_norm(grads, clip_norm=1.0)
        grads_and_vars = list(zip(grads, tvars))
        train_op = optimizer(global_step, config).apply_gradients(
            grads_and_vars, global_step
        )
    outputs = masked_lm, next_sentence, total_loss, grads_and_vars
    return Model(graph, inputs, *outputs, train_op)


def run(data, config=Config()):
    """Trains on arrays in the order of ``INPUTS``; returns [loss of each step]."""
    built = build(config)
    batches = next_batch(data, config.batch_size)
    losses = []
    with built.graph.as_default():
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)
            for _ in range(config.num_train_steps):
                feed_dict = dict(zip(built.inputs.values(), next(batches)))
                value, _ = session.run([built.loss, built.train], feed_dict=feed_dict)
                losses.append(value)
    return losses
