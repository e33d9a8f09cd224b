"""Faults planted in the twin of the network for sentences."""

import keras
import numpy as np
import tensorflow as tf

from parity_tests.models.pair import Fault
from tf2_keras import tf1_semantics


def _scores(penalty):
    """(twin module) -> patch: a last layer with another penalty, ``penalty(layer)``."""

    def patch(twin):
        class Scores(twin.Scores):
            def call(self, x):
                self.add_loss(penalty(self))
                return keras.layers.Dense.call(self, x)

        return {"Scores": Scores}

    return patch


def _squares(layer):
    """Keras's L2 does not halve."""
    squares = [tf.reduce_sum(tf.square(v)) for v in (layer.kernel, layer.bias)]
    return layer.l2_reg_lambda * sum(squares)


def _kernel_only(layer):
    return layer.l2_reg_lambda * tf.nn.l2_loss(layer.kernel)


def _penalty_of_everything(twin):
    class Decayed(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, *arguments, **options):
            penalty = sum(tf.nn.l2_loss(v.value) for v in self.trainable_variables)
            rate = self.get_layer("output").l2_reg_lambda
            return twin.loss(y, y_pred) + rate * penalty

    def build(config):
        input_x = keras.Input([config.sequence_length], dtype="int32", name="x")
        model = Decayed(input_x, twin.inference(input_x, config))
        model.compile(twin.optimizer(config), twin.loss, jit_compile=False)
        return model

    return {"build": build}


def _conv(pooling=None, padding="valid", activation=True):
    """(twin module) -> patch: other convolutions, and what follows on them."""

    def patch(twin):
        def conv_maxpool(embedded, filter_size, seed, config):
            name = f"conv-maxpool-{filter_size}"
            conv = keras.layers.Conv2D(
                config.num_filters,
                (filter_size, config.embedding_size),
                padding="valid",
                use_bias=False,
                kernel_initializer=tf1_semantics.initializers.TruncatedNormal(
                    stddev=0.1, seed=(config.seed, seed)
                ),
                name=name,
            )
            if padding == "same":  # in time only
                embedded = keras.layers.ZeroPadding2D(
                    (((filter_size - 1) // 2, filter_size // 2), (0, 0))
                )(embedded)
            h = tf1_semantics.layers.AddBias(
                keras.initializers.Constant(0.1), name=name + "_add"
            )(conv(embedded))
            if activation:
                h = keras.layers.ReLU()(h)
            pool = pooling or keras.layers.MaxPooling2D
            return pool((h.shape[1], 1), strides=1, padding="valid")(h)

        return {"conv_maxpool": conv_maxpool}

    return patch


def _keras_embedding(twin):
    def embedding(input_x, config):
        embedded = keras.layers.Embedding(
            config.vocab_size, config.embedding_size, name="embedding"
        )(input_x)
        return keras.ops.expand_dims(embedded, -1)

    return {"embedding": embedding}


class LazyAdam(tf1_semantics.optimizers.Adam):
    """Moves the rows of the embedding that the batch holds, and no others."""

    def apply(self, gradients, trainable_variables=None):
        sparse = next(g for g in gradients if isinstance(g, tf.IndexedSlices))
        embedding = trainable_variables[[g is sparse for g in gradients].index(True)]
        before = tf.identity(embedding.value)
        super().apply(gradients, trainable_variables)
        touched = tf.scatter_nd(
            sparse.indices[:, tf.newaxis],
            tf.ones_like(sparse.indices),
            before.shape[:1],
        )
        embedding.assign(tf.where(touched[:, tf.newaxis] > 0, embedding.value, before))


def _optimizer(optimizer):
    return lambda twin: {
        "optimizer": lambda config: optimizer(config.learning_rate, name="adam")
    }


FAULTS = {
    "keras_embedding": Fault(
        "The embedding starts from Keras's default, -0.05 to 0.05.",
        "initial values",
        _keras_embedding,
    ),
    "another_seed": Fault(
        "The graph's seed is one more.", "initial values", fields={"seed": 2}
    ),
    "l2_not_halved": Fault(
        "The penalty is the squares, as Keras's L2 has it.", "loss", _scores(_squares)
    ),
    "l2_of_the_kernel_only": Fault(
        "The last layer's bias is not decayed.", "loss", _scores(_kernel_only)
    ),
    "l2_of_everything": Fault(
        "Every variable is decayed, the embedding too.", "loss", _penalty_of_everything
    ),
    "average_over_time": Fault(
        "The mean of each filter's answers instead of the largest.",
        "loss",
        _conv(keras.layers.AveragePooling2D),
    ),
    "padded_windows": Fault(
        "Windows reach beyond the sentence.", "loss", _conv(padding="same")
    ),
    "no_activation": Fault(
        "No ReLU behind the convolutions.", "loss", _conv(activation=False)
    ),
    "labels_flipped": Fault(
        "The two classes are exchanged.",
        "loss",
        batch=lambda batch: {**batch, "y_true": batch["y_true"][:, ::-1].copy()},
    ),
    "words_from_zero": Fault(
        "Words are numbered one lower, so that one of them is the padding.",
        "loss",
        batch=lambda batch: {**batch, "x": np.maximum(batch["x"] - 1, 0)},
    ),
    "batches_shifted": Fault("The first batch is skipped.", "loss", skipped=1),
    "keras_adam": Fault(
        "Keras's Adam as it comes.", "slots", _optimizer(keras.optimizers.Adam)
    ),
    "lazy_adam": Fault(
        "Rows whose words are not in the batch stay where they are.",
        "updates",
        _optimizer(LazyAdam),
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "updates", fields={"learning_rate": 1.1e-3}
    ),
}
