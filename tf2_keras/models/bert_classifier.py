"""Fine-tuning of a small BERT: the Keras 3 twin.

Two pieces of text stand in one row, [CLS] first [SEP] second [SEP]. What a Transformer
makes of [CLS] tells the class of the pair; all of the model is trained a little further.

Shapes: B pairs of F words, H hidden units. Matrices [B F, H] hold all words of a batch.
"""

import dataclasses
import types

import keras
import tensorflow as tf
from keras import ops

from tf2_keras import tf1_semantics
from tf2_keras.models import transformer
from tf2_keras.models.transformer import dense, layer_norm


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


INPUTS = ("x", "input_mask", "segment_ids")  # the pieces of text are x


def next_batch(data, batch_size, names=INPUTS):
    """Endless batches ({name: array}, labels) in order; short at the end of the data."""
    *inputs, labels = data
    examples = dict(zip(names, inputs, strict=True)), labels
    return tf.data.Dataset.from_tensor_slices(examples).batch(batch_size).repeat()


@keras.saving.register_keras_serializable("bert_classifier")
class Embeddings(keras.layers.Layer):
    """[B, F] twice -> (sum of three embeddings [B, F, H], the words' table [V, H])."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = types.SimpleNamespace(**config)

    def variable(self, name, rows):
        """A weight [rows, H] of this scope, drawn by its name."""
        name_of_all = f"{self.name}.{name}"
        initializer = transformer.create_initializer(name_of_all, self.config)
        return self.add_weight((rows, self.config.hidden_size), initializer, name=name)

    def build(self, *shapes):
        self.words = self.variable("word_embeddings", self.config.vocab_size)
        self.token_types = self.variable("token_type_embeddings", 2)
        rows = self.config.max_position_embeddings
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


def bert_model(input_ids, input_mask, segment_ids, config):
    """[B, F] thrice -> (words [B F, H], what [CLS] has become [B, H], the table [V, H])."""
    scope, size = "bert.embeddings", config.hidden_size
    embed = Embeddings(dataclasses.asdict(config), name=scope)
    embedded, table = embed(input_ids, segment_ids)
    embedded = layer_norm(embedded, scope)
    words = transformer.transformer_model(embedded, input_mask, config, "bert.encoder")
    first_token = ops.reshape(words, [-1, config.max_seq_length, size])[:, 0]
    pooled = dense(first_token, size, config, "tanh", "bert.pooler.dense")
    return words, pooled, table


def inference(input_ids, input_mask, segment_ids, config):
    """[B, F] thrice -> logits [B, num_labels]."""
    _, pooled, _ = bert_model(input_ids, input_mask, segment_ids, config)
    return dense(pooled, config.num_labels, config, name="classifier")


def cross_entropy(labels, logits):
    """[n], [n, classes] -> [n]."""
    log_probs = ops.log_softmax(logits, axis=-1)
    one_hot_labels = ops.one_hot(labels, logits.shape[-1])
    return -ops.sum(log_probs * one_hot_labels, axis=-1)


@keras.saving.register_keras_serializable("bert_classifier")
def loss(labels, logits):
    """Mean over pairs, a scalar."""
    return ops.mean(cross_entropy(labels, logits))


def learning_rate(config):
    """From zero up to the rate, then down to zero, in straight lines."""
    # The optimizer's own count of steps is the global step.
    return tf1_semantics.schedules.WarmUp(
        config.learning_rate, config.num_train_steps, config.num_warmup_steps
    )


def optimizer(config):
    """BERT's own. keras.optimizers.AdamW corrects the bias of its moments."""
    return tf1_semantics.optimizers.AdamWeightDecay(
        learning_rate(config),
        weight_decay_rate=0.01,
        exclude_from_weight_decay=["LayerNorm", "layer_norm", "bias"],
        clip=[tf1_semantics.clipping.ByGlobalNorm(1.0)],
    )


def build(config=Config()):
    """The whole model, compiled."""
    words = [config.max_seq_length]
    inputs = {name: keras.Input(words, dtype="int32", name=name) for name in INPUTS}
    logits = inference(*inputs.values(), config=config)
    # A name before "gradients" in the alphabet, as TF1's bert/ was: Grappler multiplies in
    # the order of names, and gelu's gradient has many factors.
    model = keras.Model(inputs, logits, name="bert")
    model.compile(optimizer=optimizer(config), loss=loss, jit_compile=False)
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
