"""Pre-training of a small BERT, as in google-research/bert: modeling, run_pretraining.

A Transformer reads two pieces of text at once, some of whose words are masked. It is to
say which words they were, and whether the second piece followed the first.

Shapes: B pairs, F words of a pair, H hidden units, N attention heads of D = H / N, P
masked words at most, V words known. Matrices [B F, H] hold all words of a batch.
"""

import collections
import dataclasses
import math
import re
import zlib

import tensorflow.compat.v1 as tf


@dataclasses.dataclass(frozen=True)
class Config:
    vocab_size: int = 30522  # V
    hidden_size: int = 128  # H, of BERT-Tiny
    num_hidden_layers: int = 2
    num_attention_heads: int = 2  # N
    intermediate_size: int = 512
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    max_seq_length: int = 128  # F
    max_predictions_per_seq: int = 20  # P
    train_batch_size: int = 32  # B
    learning_rate: float = 5e-5  # after warming up; it falls to zero
    num_train_steps: int = 100000
    num_warmup_steps: int = 10000
    weight_decay_rate: float = 0.01
    seed: int = 1  # of the graph; each variable adds one by its name


INPUTS = ("x", "input_mask", "segment_ids", "masked_lm_positions", "masked_lm_ids")
INPUTS += ("masked_lm_weights", "y_true")  # as a batch has them


def next_batch(data, batch_size):
    """Endless batches in order of arrays [n, ...]; short at the end of the data."""
    while True:
        for start in range(0, len(data[0]), batch_size):
            yield tuple(part[start : start + batch_size] for part in data)


def gelu(x):
    """x times the normal distribution's share below it, by erf. Later versions: tanh."""
    cdf = 0.5 * (1.0 + tf.erf(x / math.sqrt(2.0)))
    return x * cdf


def create_initializer(scope, config):
    """By the name of a scope: without seeds each run would begin elsewhere."""
    seed = zlib.crc32(scope.encode()) % 2**31
    return tf.truncated_normal_initializer(stddev=config.initializer_range, seed=seed)


def table(name, shape, config):
    """A matrix under its own name."""
    scope = tf.get_variable_scope().name + "/" + name
    return tf.get_variable(name, shape, initializer=create_initializer(scope, config))


def dense(x, units, config, activation=None, name="dense"):
    """tf.layers.dense of a matrix."""
    with tf.variable_scope(name) as scope:
        initializer = create_initializer(scope.name, config)
        shape = [int(x.shape[-1]), units]
        kernel = tf.get_variable("kernel", shape, initializer=initializer)
        bias = tf.get_variable("bias", [units], initializer=tf.zeros_initializer())
        outputs = tf.nn.bias_add(tf.matmul(x, kernel), bias)
        return outputs if activation is None else activation(outputs)


def layer_norm(x):
    """tf.contrib.layers.layer_norm(begin_norm_axis=-1, begin_params_axis=-1)."""
    shape = [int(x.shape[-1])]
    with tf.variable_scope("LayerNorm"):
        beta = tf.get_variable("beta", shape, initializer=tf.zeros_initializer())
        gamma = tf.get_variable("gamma", shape, initializer=tf.ones_initializer())
        mean, variance = tf.nn.moments(x, [-1], keep_dims=True)
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-12)


def embeddings(input_ids, segment_ids, config):
    """[B, F] twice -> (sum of three embeddings, normalised, [B, F, H]; the table [V, H])."""
    with tf.variable_scope("embeddings"):
        shape = [config.vocab_size, config.hidden_size]
        embedding_table = table("word_embeddings", shape, config)
        output = tf.gather(embedding_table, input_ids)
        shape = [config.type_vocab_size, config.hidden_size]
        token_type_table = table("token_type_embeddings", shape, config)
        # So few rows that a product with ones and zeros is faster than a lookup.
        one_hot_ids = tf.one_hot(tf.reshape(segment_ids, [-1]), config.type_vocab_size)
        token_types = tf.matmul(one_hot_ids, token_type_table)
        output += tf.reshape(token_types, tf.shape(output))
        shape = [config.max_position_embeddings, config.hidden_size]
        position_table = table("position_embeddings", shape, config)
        output += position_table[: config.max_seq_length]
        return layer_norm(output), embedding_table


