"""Faults planted in the twin of the word vectors."""

import types

import keras
import tensorflow as tf

from parity_tests.models.pair import Fault
from tf2_keras import tf1_semantics


def _sampler(changed):
    """(twin module) -> patch: words drawn otherwise.

    Args:
        changed: (the true layer's class) -> another class.
    """

    def patch(twin):
        true = tf1_semantics.random.LogUniformCandidateSampler
        random = types.SimpleNamespace(
            **{
                **vars(tf1_semantics.random),
                "LogUniformCandidateSampler": changed(true),
            }
        )
        parts = {**vars(tf1_semantics), "random": random}
        return {"tf1_semantics": types.SimpleNamespace(**parts)}

    return patch


def _from_the_start(sampler):
    """A stateless sampler: the same words against every batch."""

    class FromTheStart(sampler):
        def call(self, true_classes):
            self.drawn.assign(0)
            return super().call(true_classes)

    return FromTheStart


def _one_seed_on(sampler):
    """The stream of another op."""

    class OneSeedOn(sampler):
        def __init__(self, seed, **options):
            super().__init__(seed=(seed[0], seed[1] + 1), **options)

    return OneSeedOn


def _with_repeats(sampler):
    class WithRepeats(sampler):
        def __init__(self, unique, **options):
            super().__init__(unique=False, **options)

    return WithRepeats


def _not_expected(sampler):
    """Every word counts as expected once, so that its logarithm is zero."""

    class NotExpected(sampler):
        def call(self, true_classes):
            sampled, *expected = super().call(true_classes)
            return (sampled, *map(tf.ones_like, expected))

    return NotExpected


def _loss(other):
    """(twin module) -> patch: the mean of other losses.

    Args:
        other: (labels, vectors, contrast) -> [B].
    """

    def loss(labels, embed, contrast):
        return tf.reduce_mean(other(tf.cast(labels, tf.int64), embed, contrast))

    return lambda twin: {"loss": loss}


def _sampled(function, **options):
    """(labels, vectors, contrast) -> [B], of ``tf.nn.nce_loss`` or its like."""

    def losses(labels, embed, contrast):
        return function(
            contrast.nce_weights.value,
            contrast.nce_biases.value,
            labels,
            embed,
            contrast.config.num_sampled,
            contrast.config.vocabulary_size,
            sampled_values=contrast.sampler(labels),
            **options,
        )

    return losses


def _biases_fixed(labels, embed, contrast):
    return tf.nn.nce_loss(
        contrast.nce_weights.value,
        tf.stop_gradient(contrast.nce_biases.value),
        labels,
        embed,
        contrast.config.num_sampled,
        contrast.config.vocabulary_size,
        sampled_values=contrast.sampler(labels),
    )


def _full_softmax(labels, embed, contrast):
    logits = tf.matmul(embed, contrast.nce_weights, transpose_b=True)
    return keras.losses.sparse_categorical_crossentropy(
        labels[:, 0], logits + contrast.nce_biases, from_logits=True
    )


def _summed(twin):
    true = twin.loss
    return {
        "loss": lambda labels, *others: (
            true(labels, *others) * tf.cast(tf.size(labels), tf.float32)
        )
    }


def _optimizer(made):
    return lambda twin: {"optimizer": lambda config: made(config.learning_rate)}


def _keras_uniform(twin):
    initializers = types.SimpleNamespace(
        **{
            **vars(tf1_semantics.initializers),
            "RandomUniform": lambda low, high, seed: keras.initializers.RandomUniform(
                low, high, seed[1]
            ),
        }
    )
    parts = {**vars(tf1_semantics), "initializers": initializers}
    return {"tf1_semantics": types.SimpleNamespace(**parts)}


def _not_normalized(embeddings, words):
    vectors = tf.gather(embeddings, words)
    return tf.matmul(vectors, embeddings, transpose_b=True)


def _normalized_by_column(embeddings, words):
    embeddings = tf.math.l2_normalize(embeddings, 0)
    return _not_normalized(embeddings, words)


FAULTS = {
    "keras_random_uniform": Fault(
        "Keras's RandomUniform with the same seeds.", "initial values", _keras_uniform
    ),
    "another_seed": Fault(
        "The graph's seed is one more.", "initial values", fields={"seed": 2}
    ),
    "another_stream": Fault(
        "The sampler has another op's seed.", "loss", _sampler(_one_seed_on)
    ),
    "same_words_drawn": Fault(
        "The sampler draws the same words for every batch.",
        "loss",
        _sampler(_from_the_start),
    ),
    "words_drawn_twice": Fault(
        "A word may be drawn several times.", "loss", _sampler(_with_repeats)
    ),
    "not_expected": Fault(
        "Logits are not corrected by how often a word is expected.",
        "loss",
        _sampler(_not_expected),
    ),
    "accidental_hits_removed": Fault(
        "A word that was drawn and is true does not count as noise.",
        "loss",
        _loss(_sampled(tf.nn.nce_loss, remove_accidental_hits=True)),
    ),
    "sampled_softmax": Fault(
        "A softmax over the true word and those drawn.",
        "loss",
        _loss(_sampled(tf.nn.sampled_softmax_loss)),
    ),
    "full_softmax": Fault(
        "A softmax over all words, nothing drawn.", "loss", _loss(_full_softmax)
    ),
    "sum_instead_of_mean": Fault("The loss sums over the batch.", "loss", _summed),
    "words_exchanged": Fault(
        "A neighbour is to tell the word.",
        "loss",
        batch=lambda batch: {
            "x": batch["y_true"][:, 0],
            "y_true": batch["x"][:, None],
        },
    ),
    "batches_shifted": Fault("The first batch is skipped.", "loss", skipped=1),
    "biases_not_trained": Fault(
        "The biases get no gradient.", "gradients", _loss(_biases_fixed)
    ),
    "every_row_moves": Fault(
        "Momentum moves rows that no batch looked up.",
        "initial values",  # which has slots that TF1 has not
        _optimizer(lambda rate: keras.optimizers.SGD(rate, momentum=0.9)),
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "updates", fields={"learning_rate": 0.55}
    ),
    "not_normalized": Fault(
        "Words are compared by their products, long vectors first.",
        "outputs",
        lambda twin: {"similarity": _not_normalized},
    ),
    "normalized_by_column": Fault(
        "Each number of the vectors is normalised over all words.",
        "outputs",
        lambda twin: {"similarity": _normalized_by_column},
    ),
}
