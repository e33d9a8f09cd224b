"""The encoder of a Transformer: the Keras 3 twin.

Each word of a sentence looks at all others, by how well its query meets their keys, and
takes of their values as much. What the first place, [CLS], has seen tells the class of the
sentence. Vaswani et al. 2017, arXiv:1706.03762.

Shapes: B sentences of F words, H hidden units, N attention heads of D = H / N. Matrices
[B F, H] hold all words of a batch.
"""

import dataclasses
import math
import zlib

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tf2_keras import tf1_semantics
from tf2_keras.models.mnist_cnn import next_batch


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


def create_initializer(name, config):
    """By the name of a weight, whose scopes are parted by dots in the name of a layer."""
    seed = zlib.crc32(name.replace(".", "/").encode()) % 2**31
    return tf1_semantics.initializers.TruncatedNormal(
        stddev=config.initializer_range, seed=(config.seed, seed)
    )


@keras.saving.register_keras_serializable("transformer")
def gelu(x):
    """x times the normal distribution's share below it, by erf. Later versions: tanh."""
    # keras.activations.gelu(x, approximate=False) multiplies in another order.
    cdf = 0.5 * (1.0 + ops.erf(x / math.sqrt(2.0)))
    return x * cdf


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


@keras.saving.register_keras_serializable("transformer")
class Scores(keras.layers.Layer):
    """How well queries meet keys, [B, N, F, D] twice -> [B, N, F, F]."""

    # Keras lists weights by the depth of their layers, and a clip sums in that order:
    # behind a keras.ops.transpose the keys' would come before the queries'.

    def call(self, query, key):
        return tf.matmul(query, key, transpose_b=True) * (
            1.0 / math.sqrt(query.shape[-1])
        )


def attention_layer(x, adder, config, scope):
    """[B F, H], [B, 1, 1, F] of 0.0 or -10000.0 -> [B F, H]."""
    # keras.layers.MultiHeadAttention has kernels [H, N, D], and adds another number to
    # what is masked.
    length, heads = config.max_seq_length, config.num_attention_heads
    size = config.hidden_size // heads

    def transpose_for_scores(name):
        by_head = dense(x, config.hidden_size, config, name=f"{scope}.{name}")
        by_head = ops.reshape(by_head, [-1, length, heads, size])
        return ops.transpose(by_head, [0, 2, 1, 3])  # [B, N, F, D]

    query, key, value = map(transpose_for_scores, ("query", "key", "value"))
    probabilities = ops.softmax(Scores()(query, key) + adder)  # [B, N, F, F]
    context = ops.transpose(ops.matmul(probabilities, value), [0, 2, 1, 3])
    return ops.reshape(context, [-1, config.hidden_size])


def transformer_model(x, input_mask, config, scope="encoder"):
    """[B, F, H], [B, F] of 1 for words and 0 for padding -> [B F, H]."""
    size = config.hidden_size
    # Not minus infinity: where all is padding, all weighs the same.
    mask = ops.reshape(input_mask, [-1, 1, 1, config.max_seq_length])
    adder = (1.0 - ops.cast(mask, "float32")) * -10000.0
    output = ops.reshape(x, [-1, size])
    for layer in range(config.num_hidden_layers):
        name = f"{scope}.layer_{layer}.attention"
        attention = attention_layer(output, adder, config, f"{name}.self")
        attention = dense(attention, size, config, name=f"{name}.output.dense")
        attention = layer_norm(attention + output, f"{name}.output")
        name = f"{scope}.layer_{layer}.intermediate.dense"
        hidden = dense(attention, config.intermediate_size, config, gelu, name)
        name = f"{scope}.layer_{layer}.output"
        output = dense(hidden, size, config, name=f"{name}.dense")
        output = layer_norm(output + attention, name)
    return output


def positions(config):
    """[F, H]: waves of longer and longer periods, by which a word's place is told."""
    rates = 1e-4 ** np.arange(0.0, 1.0, 2.0 / config.hidden_size)
    angles = np.arange(config.max_seq_length)[:, np.newaxis] * rates
    return np.concatenate([np.sin(angles), np.cos(angles)], 1).astype(np.float32)


def inference(x, config):
    """Words [B, F] -> logits [B, num_labels]."""
    length, size = config.max_seq_length, config.hidden_size
    name = "embeddings.word_embeddings"
    initializer = create_initializer(name, config)
    embedded = keras.layers.Embedding(
        config.vocab_size, size, embeddings_initializer=initializer, name=name
    )(x)
    embedded = layer_norm(embedded + positions(config), "embeddings")
    words = transformer_model(embedded, ops.not_equal(x, 0), config)
    first_token = ops.reshape(words, [-1, length, size])[:, 0]
    return dense(first_token, config.num_labels, config, name="classifier")


@keras.saving.register_keras_serializable("transformer")
def loss(y_true, y_pred):
    """Mean cross-entropy of one-hot [B, num_labels] and logits, a scalar."""
    return ops.mean(
        keras.losses.categorical_crossentropy(y_true, y_pred, from_logits=True)
    )


def optimizer(config):
    """Adam, with what the paper gave it."""
    return tf1_semantics.optimizers.Adam(config.learning_rate, beta2=0.98, epsilon=1e-9)


def build(config=Config()):
    """The whole model, compiled."""
    x = keras.Input([config.max_seq_length], dtype="int32", name="x")
    model = keras.Model(x, inference(x, config), name="encoder")
    model.compile(optimizer=optimizer(config), loss=loss, jit_compile=False)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}: a scope's slash is a layer's dot."""
    paths = [variable.path for variable in model.trainable_variables]
    names = {path.replace(".", "/"): path for path in paths}
    table = names.pop("embeddings/word_embeddings/embeddings")
    return {**names, "embeddings/word_embeddings": table}


def run(sentences, labels, config=Config()):
    """Trains on words [n, F] and one-hot [n, num_labels]; returns [loss of each step]."""
    model = build(config)
    # What fit itself keeps is a mean over the epoch; a Session fetched each step's loss.
    history = tf1_semantics.callbacks.StepHistory()
    model.fit(
        next_batch(sentences, labels, config.batch_size, config.seed),
        steps_per_epoch=config.num_train_steps,
        shuffle=False,
        verbose=0,
        callbacks=[history],
    )
    return history.history["loss"]
