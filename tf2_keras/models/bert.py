"""Pre-training of a small BERT: the Keras 3 twin.

A Transformer reads two pieces of text at once, some of whose words are masked. It is to
say which words they were, and whether the second piece followed the first.

Shapes: B pairs of F words, H hidden units, N attention heads of D = H / N, P masked words
of a pair at most, V words known. Matrices [B F, H] hold all words of a batch.
"""

import dataclasses

import keras
import tensorflow as tf
from keras import ops

from tf2_keras import tf1_semantics
from tf2_keras.models.bert_classifier import (
    bert_model,
    cross_entropy,
    learning_rate,
    next_batch,
)
from tf2_keras.models.transformer import create_initializer, dense, gelu, layer_norm


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


def gather_indexes(words, positions, config):
    """Words [B F, H] at places [B, P] of their pairs: [B P, H]."""
    by_pair = ops.reshape(words, [-1, config.max_seq_length, config.hidden_size])
    chosen = ops.take_along_axis(by_pair, ops.expand_dims(positions, -1), 1)
    return ops.reshape(chosen, [-1, config.hidden_size])


@keras.saving.register_keras_serializable("bert")
class MaskedLM(keras.layers.Layer):
    """Logits [n, V] of words [n, H], by the table [V, H] that they are looked up in."""

    def build(self, transformed_shape, table_shape):
        self.bias = self.add_weight(table_shape[:1], "zeros", name="output_bias")

    def call(self, transformed, table):
        logits = tf.matmul(transformed, table, transpose_b=True)
        return tf.nn.bias_add(logits, self.bias)


@keras.saving.register_keras_serializable("bert")
class NextSentence(keras.layers.Layer):
    """[B, H] -> logits [B, 2]; the kernel of keras.layers.Dense is [H, 2]."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = Config(**config)

    def build(self, shape):
        initializer = create_initializer(f"{self.name}.output_weights", self.config)
        self.kernel = self.add_weight(
            (2, shape[-1]), initializer, name="output_weights"
        )
        self.bias = self.add_weight((2,), "zeros", name="output_bias")

    def call(self, pooled):
        logits = tf.matmul(pooled, self.kernel, transpose_b=True)
        return tf.nn.bias_add(logits, self.bias)


def get_masked_lm_output(words, positions, table, config):
    """Logits [B P, V] of the words at [B, P]."""
    scope = "cls.predictions"
    transformed = gather_indexes(words, positions, config)
    name = f"{scope}.transform.dense"
    transformed = dense(transformed, config.hidden_size, config, gelu, name)
    transformed = layer_norm(transformed, f"{scope}.transform")
    return MaskedLM(name=scope)(transformed, table)


def get_next_sentence_output(pooled, config):
    """[B, H] -> logits [B, 2]."""
    head = NextSentence(dataclasses.asdict(config), name="cls.seq_relationship")
    return head(pooled)


def inference(input_ids, input_mask, segment_ids, positions, config):
    """(logits of masked words [B P, V], of "the second piece followed" [B, 2])."""
    words, pooled, table = bert_model(input_ids, input_mask, segment_ids, config)
    masked_lm = get_masked_lm_output(words, positions, table, config)
    return masked_lm, get_next_sentence_output(pooled, config)


def loss(labels, masked_lm, next_sentence, ids, weights):
    """Mean over masked words [B, P] of weight 1.0, plus the mean over pairs [B]."""
    per_example_loss = cross_entropy(ops.reshape(ids, [-1]), masked_lm)
    label_weights = ops.reshape(weights, [-1])
    numerator = ops.sum(label_weights * per_example_loss)
    denominator = ops.sum(label_weights) + 1e-5
    return numerator / denominator + ops.mean(cross_entropy(labels, next_sentence))


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
            shape, dtype="float32" if "weights" in name else "int32", name=name
        )
        for name, shape in zip(INPUTS, [words] * 3 + [masked] * 3, strict=True)
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
        next_batch(data, config.batch_size, INPUTS),
        steps_per_epoch=config.num_train_steps,
        shuffle=False,
        verbose=0,
        callbacks=[history],
    )
    return history.history["loss"]
