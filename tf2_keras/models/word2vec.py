"""Word vectors by skip-gram and noise contrast: the Keras 3 twin.

A word's vector is to tell its neighbours in a text from words drawn at random, the same
few for all of a batch. Only rows that were looked up get a gradient.

Shapes: B pairs of neighbours, V words known, E width of a vector, S words drawn.
"""

import dataclasses
import itertools
import math

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics


@dataclasses.dataclass(frozen=True)
class Config:
    vocabulary_size: int = 50000  # V, the most frequent first; number 0 is all others
    embedding_size: int = 128  # E
    batch_size: int = 128  # B
    skip_window: int = 1  # how many words to each side are neighbours
    num_skips: int = 2  # how many of a word's neighbours are taken
    num_sampled: int = 64  # S
    learning_rate: float = 1.0
    num_steps: int = 100000
    report_every: int = 2000  # steps that a reported loss is the mean of
    top_k: int = 8  # nearest words that are reported
    seed: int = 1  # of the graph; each variable adds its own


def neighbours(codes, config):
    """Endless (word, neighbour) of a text, from its start again at its end.

    The skipgrams of ``tf.keras`` drew negatives into the data.
    """
    random = np.random.RandomState(config.seed)
    window = config.skip_window
    offsets = [offset for offset in range(-window, window + 1) if offset != 0]
    while True:
        for place in range(window, len(codes) - window):
            chosen = random.choice(offsets, config.num_skips, replace=False)
            for offset in chosen:
                yield codes[place], codes[place + offset]


def generate_batch(codes, config):
    """An endless tf.data.Dataset of (words [B], neighbours [B, 1]), int32."""
    many = 50 * config.batch_size  # to ask Python for each batch costs half a step

    def batches():
        pairs = neighbours(codes, config)
        while True:
            batch = np.array(list(itertools.islice(pairs, many)), np.int32)
            yield batch[:, 0], batch[:, 1:]

    signature = tf.TensorSpec([None], tf.int32), tf.TensorSpec([None, 1], tf.int32)
    made = tf.data.Dataset.from_generator(batches, output_signature=signature)
    return made.rebatch(config.batch_size).prefetch(2)


@keras.saving.register_keras_serializable("word2vec")
class Contrast(keras.layers.Layer):
    """Vectors [B, E] as they are; keeps one logistic regression for each word."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config = Config(**config)
        # tf.nn.log_uniform_candidate_sampler goes on elsewhere each time it is traced.
        # The layer's place in its stream is a weight, saved and reset with the others.
        self.sampler = tf1_semantics.random.LogUniformCandidateSampler(
            num_true=1,
            num_sampled=config.num_sampled,
            unique=True,
            range_max=config.vocabulary_size,
            seed=(config.seed, 13),
        )

    def build(self, embed_shape):
        config = self.config
        stddev = 1.0 / math.sqrt(config.embedding_size)
        self.nce_weights = self.add_weight(
            shape=(config.vocabulary_size, config.embedding_size),
            initializer=tf1_semantics.initializers.TruncatedNormal(
                stddev=stddev, seed=(config.seed, 12)
            ),
            name="nce_weights",
        )
        self.nce_biases = self.add_weight(
            shape=(config.vocabulary_size,), initializer="zeros", name="nce_biases"
        )
        self.sampler.build((None, 1))

    def call(self, embed):
        return embed


def inference(train_inputs, config):
    """[B] -> vectors [B, E]."""
    embed = keras.layers.Embedding(
        config.vocabulary_size,
        config.embedding_size,
        embeddings_initializer=tf1_semantics.initializers.RandomUniform(
            -1.0, 1.0, seed=(config.seed, 11)
        ),
        name="embedding",
    )(train_inputs)
    return Contrast(dataclasses.asdict(config), name="contrast")(embed)


def loss(labels, embed, contrast):
    """Mean over the batch of the noise-contrastive loss, a scalar."""
    # Keras has no such loss. Given no sampled_values, nce_loss would draw without a seed.
    return keras.ops.mean(
        tf.nn.nce_loss(
            weights=contrast.nce_weights.value,
            biases=contrast.nce_biases.value,
            labels=tf.cast(labels, tf.int64),
            inputs=embed,
            num_sampled=contrast.config.num_sampled,
            num_classes=contrast.config.vocabulary_size,
            sampled_values=contrast.sampler(labels),
        )
    )


def similarity(embeddings, words):
    """[V, E], [n] -> [n, V]: the cosine of each of the words and every word."""
    norm = keras.ops.sqrt(keras.ops.sum(keras.ops.square(embeddings), 1, keepdims=True))
    normalized_embeddings = embeddings / norm
    valid_embeddings = keras.ops.take(normalized_embeddings, words, 0)
    return tf.matmul(valid_embeddings, normalized_embeddings, transpose_b=True)


def optimizer(config):
    """Keras's SGD without momentum: rows without a gradient stay as they are."""
    return keras.optimizers.SGD(config.learning_rate, name="sgd")


@keras.saving.register_keras_serializable("word2vec")
class SkipGram(keras.Model):
    """A functional model whose loss needs weights that its output does not show."""

    def compute_loss(self, x=None, y=None, y_pred=None, *arguments, **options):
        return loss(y, y_pred, self.get_layer("contrast"))


def build(config=Config()):
    """The whole model, compiled."""
    train_inputs = keras.Input([], dtype="int32", name="x")
    model = SkipGram(train_inputs, inference(train_inputs, config))
    model.compile(optimizer=optimizer(config), jit_compile=False)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}."""
    return {
        "embeddings": "embedding/embeddings",
        "nce_weights": "contrast/nce_weights",
        "nce_biases": "contrast/nce_biases",
    }


def run(codes, words, config=Config()):
    """Trains on a text; returns ([mean loss of so many steps], nearest words [n, k]).

    Args:
        codes: the text, its words as numbers, int32.
        words: [n] of them, whose nearest are reported.
    """
    model = build(config)
    # An "epoch" of so many steps: the loss that fit reports is their mean.
    history = model.fit(
        generate_batch(codes, config),
        epochs=config.num_steps // config.report_every,
        steps_per_epoch=config.report_every,
        shuffle=False,
        verbose=0,
    )
    sim = similarity(model.get_layer("embedding").embeddings, words).numpy()
    nearest = (-sim).argsort(axis=1)[:, 1 : config.top_k + 1]  # the first is the word
    return history.history["loss"], nearest
