"""Pre-training of a small BERT: the Keras 3 twin.

A Transformer reads two pieces of text at once, some of whose words are masked. It is to
say which words they were, and whether the second piece followed the first.

Shapes: B pairs, F words of a pair, H hidden units, N attention heads of D = H / N, P
masked words at most, V words known. Matrices [B F, H] hold all words of a batch.
"""

import dataclasses
import math
import zlib

import keras
import tensorflow as tf

from tf2_keras import tf1_semantics


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


INPUTS = {  # {name: (how many a pair, dtype)}
    "x": ("max_seq_length", "int32"),
    "input_mask": ("max_seq_length", "int32"),
    "segment_ids": ("max_seq_length", "int32"),
    "masked_lm_positions": ("max_predictions_per_seq", "int32"),
    "masked_lm_ids": ("max_predictions_per_seq", "int32"),
    "masked_lm_weights": ("max_predictions_per_seq", "float32"),
}


def next_batch(data, batch_size):
    """Endless batches ({name: array}, labels) in order; short at the end of the data."""
    *inputs, labels = data
    examples = dict(zip(INPUTS, inputs, strict=True)), labels
    return tf.data.Dataset.from_tensor_slices(examples).batch(batch_size).repeat()


@keras.saving.register_keras_serializable("bert")
def gelu(x):
    """x times the normal distribution's share below it, by erf. Later versions: tanh."""
    # keras.activations.gelu(x, approximate=False) multiplies in another order.
    cdf = 0.5 * (1.0 + tf.math.erf(x / math.sqrt(2.0)))
    return x * cdf


def create_initializer(scope, config):
    """By the name of a scope, whose slashes are dots in the name of a layer."""
    seed = zlib.crc32(scope.replace(".", "/").encode()) % 2**31
    return tf1_semantics.initializers.TruncatedNormal(
        stddev=config.initializer_range, seed=(config.seed, seed)
    )


def dense(x, units, config, activation=None, name="dense"):
    """[n, any] -> [n, units]. The scope that TF1 had is in the layer's name."""
    initializer = create_initializer(name, config)
    return keras.layers.Dense(
        units, activation, kernel_initializer=initializer, name=name
    )(x)


def layer_norm(x, name):
    """Keras's layer has an epsilon of 1e-3, and rounds otherwise."""
    return tf1_semantics.layers.LayerNormalization(
        begin_norm_axis=-1, name=f"{name}.LayerNorm"
    )(x)


