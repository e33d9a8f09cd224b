"""Pre-training of a small BERT: the Keras 3 twin.

A Transformer reads two pieces of text at once, some of whose words are masked. It is to
say which words they were, and whether the second piece followed the first.

Shapes: B pairs of F words, H hidden units, N attention heads of D = H / N, P masked words
of a pair at most, V words known. Matrices [B F, H] hold all words of a batch.
"""

import dataclasses
import math
import zlib

import keras
import tensorflow as tf
from keras import ops

from tf2_keras import tf1_semantics


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
INPUTS += ("masked_lm_weights",)  # the pieces of text are x


def next_batch(data, batch_size):
    """Endless batches ({name: array}, labels) in order; short at the end of the data."""
    *inputs, labels = data
    examples = dict(zip(INPUTS, inputs, strict=True)), labels
    return tf.data.Dataset.from_tensor_slices(examples).batch(batch_size).repeat()


@keras.saving.register_keras_serializable("bert")
def gelu(x):
    """x times the normal distribution's share below it, by erf. Later versions: tanh."""
    # keras.activations.gelu(x, approximate=False) multiplies in another order.
    cdf = 0.5 * (1.0 + ops.erf(x / math.sqrt(2.0)))
    return x * cdf


def create_initializer(name, config):
    """By the name of a weight, whose scopes are parted by dots in the name of a layer."""
    seed = zlib.crc32(name.replace(".", "/").encode()) % 2**31
    return tf1_semantics.initializers.TruncatedNormal(
        stddev=config.initializer_range, seed=(config.seed, seed)
    )


def dense(x, units, config, activation=None, name="dense"):
    """[n, any] -> [n, units]."""
    initializer = create_initializer(f"{name}.kernel", config)
    return keras.layers.Dense(
        units, activation, kernel_initializer=initializer, name=name
    )(x)


def layer_norm(x, scope):
    """Keras's layer has an epsilon of 1e-3, and rounds otherwise."""
    return tf1_semantics.layers.LayerNormalization(
        begin_norm_axis=-1, name=f"{scope}.LayerNorm"
    )(x)


