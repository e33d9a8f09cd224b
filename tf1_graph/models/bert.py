"""Pre-training of a small BERT, as in google-research/bert: modeling, run_pretraining.

A Transformer reads two pieces of text at once, some of whose words are masked. It is to
say which words they were, and whether the second piece followed the first.

Shapes: B pairs of F words, H hidden units, N attention heads of D = H / N, P masked words
of a pair at most, V words known. Matrices [B F, H] hold all words of a batch.
"""

import collections
import dataclasses

import tensorflow.compat.v1 as tf

from tf1_graph.models.bert_classifier import (
    bert_model,
    cross_entropy,
    learning_rate,
    next_batch,
)
from tf1_graph.models.transformer import dense, gelu, layer_norm, variable, zeros
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
    words, pooled, table = bert_model(input_ids, input_mask, segment_ids, config)
    with tf.variable_scope("cls/predictions"):
        masked_lm = get_masked_lm_output(words, positions, table, config)
    with tf.variable_scope("cls/seq_relationship"):
        next_sentence = get_next_sentence_output(pooled, config)
    return masked_lm, next_sentence


def loss(labels, masked_lm, next_sentence, ids, weights):
    """Mean over masked words [B, P] of weight 1.0, plus the mean over pairs [B]."""
    per_example_loss = cross_entropy(tf.reshape(ids, [-1]), masked_lm)
    label_weights = tf.reshape(weights, [-1])
    numerator = tf.reduce_sum(label_weights * per_example_loss)
    denominator = tf.reduce_sum(label_weights) + 1e-5
    return numerator / denominator + tf.reduce_mean(
        cross_entropy(labels, next_sentence)
    )


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
