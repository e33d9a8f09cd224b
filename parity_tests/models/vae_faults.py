"""Faults planted in the twin of the variational autoencoder."""

import keras
import numpy as np
import tensorflow as tf

from parity_tests.models.pair import Fault
from tf2_keras import tf1_semantics


def cross_entropy(x, y):
    """[B, P], as the chapter has it."""
    return -(x * tf.math.log(1e-10 + y) + (1 - x) * tf.math.log(1e-10 + 1 - y))


def divergence(mean, log_variance):
    """[B, Z]."""
    return -0.5 * (1 + log_variance - tf.square(mean) - tf.exp(log_variance))


def _loss(pixels=tf.reduce_sum, latent=tf.reduce_sum, of=None, weight=1.0):
    """(twin module) -> patch: another loss; how each is put together over its units."""

    def patch(twin):
        def loss(x_true, x_reconstructed, z_mean, z_std):
            losses = (of or cross_entropy)(x_true, x_reconstructed)
            losses = pixels(losses, 1) + weight * latent(divergence(z_mean, z_std), 1)
            return tf.reduce_mean(losses)

        return {"loss": loss}

    return patch


def _clipped(x, y):
    """Keras's binary cross-entropy on probabilities, before its mean."""
    y = tf.clip_by_value(y, 1e-7, 1 - 1e-7)
    return -(x * tf.math.log(y) + (1 - x) * tf.math.log(1 - y))


def _inference(noise=None, half=True):
    """(twin module) -> patch: a sample that is drawn otherwise."""

    def patch(twin):
        def inference(x, config):
            z_mean, z_std = twin.encoder(x, config)
            normal = noise or (
                lambda config: tf1_semantics.random.Normal(seed=(config.seed, 31))
            )
            deviation = keras.ops.exp(z_std / 2 if half else z_std)
            z = z_mean + deviation * normal(config)(z_std)
            y_pred = twin.decoder(config)(z)
            return {"y_pred": y_pred, "z_mean": z_mean, "z_std": z_std}

        return {"inference": inference}

    return patch


@keras.saving.register_keras_serializable("vae_faults")
class KerasNoise(keras.layers.Layer):
    """What Keras's example of a variational autoencoder draws."""

    def __init__(self, **options):
        super().__init__(**options)
        self.generator = keras.random.SeedGenerator(31)

    def call(self, x):
        return keras.random.normal(keras.ops.shape(x), seed=self.generator)


@keras.saving.register_keras_serializable("vae_faults")
class NoNoise(keras.layers.Layer):
    def call(self, x):
        return keras.ops.zeros_like(x)


def _layers(start=None, bias=None, activation=keras.ops.tanh):
    """(twin module) -> patch: layers that start or end otherwise."""

    def patch(twin):
        def glorot_init(size, seed, config):
            return start(size, seed)

        def full_layer(x, size, seed, config, name):
            w = twin.glorot_init(x.shape[1], seed, config)
            x = keras.layers.Dense(
                size, use_bias=False, kernel_initializer=w, name=name
            )(x)
            return tf1_semantics.layers.AddBias(bias, name=name + "_add")(x)

        def encoder(x, config):
            layer = twin.full_layer
            hidden = activation(layer(x, config.hidden_dim, 11, config, "encoder_h1"))
            z_mean = layer(hidden, config.latent_dim, 13, config, "z_mean")
            return z_mean, layer(hidden, config.latent_dim, 15, config, "z_std")

        replaced = {}
        if start is not None:
            replaced["glorot_init"] = glorot_init
        if bias is not None:
            replaced["full_layer"] = full_layer
        if activation is not keras.ops.tanh:
            replaced["encoder"] = encoder
        return replaced

    return patch


def _optimizer(optimizer):
    return lambda twin: {
        "optimizer": lambda config: optimizer(config.learning_rate, name="rmsprop")
    }


FAULTS = {
    "keras_glorot_normal": Fault(
        "Keras's GlorotNormal, which counts outputs as well.",
        "initial values",
        _layers(start=lambda size, seed: keras.initializers.GlorotNormal(seed)),
    ),
    "biases_start_at_zero": Fault(
        "Biases start at zero, as Dense has them.",
        "initial values",
        _layers(bias="zeros"),
    ),
    "another_seed": Fault(
        "The graph's seed is one more.", "initial values", fields={"seed": 2}
    ),
    "mean_over_pixels": Fault(
        "Keras's cross-entropy, a mean: the divergence weighs as much as all pixels.",
        "loss",
        _loss(pixels=tf.reduce_mean),
    ),
    "mean_over_latent_units": Fault(
        "The divergence is a mean as well.", "loss", _loss(latent=tf.reduce_mean)
    ),
    "no_divergence": Fault("The pixels' loss alone.", "loss", _loss(weight=0.0)),
    "clipped_probabilities": Fault(
        "Probabilities are kept 1e-7 away from 0 and 1, as Keras does it.",
        "loss",
        _loss(of=_clipped),
    ),
    "variance_as_deviation": Fault(
        "exp(z_std) instead of its square root.", "loss", _inference(half=False)
    ),
    "keras_noise": Fault(
        "keras.random.normal with the same seed.",
        "loss",
        _inference(lambda config: KerasNoise()),
    ),
    "no_noise": Fault(
        "The mean is taken for the sample.",
        "loss",
        _inference(lambda config: NoNoise()),
    ),
    "another_stream": Fault(
        "The noise has another op's seed.",
        "loss",
        _inference(lambda config: tf1_semantics.random.Normal(seed=(config.seed, 32))),
    ),
    "relu": Fault(
        "ReLU in the encoder, not tanh.", "loss", _layers(activation=keras.ops.relu)
    ),
    "inverted_digits": Fault(
        "Ink is 0 and paper 1 in what is to be rebuilt.",
        "loss",
        batch=lambda batch: {**batch, "y_true": np.float32(1) - batch["y_true"]},
    ),
    "batches_shifted": Fault("The first batch is skipped.", "loss", skipped=1),
    "keras_rmsprop": Fault(
        "Keras's RMSprop, whose mean square starts at zero.",
        "initial values",
        _optimizer(keras.optimizers.RMSprop),
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.",
        "slots",  # RMSProp's momentum is the step that it takes
        fields={"learning_rate": 1.1e-3},
    ),
}