class Part(keras.layers.Layer):
    """A layer of what Keras's own do otherwise, or do not have."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = Config(**config)

    def variable(self, name, rows):
        """A weight [rows, H] of this scope, drawn by its name."""
        initializer = create_initializer(f"{self.name}.{name}", self.config)
        shape = rows, self.config.hidden_size
        return self.add_weight(shape=shape, initializer=initializer, name=name)

    def zeros(self, name, size):
        return self.add_weight(shape=(size,), initializer="zeros", name=name)

    def get_config(self):
        return {**super().get_config(), "config": dataclasses.asdict(self.config)}


@keras.saving.register_keras_serializable("bert")
class Embeddings(Part):
    """[B, F] twice -> (sum of three embeddings [B, F, H], the words' table [V, H])."""

    def build(self, *shapes):
        config = self.config
        self.words = self.variable("word_embeddings", config.vocab_size)
        self.token_types = self.variable("token_type_embeddings", 2)
        rows = config.max_position_embeddings
        self.positions = self.variable("position_embeddings", rows)

    def call(self, input_ids, segment_ids):
        table = tf.convert_to_tensor(self.words)
        output = tf.gather(table, input_ids)
        # Two rows: a product with ones and zeros is faster than a lookup.
        one_hot_ids = tf.one_hot(tf.reshape(segment_ids, [-1]), 2)
        token_types = tf.matmul(one_hot_ids, self.token_types)
        output += tf.reshape(token_types, tf.shape(output))
        output += self.positions[: self.config.max_seq_length]
        return output, table


@keras.saving.register_keras_serializable("bert")
class AttentionLayer(Part):
    """[B F, H] three times, [B, F] of 1 for words and 0 for padding -> [B F, H].

    ``keras.layers.MultiHeadAttention`` has kernels [H, N, D], and adds another number to
    what is masked.
    """

    def call(self, query, key, value, input_mask):
        length, heads = self.config.max_seq_length, self.config.num_attention_heads
        size = self.config.hidden_size // heads

        def transpose_for_scores(x):
            by_head = tf.reshape(x, [-1, length, heads, size])
            return tf.transpose(by_head, [0, 2, 1, 3])  # [B, N, F, D]

        query, key, value = map(transpose_for_scores, (query, key, value))
        scores = tf.matmul(query, key, transpose_b=True) * (1.0 / math.sqrt(size))
        # Not minus infinity: where all is padding, all weighs the same.
        mask = tf.cast(tf.reshape(input_mask, [-1, 1, 1, length]), tf.float32)
        adder = (1.0 - mask) * -10000.0
        probabilities = tf.nn.softmax(scores + adder)  # [B, N, F, F]
        context = tf.transpose(tf.matmul(probabilities, value), [0, 2, 1, 3])
        return tf.reshape(context, [-1, self.config.hidden_size])


def transformer_model(output, input_mask, config):
    """[B F, H], [B, F] of 1 for words and 0 for padding -> [B F, H]."""
    size, fields = config.hidden_size, dataclasses.asdict(config)
    for layer in range(config.num_hidden_layers):
        scope = f"bert.encoder.layer_{layer}"
        name = f"{scope}.attention.self"
        projected = [
            dense(output, size, config, name=f"{name}.{part}")
            for part in ("query", "key", "value")
        ]
        attention = AttentionLayer(fields, name=name)(*projected, input_mask)
        name = f"{scope}.attention.output"
        attention = dense(attention, size, config, name=f"{name}.dense")
        attention = layer_norm(attention + output, name)
        name = f"{scope}.intermediate.dense"
        hidden = dense(attention, config.intermediate_size, config, gelu, name)
        output = dense(hidden, size, config, name=f"{scope}.output.dense")
        output = layer_norm(output + attention, f"{scope}.output")
    return output


@keras.saving.register_keras_serializable("bert")
class GatherIndexes(Part):
    """Words [B F, H] at places [B, P] of their pairs: [B P, H]."""

    def call(self, words, positions):
        flat_offsets = tf.range(tf.shape(positions)[0]) * self.config.max_seq_length
        flat_positions = tf.reshape(positions + flat_offsets[:, tf.newaxis], [-1])
        return tf.gather(words, flat_positions)


@keras.saving.register_keras_serializable("bert")
class MaskedLM(Part):
    """Logits [n, V] of words [n, H], by the table that they are looked up in."""

    def build(self, *shapes):
        self.bias = self.zeros("output_bias", self.config.vocab_size)

    def call(self, transformed, table):
        return tf.nn.bias_add(
            tf.matmul(transformed, table, transpose_b=True), self.bias
        )


@keras.saving.register_keras_serializable("bert")
class NextSentence(Part):
    """[B, H] -> logits [B, 2]. Fine-tuning has this head as well, of as many labels."""

    def build(self, shape):
        self.kernel = self.variable("output_weights", 2)  # keras.layers.Dense: [H, 2]
        self.bias = self.zeros("output_bias", 2)

    def call(self, pooled):
        return tf.nn.bias_add(
            tf.matmul(pooled, self.kernel, transpose_b=True), self.bias
        )


def inference(input_ids, input_mask, segment_ids, positions, config):
    """(logits of masked words [B P, V], of "the second piece followed" [B, 2])."""
    fields, size = dataclasses.asdict(config), config.hidden_size
    embed = Embeddings(fields, name="bert.embeddings")
    embedded, table = embed(input_ids, segment_ids)
    embedded = layer_norm(embedded, "bert.embeddings")
    words = ops.reshape(embedded, [-1, size])
    words = transformer_model(words, input_mask, config)
    first_token = ops.reshape(words, [-1, config.max_seq_length, size])[:, 0]
    pooled = dense(first_token, size, config, "tanh", "bert.pooler.dense")
    scope = "cls.predictions"
    transformed = GatherIndexes(fields)(words, positions)
    transformed = dense(transformed, size, config, gelu, f"{scope}.transform.dense")
    transformed = layer_norm(transformed, f"{scope}.transform")
    masked_lm = MaskedLM(fields, name=scope)(transformed, table)
    next_sentence = NextSentence(fields, name="cls.seq_relationship")(pooled)
    return masked_lm, next_sentence


def cross_entropy(labels, logits):
    """[n], [n, classes] -> [n]."""
    log_probs = ops.log_softmax(logits, axis=-1)
    one_hot_labels = ops.one_hot(labels, logits.shape[-1])
    return -ops.sum(log_probs * one_hot_labels, axis=-1)


def loss(labels, masked_lm, next_sentence, ids, weights):
    """Mean over masked words [B, P] of weight 1.0, plus the mean over pairs [B]."""
    per_example_loss = cross_entropy(ops.reshape(ids, [-1]), masked_lm)
    label_weights = ops.reshape(weights, [-1])
    numerator = ops.sum(label_weights * per_example_loss)
    denominator = ops.sum(label_weights) + 1e-5
    return numerator / denominator + ops.mean(cross_entropy(labels, next_sentence))


@keras.saving.register_keras_serializable("bert")
class WarmUp(tf1_semantics.schedules.PolynomialDecay):
    """From zero up to the rate, then down to zero, in straight lines."""

    def __init__(self, learning_rate, decay_steps, num_warmup_steps, **kwargs):
        super().__init__(learning_rate, decay_steps, **kwargs)
        self.num_warmup_steps = num_warmup_steps

    def __call__(self, step):
        rate = super().__call__(step)
        step = tf.cast(step, tf.float32)
        warmup_steps = tf.constant(self.num_warmup_steps, tf.float32)
        warmup_rate = self.learning_rate * (step / warmup_steps)
        is_warmup = tf.cast(step < warmup_steps, tf.float32)
        return (1.0 - is_warmup) * rate + is_warmup * warmup_rate


def learning_rate(config):
    """The schedule; the optimizer's own count of steps is the global step."""
    return WarmUp(
        config.learning_rate,
        config.num_train_steps,
        config.num_warmup_steps,
        end_learning_rate=0.0,
    )


def optimizer(config):
    """BERT's own. keras.optimizers.AdamW corrects the bias of its moments."""
    return tf1_semantics.optimizers.AdamWeightDecay(
        learning_rate(config),
        weight_decay_rate=0.01,
        exclude_from_weight_decay=["LayerNorm", "layer_norm", "bias"],
        clip=[tf1_semantics.clipping.ByGlobalNorm(1.0)],
    )


@keras.saving.register_keras_serializable("bert")
class PreTraining(keras.Model):
    """A functional model whose loss is that of two tasks."""

    def compute_loss(self, x=None, y=None, y_pred=None, *arguments, **options):
        ids, weights = x["masked_lm_ids"], x["masked_lm_weights"]
        return loss(y, y_pred["masked_lm"], y_pred["next_sentence"], ids, weights)

    @property
    def trainable_variables(self):
        # In TF1's order, heads last: the norm of all gradients is a sum, whose last bit
        # depends on it.
        variables = super().trainable_variables
        return sorted(variables, key=lambda v: v.path.startswith("cls"))

    trainable_weights = trainable_variables


def build(config=Config()):
    """The whole model, compiled."""
    words, masked = [config.max_seq_length], [config.max_predictions_per_seq]
    inputs = {
        name: keras.Input(
            masked if name.startswith("masked_lm") else words,
            dtype="float32" if name == "masked_lm_weights" else "int32",
            name=name,
        )
        for name in INPUTS
    }
    *x, _, _ = inputs.values()
    masked_lm, next_sentence = inference(*x, config=config)
    outputs = {"masked_lm": masked_lm, "next_sentence": next_sentence}
    # A name before "gradients" in the alphabet, as TF1's bert/ was: Grappler multiplies in
    # the order of names, and gelu's gradient has many factors.
    model = PreTraining(inputs, outputs, name="bert")
    model.compile(optimizer=optimizer(config), jit_compile=False)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}: a scope's slash is a layer's dot."""
    paths = [variable.path for variable in model.variables]
    names = {path.replace(".", "/"): path for path in paths}
    return {**names, "global_step": "adam_weight_decay/iteration"}


def run(data, config=Config()):
    """Trains on the arrays of ``INPUTS`` and labels, in order; returns [loss of each step]."""
    model = build(config)
    # What fit itself keeps is a mean over the epoch; a Session fetched each step's loss.
    history = tf1_semantics.callbacks.StepHistory()
    model.fit(
        next_batch(data, config.batch_size),
        steps_per_epoch=config.num_train_steps,
        shuffle=False,
        verbose=0,
        callbacks=[history],
    )
    return history.history["loss"]
