"""Faults planted in the twin of the U-Net."""

import keras
import numpy as np
import tensorflow as tf

from parity_tests.models.pair import Fault
from tf2_keras import tf1_semantics


def _weights(initializer):
    """(twin module) -> patch: kernels that start otherwise."""

    def patch(twin):
        def weight_variable(stddev, name, config):
            return initializer(stddev, twin.op_seed(name))

        return {"weight_variable": weight_variable}

    return patch


def _joined(crop=None, reverse=False):
    """(twin module) -> patch: levels that are joined otherwise."""

    def patch(twin):
        def crop_and_concat(x1, x2):
            size = x2.shape[1]
            middle = keras.layers.Cropping2D((x1.shape[1] - size) // 2)
            x1 = (crop(x1, size) if crop else middle(x1)), x2
            return keras.layers.Concatenate()(x1[::-1] if reverse else x1)

        return {"crop_and_concat": crop_and_concat}

    return patch


def _loss(reduced):
    """(twin module) -> patch: another loss of (losses, weights) by pixel, [B * M * M]."""

    def patch(twin):
        def loss(y_true, logits, class_weights):
            losses = tf.nn.softmax_cross_entropy_with_logits(y_true, logits)
            weights = tf.reduce_sum(y_true * tf.constant(class_weights), axis=-1)
            return reduced(losses, weights)

        return {"loss": loss}

    return patch


def _over_the_sum_of_weights(losses, weights):
    return tf.reduce_sum(losses * weights) / tf.reduce_sum(weights)


def _by_image(losses, weights):
    """Keras's losses by pixel, summed over an image."""
    return tf.reduce_mean(tf.reduce_sum(losses * weights, axis=[1, 2]))


def _logits_below_zero(twin):
    def inference(x, config):
        model = keras.Model(x, twin_inference(x, config))
        return model.layers[-1].input  # what the last ReLU gets

    twin_inference = twin.inference
    return {"inference": inference}


def _optimizer(staircase=True, optimizer=tf1_semantics.optimizers.Momentum):
    """(twin module) -> patch: a rate or an optimizer of another kind."""

    def patch(twin):
        def made(config):
            rate = keras.optimizers.schedules.ExponentialDecay(
                config.learning_rate,
                config.training_iters,
                config.decay_rate,
                staircase=staircase,
            )
            return optimizer(rate, config.momentum, name="momentum")

        return {"optimizer": made}

    return patch


FAULTS = {
    "keras_truncated_normal": Fault(
        "Keras's TruncatedNormal with the same seeds.",
        "initial values",
        _weights(
            lambda stddev, seed: keras.initializers.TruncatedNormal(
                stddev=stddev, seed=seed
            )
        ),
    ),
    "he_normal": Fault(
        "He's rule counts the inputs; the source counted outputs.",
        "initial values",
        _weights(lambda stddev, seed: keras.initializers.HeNormal(seed)),
    ),
    "another_seed": Fault(
        "The graph's seed is one more.", "initial values", fields={"seed": 2}
    ),
    "divided_by_the_weights": Fault(
        "The weighted mean: divided by the sum of the weights.",
        "loss",
        _loss(_over_the_sum_of_weights),
    ),
    "summed_over_an_image": Fault(
        "Pixels are summed, only images are averaged.", "loss", _loss(_by_image)
    ),
    "no_weights": Fault(
        "Every class weighs one.", "loss", fields={"class_weights": (1.0, 1.0)}
    ),
    "weights_exchanged": Fault(
        "Each class has the other's weight.",
        "loss",
        fields={"class_weights": (1.6, 0.4)},
    ),
    "cropped_at_the_corner": Fault(
        "The upper left corner is joined, not the middle.",
        "loss",
        _joined(lambda x, size: x[:, :size, :size]),
    ),
    "resized": Fault(
        "What the way down had is made smaller instead of cropped.",
        "loss",
        _joined(lambda x, size: keras.layers.Resizing(size, size)(x)),
    ),
    "joined_in_another_order": Fault(
        "The way up comes first in what is joined.", "loss", _joined(reverse=True)
    ),
    "logits_below_zero": Fault(
        "The logits are not rectified, as they should not be.",
        "loss",
        _logits_below_zero,
    ),
    "another_keep_prob": Fault(
        "keep_prob is taken for the share that is dropped.",
        "loss",
        fields={"keep_prob": 0.25},
    ),
    "images_not_scaled": Fault(
        "Pixels are from 0 to 255.",
        "loss",
        batch=lambda batch: {**batch, "x": batch["x"] * np.float32(255)},
    ),
    "labels_flipped": Fault(
        "Paper and circle are exchanged.",
        "loss",
        batch=lambda batch: {**batch, "y_true": batch["y_true"][..., ::-1].copy()},
    ),
    "labels_at_the_corner": Fault(
        "Labels are moved by a pixel, as if cropped one too early.",
        "loss",
        batch=lambda batch: {**batch, "y_true": np.roll(batch["y_true"], 1, (1, 2))},
    ),
    "batches_shifted": Fault("The first batch is skipped.", "loss", skipped=1),
    "keras_sgd": Fault(
        "Keras's SGD folds the rate into its momentum.",
        "slots",
        _optimizer(optimizer=keras.optimizers.SGD),
    ),
    "rate_of_every_step": Fault(
        "The rate goes down a little at every step, no staircase.",
        "updates",
        _optimizer(staircase=False),
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "updates", fields={"learning_rate": 0.22}
    ),
}