def self_attention(x, adder, config):
    """[B F, H], [B, 1, F] of 0.0 or -10000.0 -> [B F, H]."""
    heads = config.num_attention_heads
    size = config.hidden_size // heads

    def transpose_for_scores(name):
        by_head = tf.reshape(
            dense(x, config.hidden_size, config, name=name),
            [-1, config.max_seq_length, heads, size],
        )
        return tf.transpose(by_head, [0, 2, 1, 3])  # [B, N, F, D]

    with tf.variable_scope("self"):
        query, key, value = map(transpose_for_scores, ("query", "key", "value"))
    scores = tf.matmul(query, key, transpose_b=True)  # [B, N, F, F]
    scores = tf.multiply(scores, 1.0 / math.sqrt(float(size)))
    probabilities = tf.nn.softmax(scores + tf.expand_dims(adder, 1))
    context = tf.transpose(tf.matmul(probabilities, value), [0, 2, 1, 3])
    return tf.reshape(context, [-1, config.hidden_size])


def transformer(x, input_mask, config):
    """[B, F, H], [B, F] of 1 for words and 0 for padding -> [B, F, H]."""
    # Not minus infinity: where all is padding, all weighs the same.
    adder = (1.0 - tf.cast(input_mask[:, tf.newaxis], tf.float32)) * -10000.0
    output = tf.reshape(x, [-1, config.hidden_size])
    for layer in range(config.num_hidden_layers):
        with tf.variable_scope(f"encoder/layer_{layer}"):
            with tf.variable_scope("attention"):
                attended = self_attention(output, adder, config)
                with tf.variable_scope("output"):
                    attended = dense(attended, config.hidden_size, config)
                    attended = layer_norm(attended + output)
            with tf.variable_scope("intermediate"):
                hidden = dense(attended, config.intermediate_size, config, gelu)
            with tf.variable_scope("output"):
                output = dense(hidden, config.hidden_size, config)
                output = layer_norm(output + attended)
    return tf.reshape(output, [-1, config.max_seq_length, config.hidden_size])


def inference(input_ids, input_mask, segment_ids, masked_lm_positions, config):
    """(logits of masked words [B P, V], of "the second piece followed" [B, 2])."""
    with tf.variable_scope("bert"):
        embedded, embedding_table = embeddings(input_ids, segment_ids, config)
        sequence_output = transformer(embedded, input_mask, config)
        with tf.variable_scope("pooler"):
            first_token = sequence_output[:, 0]
            pooled_output = dense(first_token, config.hidden_size, config, tf.tanh)
    with tf.variable_scope("cls/predictions"):
        starts = tf.range(tf.shape(input_ids)[0]) * config.max_seq_length
        places = tf.reshape(masked_lm_positions + starts[:, tf.newaxis], [-1])
        words = tf.reshape(sequence_output, [-1, config.hidden_size])
        with tf.variable_scope("transform"):
            transformed = tf.gather(words, places)
            transformed = dense(transformed, config.hidden_size, config, gelu)
            transformed = layer_norm(transformed)
        bias = tf.get_variable(
            "output_bias", [config.vocab_size], initializer=tf.zeros_initializer()
        )
        # The table that words are looked up in tells them as well.
        masked_lm = tf.matmul(transformed, embedding_table, transpose_b=True)
        masked_lm = tf.nn.bias_add(masked_lm, bias)
    with tf.variable_scope("cls/seq_relationship"):
        weights = table("output_weights", [2, config.hidden_size], config)
        bias = tf.get_variable("output_bias", [2], initializer=tf.zeros_initializer())
        next_sentence = tf.matmul(pooled_output, weights, transpose_b=True)
        next_sentence = tf.nn.bias_add(next_sentence, bias)
    return masked_lm, next_sentence


def cross_entropy(labels, logits):
    """[n], [n, classes] -> [n]."""
    log_probs = tf.nn.log_softmax(logits, axis=-1)
    one_hot_labels = tf.one_hot(labels, int(logits.shape[-1]))
    return -tf.reduce_sum(log_probs * one_hot_labels, axis=[-1])


