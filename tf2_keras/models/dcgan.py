"""A DCGAN, Radford et al. 2016, arXiv:1511.06434: the Keras 3 twin.

A generator makes images of noise by transposed convolutions, a discriminator tells them
from real ones; both are normalised by batches, each is trained by an Adam of its own.
Within an iteration the discriminator takes one step and the generator two.

Shapes: B batch, Z = 100 numbers of noise, N image size, C channels, L = 4 levels.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics
from tf2_keras.models.resnet import op_seed


@dataclasses.dataclass(frozen=True)
class Config:
    output_size: int = 64  # N, halved at each level
    c_dim: int = 3  # C
    z_dim: int = 100  # Z
    levels: int = 4  # L
    gf_dim: int = 64  # features of the generator's last level but one
    df_dim: int = 64  # features of the discriminator's first level
    decay: float = 0.9  # of the moving statistics
    epsilon: float = 1.001e-5  # the source's 1e-5, which 1.15 raised to cuDNN's least
    learning_rate: float = 0.0002
    beta1: float = 0.5  # of both Adams
    batch_size: int = 64
    epoch: int = 25
    seed: int = 1  # of the graph; each random op adds its own


def next_batch(images, batch_size, z_dim, seed):
    """An endless tf.data.Dataset of {images, z}: none is short."""

    def batches():
        random = np.random.RandomState(seed)
        while True:
            for start in range(0, len(images) - batch_size + 1, batch_size):
                z = random.uniform(-1, 1, [batch_size, z_dim]).astype(np.float32)
                yield {"images": images[start : start + batch_size], "z": z}

    # The size is left open, as TF1's placeholders left it: known, a graph would make
    # products with its rounded inverse of the divisions by it.
    signature = {
        "images": tf.TensorSpec([None, *images.shape[1:]], tf.float32),
        "z": tf.TensorSpec([None, z_dim], tf.float32),
    }
    return tf.data.Dataset.from_generator(batches, output_signature=signature)


def start(name, config, initializer=tf1_semantics.initializers.RandomNormal):
    """Keras's initializers draw other numbers from the same seed."""
    scope = "discriminator" if name.startswith("d_") else "generator"
    return initializer(stddev=0.02, seed=(config.seed, op_seed(f"{scope}/{name}")))


def linear(x, size, name, config):
    """[B, in_size] -> [B, size]."""
    w = start(f"{name}/Matrix", config)
    return keras.layers.Dense(size, use_bias=False, kernel_initializer=w, name=name)(x)


HALVED = {"kernel_size": 5, "strides": 2, "padding": "same", "use_bias": False}


def conv2d(x, channels, name, config):
    """[B, h, w, c] -> [B, h / 2, w / 2, channels], 5 x 5."""
    w = start(f"{name}/w", config, tf1_semantics.initializers.TruncatedNormal)
    layer = keras.layers.Conv2D
    return layer(channels, kernel_initializer=w, name=name, **HALVED)(x)


def deconv2d(x, channels, name, config):
    """[B, h, w, c] -> [B, 2 h, 2 w, channels], 5 x 5."""
    w = start(f"{name}/w", config)
    layer = keras.layers.Conv2DTranspose
    return layer(channels, kernel_initializer=w, name=name, **HALVED)(x)


def add_bias(x, name):
    """Of layers without batch norm: in front of one the source's biases changed nothing."""
    # Conv2D's own bias has a gradient that oneDNN sums in another order.
    return tf1_semantics.layers.AddBias(name=f"{name}_biases")(x)


@keras.saving.register_keras_serializable("dcgan")
class BatchNorm(tf1_semantics.layers.BatchNormalization):
    """What comes out waits until the statistics have moved, as in TF1's graph.

    Else a ReLU behind it would be fused with it into one kernel, which rounds otherwise.
    """

    def call(self, x, training=False):
        y = super().call(x, training=training)
        if not training:
            return y
        moved = [self.moving_mean.value.read_value()]
        moved += [self.moving_variance.value.read_value()]
        with tf.control_dependencies(moved):
            return tf.identity(y)


def batch_norm(x, config, name):
    """contrib's batch norm with updates_collections=None: each pass moves the statistics."""
    # Keras's layer remembers the variance that normalised, by N / (N - 1) less.
    return BatchNorm(
        momentum=config.decay, epsilon=config.epsilon, rate="contrib", name=name
    )(x)


