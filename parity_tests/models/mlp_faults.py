"""Faults planted in the perceptron's twin."""

import keras
import numpy as np
import tensorflow as tf

from parity_tests.models.pair import Fault
from tf2_keras import tf1_semantics


def _cross_entropy(labels, logits):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=tf.cast(labels, tf.int64), logits=logits
    )


def _loss(function):
    return lambda twin: {"loss": function}


def _averaged_twice(labels, logits):
    """As in a loop of one's own that divides by the batch what is a mean already."""
    mean = tf.reduce_mean(_cross_entropy(labels, logits))
    return mean / tf.cast(tf.size(labels), tf.float32)


def _sum_instead_of_mean(labels, logits):
    return tf.reduce_sum(_cross_entropy(labels, logits))


def _softmax_twice(labels, logits):
    return tf.reduce_mean(_cross_entropy(labels, tf.nn.softmax(logits)))


def _layer(kernel_initializer=None, use_bias=False, bias_initializer="zeros"):
    """(twin module) -> patch: full layers that are made otherwise."""

    def patch(twin):
        def full_layer(x, size, seed, config, name):
            start = tf1_semantics.initializers.TruncatedNormal(
                stddev=1.0 / np.sqrt(x.shape[1]), seed=(config.seed, seed)
            )
            if kernel_initializer is not None:
                start = kernel_initializer(x, seed)
            x = keras.layers.Dense(
                size,
                use_bias=use_bias,
                kernel_initializer=start,
                bias_initializer=bias_initializer,
                name=name,
            )(x)
            if use_bias:
                return x
            return tf1_semantics.layers.AddBias(bias_initializer, name=name + "_add")(x)

        names = twin.checkpoint_names(None)
        if use_bias:
            names = {name: path.replace("_add/", "/") for name, path in names.items()}
        return {"full_layer": full_layer, "checkpoint_names": lambda model: names}

    return patch


def _linear_hidden_layer(twin):
    """The second hidden layer is left without its activation."""

    def inference(images, config):
        hidden1 = keras.layers.ReLU()(
            twin.full_layer(images, config.hidden1, 11, config, "hidden1")
        )
        hidden2 = twin.full_layer(hidden1, config.hidden2, 12, config, "hidden2")
        return twin.full_layer(hidden2, config.classes, 13, config, "softmax_linear")

    return {"inference": inference}


FAULTS = {
    "keras_initializer": Fault(
        "Dense starts from Keras's default, glorot_uniform.",
        "initial values",
        _layer(lambda x, seed: keras.initializers.GlorotUniform(seed)),
    ),
    "keras_truncated_normal": Fault(
        "Keras's TruncatedNormal with the same seeds.",
        "initial values",
        _layer(
            lambda x, seed: keras.initializers.TruncatedNormal(
                stddev=1.0 / np.sqrt(x.shape[1]), seed=seed
            )
        ),
    ),
    "another_seed": Fault(
        "The graph's seed is one more.", "initial values", fields={"seed": 2}
    ),
    "loss_averaged_twice": Fault(
        "The mean over the batch is divided by its size.",
        "loss",
        _loss(_averaged_twice),
    ),
    "sum_instead_of_mean": Fault(
        "The loss sums over the batch.", "loss", _loss(_sum_instead_of_mean)
    ),
    "softmax_twice": Fault(
        "The loss is given probabilities where it takes logits.",
        "loss",
        _loss(_softmax_twice),
    ),
    "linear_hidden_layer": Fault(
        "The second hidden layer has no activation.", "loss", _linear_hidden_layer
    ),
    "pixels_not_scaled": Fault(
        "Pixels are from 0 to 255.",
        "loss",
        batch=lambda batch: {**batch, "x": batch["x"] * np.float32(255)},
    ),
    "labels_shifted_by_an_example": Fault(
        "Each image meets its neighbour's label.",
        "loss",
        batch=lambda batch: {**batch, "y_true": np.roll(batch["y_true"], 1)},
    ),
    "labels_from_one": Fault(
        "Classes are counted from one.",
        "loss",
        batch=lambda batch: {**batch, "y_true": (batch["y_true"] + 1) % 10},
    ),
    "batches_shifted": Fault("The first batch is skipped.", "loss", skipped=1),
    "biases_in_the_layers": Fault(
        "BiasAdd, which sums its gradient in another order.",
        "gradients",
        _layer(use_bias=True),
        # Sums of a few numbers come out alike in either order.
        both={"hidden1": 64, "hidden2": 32, "batch_size": 50},
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "updates", fields={"learning_rate": 0.011}
    ),
}
