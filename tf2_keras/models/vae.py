"""A variational autoencoder on digits: the Keras 3 twin.

A digit becomes two numbers and their spread, a sample of them becomes a digit again. The
loss is that of the pixels, a sum, and how far the latent numbers are from a standard
normal; the sample's noise is part of the model. RMSProp.

Shapes: B batch, P = 784 pixels, H = 512 hidden units, Z = 2 latent numbers.
"""

import dataclasses
import math

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics
from tf2_keras.models.mnist_cnn import next_batch


@dataclasses.dataclass(frozen=True)
class Config:
    image_dim: int = 784  # P
    hidden_dim: int = 512  # H
    latent_dim: int = 2  # Z
    learning_rate: float = 0.001
    batch_size: int = 64
    num_steps: int = 30000
    display_step: int = 1000  # steps between two reports of the loss
    seed: int = 1  # of the graph; each random op adds its own


def glorot_init(size, seed, config):
    """What the source took for Glorot's rule: of biases too, by their number."""
    # Keras's GlorotNormal counts outputs too, and its RandomNormal draws other numbers.
    return tf1_semantics.initializers.RandomNormal(
        stddev=1.0 / math.sqrt(size / 2.0), seed=(config.seed, seed)
    )


def full_layer(x, size, seed, config, name):
    """[B, in_size] -> [B, size]: x w + b, before any activation."""
    w = glorot_init(x.shape[1], seed, config)
    b = glorot_init(size, seed + 1, config)
    x = keras.layers.Dense(size, use_bias=False, kernel_initializer=w, name=name)(x)
    # x w + b, not BiasAdd: the biases' gradient is then summed in TF1's order.
    return tf1_semantics.layers.AddBias(b, name=name + "_add")(x)


def encoder(x, config):
    """[B, P] -> (mean, logarithm of the variance) of the latent numbers, each [B, Z]."""
    hidden = keras.ops.tanh(full_layer(x, config.hidden_dim, 11, config, "encoder_h1"))
    z_mean = full_layer(hidden, config.latent_dim, 13, config, "z_mean")
    z_std = full_layer(hidden, config.latent_dim, 15, config, "z_std")
    return z_mean, z_std


def decoder(config):
    """A model of its own, for digits are made by it alone: [B, Z] -> digits [B, P]."""
    z = keras.Input([config.latent_dim], name="z")
    hidden = keras.ops.tanh(full_layer(z, config.hidden_dim, 17, config, "decoder_h1"))
    digits = full_layer(hidden, config.image_dim, 19, config, "decoder_out")
    return keras.Model(z, keras.ops.sigmoid(digits), name="decoder")


def inference(x, config):
    """[B, P] -> {reconstruction [B, P], z_mean [B, Z], z_std [B, Z]}."""
    z_mean, z_std = encoder(x, config)
    # keras.random.normal draws other numbers, and a SeedGenerator has no place in TF1's
    # stream. It draws where it predicts, too, as the graph did.
    eps = tf1_semantics.random.Normal(seed=(config.seed, 31), name="eps")(z_std)
    z = z_mean + keras.ops.exp(z_std / 2) * eps
    return {"y_pred": decoder(config)(z), "z_mean": z_mean, "z_std": z_std}


def loss(x_true, x_reconstructed, z_mean, z_std):
    """Cross-entropy and divergence, each summed over its units, the mean over B."""
    # keras.losses.binary_crossentropy takes the mean over pixels, so that the divergence
    # would weigh P times as much; and it keeps both logarithms finite.
    encode_decode_loss = x_true * keras.ops.log(1e-10 + x_reconstructed) + (
        1 - x_true
    ) * keras.ops.log(1e-10 + 1 - x_reconstructed)
    encode_decode_loss = -keras.ops.sum(encode_decode_loss, 1)  # [B], of P pixels
    kl_div_loss = 1 + z_std - keras.ops.square(z_mean) - keras.ops.exp(z_std)
    kl_div_loss = -0.5 * keras.ops.sum(kl_div_loss, 1)  # [B], of Z numbers
    return keras.ops.mean(encode_decode_loss + kl_div_loss)


def optimizer(config):
    """RMSProp, whose mean square starts at one; Keras's starts at zero."""
    return tf1_semantics.optimizers.RMSProp(config.learning_rate, name="rmsprop")


@keras.saving.register_keras_serializable("vae")
class VariationalAutoencoder(keras.Model):
    """Its loss is of what it rebuilds and of the latent numbers."""

    def compute_loss(self, x=None, y=None, y_pred=None, *arguments, **options):
        return loss(y, y_pred["y_pred"], y_pred["z_mean"], y_pred["z_std"])

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss_value = self.compute_loss(x, y, self(x, training=True))
        # z_std has three gradients. A tape adds them up in another order than TF1.
        variables = self.trainable_variables
        gradients = tf1_semantics.gradients.gradients(loss_value, variables, tape)
        self.optimizer.apply(gradients, variables)
        return {"loss": loss_value}


def build(config=Config()):
    """The whole model, compiled."""
    x = keras.Input([config.image_dim], name="x")
    model = VariationalAutoencoder(x, inference(x, config))
    model.compile(optimizer=optimizer(config), jit_compile=False)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}."""
    names = {}
    for layer in ("encoder_h1", "z_mean", "z_std", "decoder_h1", "decoder_out"):
        names[layer + "/w"] = layer + "/kernel"
        names[layer + "/b"] = layer + "_add/bias"
    return names


def run(digits, labels, noise, config=Config()):
    """Returns ([(step, loss before it)] at each report, the digits of ``noise``).

    Args:
        digits: [n, P], float32. labels: [n], which only the order of batches is for.
        noise: [m, Z], float32, latent numbers to make digits of.
    """
    model = build(config)
    batches = next_batch(digits, labels, config.batch_size, config.seed)
    reports = []

    def report(batch, logs):
        step = batch + 1
        if step % config.display_step == 0 or step == 1:
            reports.append((step, logs["loss"]))

    model.fit(
        batches.map(lambda x, _: (x, x)),  # the input is the target
        steps_per_epoch=config.num_steps,
        shuffle=False,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=report)],
    )
    made = model.get_layer("decoder")(noise)
    return reports, np.asarray(made)