def generator(config):
    """A model of its own: [B, Z] -> images [B, N, N, C] from -1 to 1."""
    z = keras.Input([config.z_dim], name="z")
    size = config.output_size // 2**config.levels
    features = config.gf_dim * 2 ** (config.levels - 1)
    h = linear(z, features * size**2, "g_h0_lin", config)
    h = keras.layers.Reshape([size, size, features])(h)
    for level in range(1, config.levels):
        h = keras.layers.ReLU()(batch_norm(h, config, f"g_bn{level - 1}"))
        h = deconv2d(h, features // 2**level, f"g_h{level}", config)
    h = keras.layers.ReLU()(batch_norm(h, config, f"g_bn{config.levels - 1}"))
    name = f"g_h{config.levels}"
    images = keras.ops.tanh(add_bias(deconv2d(h, config.c_dim, name, config), name))
    return keras.Model(z, images, name="generator")


def discriminator(config):
    """A model of its own: [B, N, N, C] -> logits [B, 1], large of a real image."""
    image = keras.Input([config.output_size, config.output_size, config.c_dim])
    name = "d_h0_conv"
    h = add_bias(conv2d(image, config.df_dim, name, config), name)
    h = keras.layers.LeakyReLU(0.2)(h)
    for level in range(1, config.levels):
        h = conv2d(h, config.df_dim * 2**level, f"d_h{level}_conv", config)
        h = keras.layers.LeakyReLU(0.2)(batch_norm(h, config, f"d_bn{level}"))
    h = keras.layers.Flatten()(h)
    name = f"d_h{config.levels}_lin"
    logits = add_bias(linear(h, 1, name, config), name)
    return keras.Model(image, logits, name="discriminator")


def inference(images, z, config):
    """{logits of real images, of made ones}, each [B, 1]."""
    judge = discriminator(config)
    return {"on_real": judge(images), "on_made": judge(generator(config)(z))}


def loss(logits, real):
    """Mean sigmoid cross-entropy of logits [B, 1], all real or all made, a scalar."""
    # keras.losses.binary_crossentropy is more than one op: four gradients of the logits,
    # which each graph adds up in an order of its own. Here there is one.
    return keras.ops.mean(keras.ops.softplus(-logits if real else logits))


def optimizer(config, name):
    """Adam; each network has one of its own, for both count their steps."""
    return tf1_semantics.optimizers.Adam(config.learning_rate, config.beta1, name=name)


def minimize(optimizer, loss, tape, var_list):
    """Trains one network, and returns the loss."""
    # What has several gradients, as by real and by made images: a tape adds them up in
    # another order.
    gradients = tf1_semantics.gradients.gradients(loss, var_list, tape)
    optimizer.apply(gradients, var_list)
    return loss


class Adversaries(keras.Model):
    """Two networks and their optimizers, which are saved with the model."""

    networks = ("discriminator", "generator")

    def compile(self, d_optimizer, g_optimizer):
        super().compile(jit_compile=False)
        self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer
        for name, optimizer in zip(
            self.networks, (d_optimizer, g_optimizer), strict=True
        ):
            setattr(self, name, self.get_layer(name))
            optimizer.build(self.get_layer(name).trainable_variables)

    def get_compile_config(self):
        optimizers = {"d_optimizer": self.d_optimizer, "g_optimizer": self.g_optimizer}
        return keras.saving.serialize_keras_object(optimizers)

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))


@keras.saving.register_keras_serializable("dcgan")
class DCGAN(Adversaries):
    """One step of the discriminator, two of the generator."""

    def d_step(self, images, z):
        with tf.GradientTape() as tape:
            # Both passes move the statistics, the made images second.
            on_real = self.discriminator(images, training=True)
            made = self.generator(z, training=True)
            on_made = self.discriminator(made, training=True)
            d_loss = loss(on_real, real=True) + loss(on_made, real=False)
        d_vars = self.discriminator.trainable_variables
        return minimize(self.d_optimizer, d_loss, tape, d_vars)

    def g_step(self, z):
        with tf.GradientTape() as tape:
            # No discriminator.trainable = False here: it would turn its batch norms to
            # inference. The gradients are of the generator's variables only.
            made = self.generator(z, training=True)
            g_loss = loss(self.discriminator(made, training=True), real=True)
        g_vars = self.generator.trainable_variables
        return minimize(self.g_optimizer, g_loss, tape, g_vars)

    def train_step(self, data):
        d_loss = self.d_step(data["images"], data["z"])
        # Twice, to make sure that d_loss does not go to zero.
        self.g_step(data["z"])
        return {"d_loss": d_loss, "g_loss": self.g_step(data["z"])}


def build(config=Config()):
    """The whole model, compiled."""
    image_dims = [config.output_size, config.output_size, config.c_dim]
    images = keras.Input(image_dims, name="images")
    z = keras.Input([config.z_dim], name="z")
    model = DCGAN({"images": images, "z": z}, inference(images, z, config))
    model.compile(optimizer(config, "d_adam"), optimizer(config, "g_adam"))
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}."""
    names = {}
    for variable in model.variables:
        layer, name = variable.path.split("/")[-2:]  # such as g_bn0, gamma
        network = "discriminator" if layer.startswith("d_") else "generator"
        if name == "kernel":
            name = "Matrix" if layer.endswith("lin") else "w"
        if name == "bias":  # a layer of its own, such as d_h0_conv_biases
            layer, _, name = layer.rpartition("_")
        names[f"{network}/{layer}/{name}"] = variable.path
    return names


def run(images, sample_z, config=Config()):
    """Returns ([(d_loss, g_loss) of each iteration], the images of ``sample_z``).

    Args:
        images: [n, N, N, C], float32, from -1 to 1.
        sample_z: [m, Z], float32.
    """
    model = build(config)
    history = tf1_semantics.callbacks.StepHistory()
    model.fit(
        next_batch(images, config.batch_size, config.z_dim, config.seed),
        steps_per_epoch=config.epoch * (len(images) // config.batch_size),
        shuffle=False,
        verbose=0,
        callbacks=[history],
    )
    losses = zip(*map(history.history.get, ("d_loss", "g_loss")), strict=True)
    return list(losses), model.generator(sample_z, training=False).numpy()
