"""Fine-tuning of a small BERT, as in google-research/bert: modeling, run_classifier.

Two pieces of text stand in one row, [CLS] first [SEP] second [SEP]. What a Transformer
makes of [CLS] tells the class of the pair; all of the model is trained a little further.

Shapes: B pairs of F words, H hidden units. Matrices [B F, H] hold all words of a batch.
"""

import collections
import dataclasses

import tensorflow.compat.v1 as tf

from tf1_graph.models import transformer
from tf1_graph.models.transformer import dense, layer_norm, variable
from tf1_graph.parts.weight_decays import AdamWeightDecayOptimizer


@dataclasses.dataclass(frozen=True)
class Config:
    vocab_size: int = 30522  # V
    hidden_size: int = 128  # H, of BERT-Tiny
    num_hidden_layers: int = 2
    num_attention_heads: int = 2
    intermediate_size: int = 512
    max_position_embeddings: int = 512
    initializer_range: float = 0.02
    max_seq_length: int = 128  # F
    num_labels: int = 2
    batch_size: int = 32  # B; train_batch_size in the source
    learning_rate: float = 5e-5  # after warming up; it falls to zero
    num_train_steps: int = 343  # three epochs of MRPC
    num_warmup_steps: int = 34  # a tenth of them
    seed: int = 1  # of the graph; each variable adds one by its name


INPUTS = ("x", "input_mask", "segment_ids", "y_true")  # the pieces of text are x


def next_batch(data, batch_size):
    """Endless batches in order of arrays [n, ...]; short at the end of the data."""
    while True:
        for start in range(0, len(data[0]), batch_size):
            yield tuple(part[start : start + batch_size] for part in data)


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


def bert_model(input_ids, input_mask, segment_ids, config):
    """[B, F] thrice -> (words [B F, H], what [CLS] has become [B, H], the table [V, H])."""
    with tf.variable_scope("bert"):
        with tf.variable_scope("embeddings"):
            embedded, table = embeddings(input_ids, segment_ids, config)
        words = transformer.transformer_model(embedded, input_mask, config)
        with tf.variable_scope("pooler"):
            shape = [-1, config.max_seq_length, config.hidden_size]
            first_token = tf.reshape(words, shape)[:, 0]
            pooled = dense(first_token, config.hidden_size, config, tf.tanh)
    return words, pooled, table


def inference(input_ids, input_mask, segment_ids, config):
    """[B, F] thrice -> logits [B, num_labels]."""
    _, pooled, _ = bert_model(input_ids, input_mask, segment_ids, config)
    return dense(pooled, config.num_labels, config, name="classifier")


def cross_entropy(labels, logits):
    """[n], [n, classes] -> [n]."""
    log_probs = tf.nn.log_softmax(logits, axis=-1)
    one_hot_labels = tf.one_hot(labels, int(logits.shape[-1]))
    return -tf.reduce_sum(log_probs * one_hot_labels, axis=-1)


def loss(labels, logits):
    """Mean over pairs, a scalar."""
    return tf.reduce_mean(cross_entropy(labels, logits))


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
    "Model", ["graph", "inputs", "y_pred", "loss", "gradients", "train"]
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(config.seed)
        words = [None, config.max_seq_length]
        inputs = collections.OrderedDict(
            (name, tf.placeholder(tf.int32, [None] if name == "y_true" else words))
            for name in INPUTS
        )
        *x, labels = inputs.values()
        logits = inference(*x, config=config)
        total_loss = loss(labels, logits)
        global_step = tf.train.get_or_create_global_step()
        tvars = tf.trainable_variables()
        grads = tf.gradients(total_loss, tvars)
        grads, _ = tf.clip_by_global_norm(grads, clip_norm=1.0)
        grads_and_vars = list(zip(grads, tvars))
        train_op = optimizer(global_step, config).apply_gradients(
            grads_and_vars, global_step
        )
    return Model(graph, inputs, logits, total_loss, grads_and_vars, train_op)


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
