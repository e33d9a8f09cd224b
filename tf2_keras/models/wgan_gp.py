"""A WGAN with gradient penalty, Gulrajani et al. 2017, arXiv:1704.00028: the Keras 3 twin.

A critic gives digits a number, as large as it can for real ones and as small as it can for
made ones; that its slope stays near one is part of its loss: a gradient whose gradient
trains. Five steps of the critic, then one of the generator; an Adam each.

Shapes: B batch, P = 784 pixels, H = 128 hidden units, Z = 10 numbers of noise.
"""

import dataclasses
import math

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics
from tf2_keras.models.dcgan import Adversaries


@dataclasses.dataclass(frozen=True)
class Config:
    x_dim: int = 784  # P
    h_dim: int = 128  # H
    z_dim: int = 10  # Z
    lam: float = 10.0  # of the penalty
    critic_steps: int = 5  # to one of the generator
    learning_rate: float = 1e-4
    beta1: float = 0.5  # of both Adams
    batch_size: int = 32
    iterations: int = 1000000
    seed: int = 1  # of the graph; each random op adds its own


def next_batch(digits, config):
    """An endless tf.data.Dataset of {x [n B, P], z [(n + 1) B, Z]}, one an iteration."""
    size, n = config.batch_size, config.critic_steps

    def batches():
        random = np.random.RandomState(config.seed)
        while True:
            x = digits[random.randint(len(digits), size=n * size)]
            z = random.uniform(-1.0, 1.0, [(n + 1) * size, config.z_dim])
            yield {"x": x, "z": z.astype(np.float32)}

    # The size is left open, as TF1's placeholders left it: known, a graph would make
    # products with its rounded inverse of the divisions by it.
    signature = {
        "x": tf.TensorSpec([None, config.x_dim], tf.float32),
        "z": tf.TensorSpec([None, config.z_dim], tf.float32),
    }
    return tf.data.Dataset.from_generator(batches, output_signature=signature)


def xavier_init(in_size, seed, config):
    """Normal, by the number of inputs; Keras's GlorotNormal counts outputs too."""
    stddev = 1.0 / math.sqrt(in_size / 2.0)
    return tf1_semantics.initializers.RandomNormal(
        stddev=stddev, seed=(config.seed, seed)
    )


def layer(x, size, seed, config, name):
    """[B, in_size] -> [B, size]: x w + b."""
    w = xavier_init(x.shape[1], seed, config)
    x = keras.layers.Dense(size, use_bias=False, kernel_initializer=w, name=name)(x)
    # x w + b, not BiasAdd: the biases' gradient is then summed in TF1's order.
    return tf1_semantics.layers.AddBias(name=name + "_add")(x)


def generator(config):
    """A model of its own: [B, Z] -> digits [B, P], from 0 to 1."""
    z = keras.Input([config.z_dim])
    hidden = keras.layers.ReLU()(layer(z, config.h_dim, 11, config, "G_1"))
    made = keras.ops.sigmoid(layer(hidden, config.x_dim, 12, config, "G_2"))
    return keras.Model(z, made, name="generator")


def critic(config):
    """A model of its own: [B, P] -> [B, 1]; the more real, the larger."""
    x = keras.Input([config.x_dim])
    hidden = keras.layers.ReLU()(layer(x, config.h_dim, 21, config, "D_1"))
    return keras.Model(x, layer(hidden, 1, 22, config, "D_2"), name="critic")


@keras.saving.register_keras_serializable("wgan_gp")
class Between(tf1_semantics.random.Uniform):
    """[B, P] twice -> [B, P]: a point on the way from each real digit to a made one."""

    def call(self, x, made):
        # One number a digit, not one a pixel. keras.random.uniform draws other ones.
        eps = super().call(x[:, :1])
        return eps * x + (1.0 - eps) * made


def inference(x, z, config):
    """{critic of made digits, of real ones, of those in between}, each [B, 1]."""
    judge, made = critic(config), generator(config)(z)
    x_inter = Between(0.0, 1.0, seed=(config.seed, 31), name="between")(x, made)
    return {"on_made": judge(made), "on_real": judge(x), "on_between": judge(x_inter)}