class Part(keras.layers.Layer):
    """What Keras's own layers do otherwise, or do not have."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = Config(**config)

    def table(self, name, rows):
        initializer = create_initializer(f"{self.name}.{name}", self.config)
        shape = rows, self.config.hidden_size
        return self.add_weight(shape=shape, initializer=initializer, name=name)

    def get_config(self):
        return {**super().get_config(), "config": dataclasses.asdict(self.config)}


@keras.saving.register_keras_serializable("bert")
class Embeddings(Part):
    """[B, F] twice -> (sum of three embeddings [B, F, H], the words' table [V, H])."""

    def build(self, *shapes):
        self.words = self.table("word_embeddings", self.config.vocab_size)
        self.token_types = self.table(
            "token_type_embeddings", self.config.type_vocab_size
        )
        self.positions = self.table(
            "position_embeddings", self.config.max_position_embeddings
        )

    def call(self, input_ids, segment_ids):
        table = tf.convert_to_tensor(self.words)
        output = tf.gather(table, input_ids)
        # So few rows that a product with ones and zeros is faster than a lookup.
        one_hot_ids = tf.one_hot(
            tf.reshape(segment_ids, [-1]), self.config.type_vocab_size
        )
        token_types = tf.matmul(one_hot_ids, self.token_types)
        output += tf.reshape(token_types, tf.shape(output))
        output += self.positions[: self.config.max_seq_length]
        return output, table


@keras.saving.register_keras_serializable("bert")
class SelfAttention(Part):
    """[B F, H] three times, [B, F] of 1 for words and 0 for padding -> [B F, H].

    ``keras.layers.MultiHeadAttention`` has kernels [H, N, D], and adds another number to
    what is masked.
    """

    def transpose_for_scores(self, x):
        heads, length = self.config.num_attention_heads, self.config.max_seq_length
        size = self.config.hidden_size // heads
        return tf.transpose(tf.reshape(x, [-1, length, heads, size]), [0, 2, 1, 3])

    def call(self, query, key, value, input_mask):
        query, key, value = map(self.transpose_for_scores, (query, key, value))
        scores = tf.matmul(query, key, transpose_b=True)  # [B, N, F, F]
        scores = tf.multiply(scores, 1.0 / math.sqrt(float(query.shape[-1])))
        # Not minus infinity: where all is padding, all weighs the same.
        adder = (1.0 - tf.cast(input_mask[:, tf.newaxis], tf.float32)) * -10000.0
        probabilities = tf.nn.softmax(scores + tf.expand_dims(adder, 1))
        context = tf.transpose(tf.matmul(probabilities, value), [0, 2, 1, 3])
        return tf.reshape(context, [-1, self.config.hidden_size])


def transformer(output, input_mask, config):
    """[B F, H], [B, F] of 1 for words and 0 for padding -> [B F, H]."""
    size = config.hidden_size
    for layer in range(config.num_hidden_layers):
        scope = f"bert.encoder.layer_{layer}"
        query, key, value = (
            dense(output, size, config, name=f"{scope}.attention.self.{name}")
            for name in ("query", "key", "value")
        )
        attended = SelfAttention(
            dataclasses.asdict(config), name=f"{scope}.attention.self"
        )(query, key, value, input_mask)
        inner = f"{scope}.attention.output"
        attended = dense(attended, size, config, name=f"{inner}.dense")
        attended = layer_norm(attended + output, inner)
        hidden = dense(
            attended,
            config.intermediate_size,
            config,
            gelu,
            name=f"{scope}.intermediate.dense",
        )
        output = dense(hidden, size, config, name=f"{scope}.output.dense")
        output = layer_norm(output + attended, f"{scope}.output")
    return output


@keras.saving.register_keras_serializable("bert")
class GatherIndexes(Part):
    """Words [B F, H] at places [B, P] of their pairs: [B P, H]."""

    def call(self, words, positions):
        starts = tf.range(tf.shape(positions)[0]) * self.config.max_seq_length
        return tf.gather(words, tf.reshape(positions + starts[:, tf.newaxis], [-1]))


@keras.saving.register_keras_serializable("bert")
class MaskedLM(Part):
    """Logits [n, V] of words [n, H], by the table that they are looked up in."""

    def build(self, *shapes):
        self.bias = self.add_weight(
            shape=(self.config.vocab_size,), initializer="zeros", name="output_bias"
        )

    def call(self, transformed, embedding_table):
        masked_lm = tf.matmul(transformed, embedding_table, transpose_b=True)
        return tf.nn.bias_add(masked_lm, self.bias)


@keras.saving.register_keras_serializable("bert")
class NextSentence(Part):
    """Logits of "the second piece followed", [B, H] -> [B, 2]."""

    def build(self, shape):
        self.weights_ = self.table("output_weights", 2)
        self.bias = self.add_weight(shape=(2,), initializer="zeros", name="output_bias")

    def call(self, pooled_output):
        next_sentence = tf.matmul(pooled_output, self.weights_, transpose_b=True)
        return tf.nn.bias_add(next_sentence, self.bias)


def inference(input_ids, input_mask, segment_ids, masked_lm_positions, config):
    """(logits of masked words [B P, V], of "the second piece followed" [B, 2])."""
    fields, size = dataclasses.asdict(config), config.hidden_size
    embedded, embedding_table = Embeddings(fields, name="bert.embeddings")(
        input_ids, segment_ids
    )
    output = keras.ops.reshape(layer_norm(embedded, "bert.embeddings"), [-1, size])
    words = transformer(output, input_mask, config)
    first_token = keras.ops.reshape(words, [-1, config.max_seq_length, size])[:, 0]
    pooled_output = dense(first_token, size, config, "tanh", "bert.pooler.dense")
    scope = "cls.predictions"
    transformed = GatherIndexes(fields)(words, masked_lm_positions)
    transformed = dense(transformed, size, config, gelu, f"{scope}.transform.dense")
    transformed = layer_norm(transformed, f"{scope}.transform")
    masked_lm = MaskedLM(fields, name=scope)(transformed, embedding_table)
    next_sentence = NextSentence(fields, name="cls.seq_relationship")(pooled_output)
    return masked_lm, next_sentence


def cross_entropy(labels, logits):
    """[n], [n, classes] -> [n]."""
    log_probs = tf.nn.log_softmax(logits, axis=-1)
    one_hot_labels = tf.one_hot(labels, logits.shape[-1])
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


@keras.saving.register_keras_serializable("bert")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """From zero up to the rate, then down to zero, in straight lines."""

    def __init__(self, rate, num_train_steps, num_warmup_steps):
        self.rate = rate
        self.num_train_steps, self.num_warmup_steps = num_train_steps, num_warmup_steps
        self.decay = tf1_semantics.schedules.PolynomialDecay(
            rate, num_train_steps, end_learning_rate=0.0, power=1.0
        )

    def __call__(self, step):
        rate = self.decay(step)
        step = tf.cast(step, tf.float32)
        warmup_steps = tf.constant(self.num_warmup_steps, tf.float32)
        warmup_rate = self.rate * (step / warmup_steps)
        is_warmup = tf.cast(step < warmup_steps, tf.float32)
        return (1.0 - is_warmup) * rate + is_warmup * warmup_rate

    def get_config(self):
        return {
            "rate": self.rate,
            "num_train_steps": self.num_train_steps,
            "num_warmup_steps": self.num_warmup_steps,
        }


def learning_rate(config):
    """The schedule; the optimizer's own count of steps is the global step."""
    return WarmUp(config.learning_rate, config.num_train_steps, config.num_warmup_steps)


def optimizer(config):
    """BERT's own. keras.optimizers.AdamW corrects the bias of its moments."""
    return tf1_semantics.optimizers.AdamWeightDecay(
        learning_rate(config),
        weight_decay_rate=config.weight_decay_rate,
        exclude_from_weight_decay=["LayerNorm", "layer_norm", "bias"],
        clip=[tf1_semantics.clipping.ByGlobalNorm(1.0)],
    )


@keras.saving.register_keras_serializable("bert")
class PreTraining(keras.Model):
    """A functional model whose loss is that of two tasks."""

    def compute_loss(self, x=None, y=None, y_pred=None, *arguments, **options):
        ids, weights = x["masked_lm_ids"], x["masked_lm_weights"]
        return loss(y, y_pred["masked_lm"], y_pred["next_sentence"], ids, weights)

    def train_step(self, data):
        x, y = data
        # In TF1's order, heads last: the norm of all gradients is a sum, whose last bit
        # depends on it.
        variables = sorted(
            self.trainable_variables, key=lambda variable: variable.path[:3] == "cls"
        )
        values = [variable.value for variable in variables]
        with tf.GradientTape() as tape:
            loss_value = self.compute_loss(x, y, self(x, training=True))
        if tf.executing_eagerly():
            gradients = tape.gradient(loss_value, values)
        else:
            # What a layer reads has four gradients: of queries, keys, values and what is
            # added to them. A tape adds them up in another order than TF1.
            gradients = tf.gradients(loss_value, values)
        self.optimizer.apply(gradients, variables)
        return {"loss": loss_value}


def build(config=Config()):
    """The whole model, compiled."""
    inputs = {
        name: keras.Input([getattr(config, length)], dtype=dtype, name=name)
        for name, (length, dtype) in INPUTS.items()
    }
    input_ids, input_mask, segment_ids, positions, _, _ = inputs.values()
    masked_lm, next_sentence = inference(
        input_ids, input_mask, segment_ids, positions, config
    )
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
    losses = []
    each_loss = keras.callbacks.LambdaCallback(
        # What fit logs is a mean over the epoch so far, unless it is reset.
        on_train_batch_begin=lambda step, logs: model.reset_metrics(),
        on_train_batch_end=lambda step, logs: losses.append(logs["loss"]),
    )
    model.fit(
        next_batch(data, config.train_batch_size),
        steps_per_epoch=config.num_train_steps,
        shuffle=False,
        verbose=0,
        callbacks=[each_loss],
    )
    return losses
