"""Faults planted in the Transformer's twin."""

import math

import keras
import numpy as np
import tensorflow as tf

from parity_tests.models.pair import Fault
from tf2_keras import tf1_semantics


def _keras_truncated_normal(twin):
    return {
        "create_initializer": lambda name, config: keras.initializers.TruncatedNormal(
            stddev=config.initializer_range, seed=1
        )
    }


def _norm(twin):
    return {
        "layer_norm": lambda x, scope: tf1_semantics.layers.LayerNormalization(
            begin_norm_axis=-1, epsilon=1e-3, name=f"{scope}.LayerNorm"
        )(x)
    }


def _scores(scale):
    """(twin module) -> patch: scores of another scale, ``scale(number of D)``."""

    def call(self, query, key):
        return tf.matmul(query, key, transpose_b=True) * scale(query.shape[-1])

    return lambda twin: {"Scores": type("Scores", (twin.Scores,), {"call": call})}


def _mask(of_words):
    """(twin module) -> patch: an encoder that is given another mask."""

    def patch(twin):
        true = twin.transformer_model
        return {
            "transformer_model": lambda x, input_mask, config: true(
                x, of_words(input_mask), config
            )
        }

    return patch


def _norm_before(twin):
    """Each sum is not normalised, as where the norm was moved in front of a layer."""
    true = twin.layer_norm
    return {
        "layer_norm": lambda x, scope: (
            true(x, scope) if scope == "embeddings" else x + 0.0 * true(x, scope)
        )
    }


FAULTS = {
    "keras_truncated_normal": Fault(
        "Keras's TruncatedNormal with the same deviation.",
        "initial values",
        _keras_truncated_normal,
    ),
    "another_seed": Fault(
        "The graph's seed is one more.", "initial values", fields={"seed": 2}
    ),
    "tanh_gelu": Fault(
        "gelu by tanh, as later versions and many others have it.",
        "loss",
        lambda twin: {"gelu": lambda x: tf.nn.gelu(x, approximate=True)},
    ),
    "keras_epsilon": Fault("Keras's epsilon in the layer norms, 1e-3.", "loss", _norm),
    "padding_attended": Fault(
        "Padding is attended to.", "loss", _mask(keras.ops.ones_like)
    ),
    "mask_upside_down": Fault(
        "The mask has 1 for padding, as PyTorch's and Keras's causal ones may.",
        "loss",
        _mask(keras.ops.logical_not),
    ),
    "scores_not_scaled": Fault(
        "Scores are not divided by the root of D.", "loss", _scores(lambda size: 1.0)
    ),
    "scores_scaled_by_all_units": Fault(
        "Scores are divided by the root of H, the units of all heads.",
        "loss",
        _scores(lambda size: 1.0 / math.sqrt(2 * size)),
    ),
    "no_positions": Fault(
        "Nothing tells where a word stands.",
        "loss",
        lambda twin: {"positions": lambda config: np.float32(0.0)},
    ),
    "sums_not_normalised": Fault(
        "No layer norm behind attention and what follows it.", "loss", _norm_before
    ),
    "keras_adam": Fault(
        "Keras's Adam, with an epsilon of its own.",
        "slots",
        lambda twin: {
            "optimizer": lambda config: keras.optimizers.Adam(
                config.learning_rate, beta_2=0.98, name="adam"
            )
        },
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "updates", fields={"learning_rate": 0.022}
    ),
}