def gradient(critic, x_inter):
    """The critic's gradient [B, P] at its input, inside of another tape."""
    with tf.GradientTape() as tape:
        tape.watch(x_inter)
        on_between = critic(x_inter)
    return tape.gradient(on_between, x_inter)


def penalty(grad, config):
    """How far from one the slopes are that gradients [B, P] have, a scalar."""
    slopes = keras.ops.sqrt(keras.ops.sum(keras.ops.square(grad), axis=1))
    return config.lam * keras.ops.mean(keras.ops.square(slopes - 1.0))


def loss(on_made, on_real, grad_pen):
    """The critic's, a scalar: no logarithm and no probability."""
    return keras.ops.mean(on_made) - keras.ops.mean(on_real) + grad_pen


def optimizer(config, name):
    """Adam; each network has one of its own, for both count their steps."""
    return tf1_semantics.optimizers.Adam(config.learning_rate, config.beta1, name=name)


@keras.saving.register_keras_serializable("wgan_gp")
class WGAN(Adversaries):
    """Several steps of the critic, one of the generator."""

    networks = ("critic", "generator")

    def compile(self, config, d_optimizer, g_optimizer):
        super().compile(d_optimizer, g_optimizer)
        self.config, self.between = Config(**config), self.get_layer("between")

    def d_step(self, x, z):
        with tf.GradientTape() as tape:
            made = self.generator(z)
            on_both = self.critic(tf.concat([made, x], 0))
            on_made, on_real = tf.split(on_both, 2)
            # Inside of this tape, or the penalty would have no gradient.
            grad = gradient(self.critic, self.between(x, made))
            d_loss = loss(on_made, on_real, penalty(grad, self.config))
        theta_d = self.critic.trainable_variables
        self.d_optimizer.apply(tape.gradient(d_loss, theta_d), theta_d)
        return d_loss

    def g_step(self, z):
        with tf.GradientTape() as tape:
            g_loss = -keras.ops.mean(self.critic(self.generator(z)))
        theta_g = self.generator.trainable_variables
        self.g_optimizer.apply(tape.gradient(g_loss, theta_g), theta_g)
        return g_loss

    def train_step(self, data):
        n = self.config.critic_steps
        *zs, last = tf.split(data["z"], n + 1)
        for x, z in zip(tf.split(data["x"], n), zs, strict=True):
            d_loss = self.d_step(x, z)
        return {"d_loss": d_loss, "g_loss": self.g_step(last)}

    def get_compile_config(self):
        config = {"config": dataclasses.asdict(self.config)}
        return {**config, **super().get_compile_config()}


def build(config=Config()):
    """The whole model, compiled."""
    x = keras.Input([config.x_dim], name="x")
    z = keras.Input([config.z_dim], name="z")
    model = WGAN({"x": x, "z": z}, inference(x, z, config))
    optimizers = optimizer(config, "d_adam"), optimizer(config, "g_adam")
    model.compile(dataclasses.asdict(config), *optimizers)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}."""
    names = {}
    for layer in ("D_1", "D_2", "G_1", "G_2"):
        names[layer + "/W"] = layer + "/kernel"
        names[layer + "/b"] = layer + "_add/bias"
    return names


def run(digits, noise, config=Config()):
    """Returns ([(d_loss, g_loss) of each iteration], the digits of ``noise``).

    Args:
        digits: [n, P], float32, from 0 to 1.
        noise: [m, Z], float32.
    """
    model = build(config)
    history = tf1_semantics.callbacks.StepHistory()
    model.fit(
        next_batch(digits, config),
        steps_per_epoch=config.iterations,
        shuffle=False,
        verbose=0,
        callbacks=[history],
    )
    losses = zip(*map(history.history.get, ("d_loss", "g_loss")), strict=True)
    return list(losses), model.generator(noise).numpy()