def loss(next_sentence_labels, masked_lm, next_sentence, ids, weights):
    """Mean over masked words [B, P] of weight 1.0, plus the mean over pairs [B]."""
    per_example_loss = cross_entropy(tf.reshape(ids, [-1]), masked_lm)
    label_weights = tf.reshape(weights, [-1])
    numerator = tf.reduce_sum(label_weights * per_example_loss)
    denominator = tf.reduce_sum(label_weights) + 1e-5
    next_sentence_loss = tf.reduce_mean(
        cross_entropy(next_sentence_labels, next_sentence)
    )
    return numerator / denominator + next_sentence_loss


def learning_rate(global_step, config):
    """From zero up to the rate, then down to zero, in straight lines."""
    rate = tf.train.polynomial_decay(
        tf.constant(config.learning_rate),
        global_step,
        config.num_train_steps,
        end_learning_rate=0.0,
        power=1.0,
    )
    step = tf.cast(global_step, tf.float32)
    warmup_steps = tf.constant(config.num_warmup_steps, tf.float32)
    warmup_rate = config.learning_rate * (step / warmup_steps)
    is_warmup = tf.cast(step < warmup_steps, tf.float32)
    return (1.0 - is_warmup) * rate + is_warmup * warmup_rate


class AdamWeightDecayOptimizer:
    """Adam without its bias correction; the decay is multiplied by the rate."""

    def __init__(self, rate, weight_decay_rate, exclude_from_weight_decay):
        self.rate, self.weight_decay_rate = rate, weight_decay_rate
        self.excluded = exclude_from_weight_decay

    def apply_gradients(self, gradients):
        assignments = []
        for gradient, variable in gradients:
            name, shape = variable.op.name, variable.shape.as_list()
            zeros = tf.zeros_initializer()
            m = tf.get_variable(
                name + "/adam_m", shape, tf.float32, zeros, trainable=False
            )
            v = tf.get_variable(
                name + "/adam_v", shape, tf.float32, zeros, trainable=False
            )
            next_m = tf.multiply(0.9, m) + tf.multiply(1.0 - 0.9, gradient)
            next_v = tf.multiply(0.999, v) + tf.multiply(
                1.0 - 0.999, tf.square(gradient)
            )
            update = next_m / (tf.sqrt(next_v) + 1e-6)
            if not any(re.search(pattern, name) for pattern in self.excluded):
                update += self.weight_decay_rate * variable
            next_variable = variable - self.rate * update
            assignments += [
                tf.assign(variable, next_variable),
                tf.assign(m, next_m),
                tf.assign(v, next_v),
            ]
        return assignments


def optimizer(global_step, config):
    """BERT's own."""
    return AdamWeightDecayOptimizer(
        learning_rate(global_step, config),
        config.weight_decay_rate,
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
        input_ids = tf.placeholder(tf.int32, words, name="input_ids")
        input_mask = tf.placeholder(tf.int32, words, name="input_mask")
        segment_ids = tf.placeholder(tf.int32, words, name="segment_ids")
        positions = tf.placeholder(tf.int32, masked, name="masked_lm_positions")
        ids = tf.placeholder(tf.int32, masked, name="masked_lm_ids")
        weights = tf.placeholder(tf.float32, masked, name="masked_lm_weights")
        labels = tf.placeholder(tf.int32, [None], name="next_sentence_labels")
        feeds = [input_ids, input_mask, segment_ids, positions, ids, weights, labels]
        masked_lm, next_sentence = inference(
            input_ids, input_mask, segment_ids, positions, config
        )
        loss_op = loss(labels, masked_lm, next_sentence, ids, weights)
        global_step = tf.train.get_or_create_global_step()
        variables = tf.trainable_variables()
        gradients = tf.gradients(loss_op, variables)
        gradients, _ = tf.clip_by_global_norm(gradients, clip_norm=1.0)
        gradients = list(zip(gradients, variables))
        updates = optimizer(global_step, config).apply_gradients(gradients)
        # The source counted beside the updates: some of them read the next step's rate.
        with tf.control_dependencies(updates):
            train_op = tf.assign_add(global_step, 1).op
    inputs = collections.OrderedDict(zip(INPUTS, feeds))
    return Model(graph, inputs, masked_lm, next_sentence, loss_op, gradients, train_op)


def run(data, config=Config()):
    """Trains on arrays in the order of ``INPUTS``; returns [loss of each step]."""
    built = build(config)
    batches = next_batch(data, config.train_batch_size)
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
