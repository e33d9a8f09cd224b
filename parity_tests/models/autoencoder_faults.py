"""Faults planted in the autoencoder's twin."""

import keras
import numpy as np
import tensorflow as tf

from parity_tests.models.pair import Fault
from tf2_keras import tf1_semantics


def _inference(
    w1=None, noise=None, activation="softplus", use_bias=False, noise_seed=21
):
    """(twin module) -> patch: the network made otherwise."""

    def patch(twin):
        def noisy(x, config):
            if noise is not None:
                return noise(x, config)
            row = tf1_semantics.random.Normal(seed=(config.seed, noise_seed))(x[0])
            return x + config.scale * row

        def inference(x, config):
            start = w1 or tf1_semantics.initializers.GlorotUniform(
                seed=(config.seed, 11)
            )
            x = twin.noisy(x, config)
            for name, size, kernel in (
                ("1", config.n_hidden, start),
                ("2", config.n_input, "zeros"),
            ):
                x = keras.layers.Dense(
                    size,
                    use_bias=use_bias,
                    kernel_initializer=kernel,
                    name="w" + name,
                )(x)
                if not use_bias:
                    x = tf1_semantics.layers.AddBias("zeros", name="b" + name)(x)
                if name == "1":
                    x = keras.layers.Activation(activation)(x)
            return x

        names = twin.checkpoint_names(None)
        if use_bias:
            names = {**names, "b1": "w1/bias", "b2": "w2/bias"}
        return {
            "noisy": noisy,
            "inference": inference,
            "checkpoint_names": lambda model: names,
        }

    return patch


def _noise_of_each(x, config):
    """A row of noise for each example, from the same stream."""
    noise = tf1_semantics.random.Normal(seed=(config.seed, 21))(x)
    return x + config.scale * noise


def _gaussian_noise(x, config):
    return keras.layers.GaussianNoise(config.scale, seed=21)(x)


def _loss(function):
    return lambda twin: {"loss": function}


def _optimizer(optimizer):
    return lambda twin: {
        "optimizer": lambda config: optimizer(config.learning_rate, name="adam")
    }


FAULTS = {
    "keras_glorot_uniform": Fault(
        "Keras's GlorotUniform with the same seed.",
        "initial values",
        _inference(keras.initializers.GlorotUniform(11)),
    ),
    "another_seed": Fault(
        "The graph's seed is one more.", "initial values", fields={"seed": 2}
    ),
    "mean_squared_error": Fault(
        "The mean over pixels and examples, as Keras's 'mse'.",
        "loss",
        _loss(lambda x, y: tf.reduce_mean(tf.square(y - x))),
    ),
    "mean_over_the_batch": Fault(
        "A sum over pixels, and the mean over examples.",
        "loss",
        _loss(lambda x, y: 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(y - x), 1))),
    ),
    "not_halved": Fault(
        "The squares are not halved.",
        "loss",
        _loss(lambda x, y: tf.reduce_sum(tf.square(y - x))),
    ),
    "noise_of_each_example": Fault(
        "Every example has noise of its own.", "loss", _inference(noise=_noise_of_each)
    ),
    "gaussian_noise": Fault(
        "keras.layers.GaussianNoise: of each example, from another stream.",
        "loss",
        _inference(noise=_gaussian_noise),
    ),
    "no_noise": Fault(
        "Nothing is added to the digits.", "loss", _inference(noise=lambda x, config: x)
    ),
    "another_stream": Fault(
        "The noise has another op's seed.", "loss", _inference(noise_seed=22)
    ),
    "relu": Fault("ReLU instead of softplus.", "loss", _inference(activation="relu")),
    "noisy_target": Fault(
        "The target is as noisy as the input should be.",
        "loss",
        batch=lambda batch: {
            **batch,
            "y_true": batch["y_true"]
            + np.float32(0.1) * np.sin(np.arange(36, dtype=np.float32)),
        },
    ),
    "batches_shifted": Fault("The first batch is skipped.", "loss", skipped=1),
    "biases_in_the_layers": Fault(
        "BiasAdd, which sums its gradient in another order.",
        "gradients",
        _inference(use_bias=True),
        # Sums of a few numbers come out alike in either order.
        both={"batch_size": 50},
    ),
    "keras_adam": Fault(
        "Keras's Adam as it comes.", "slots", _optimizer(keras.optimizers.Adam)
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "updates", fields={"learning_rate": 1.1e-3}
    ),
}
