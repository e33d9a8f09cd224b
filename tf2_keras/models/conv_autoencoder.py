"""A convolutional autoencoder of tf.layers: the Keras 3 twin.

What the decoders of many generative models are made of: pictures that are doubled by
nearest neighbours and convolved, against checkerboards, and a transposed convolution at the
end; before it an encoder that averages pixels.

Shapes: B batch, H = W = 16 pixels once resized, one channel, C numbers of a code.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics


@dataclasses.dataclass(frozen=True)
class Config:
    image_size: int = 16  # H, pixels a side after resizing; a multiple of 4
    channels: tuple = (8, 16)  # of both convolutions, from the outside in
    code: int = 32  # C
    learning_rate: float = 0.005
    momentum: float = 0.9
    batch_size: int = 16
    steps: int = 6
    seed: int = 1  # of the graph; each random op adds its own


def preprocess(images, config):
    """uint8 [B, h, w] -> float32 [B, H, W, 1] between 0 and 1."""
    # tf.image.resize and keras.layers.Resizing take the pixel at a centre, TF1 that at the
    # upper left corner: of 28 pixels a side they choose others.
    resized = tf1_semantics.layers.ResizeNearestNeighbor(
        (config.image_size, config.image_size)
    )(tf.expand_dims(images, -1))
    # What Grappler made of TF1's division by a number: pixels / 255 has other last bits.
    return tf.cast(resized, tf.float32) * np.float32(1 / 255)


def kernel(seed, config):
    # Keras's layers start with it too, but draw other numbers from the same seed.
    return tf1_semantics.initializers.GlorotUniform(seed=(config.seed, seed))


def conv2d(x, channels, seed, config, name):
    """[B, h, w, c] -> [B, h, w, channels], a convolution of 3 x 3 and a ReLU."""
    return keras.layers.Conv2D(
        channels,
        3,
        padding="same",
        activation="relu",
        kernel_initializer=kernel(seed, config),
        name=name,
    )(x)


def encoder(x, config):
    """[B, H, W, 1] -> [B, C]."""
    outer, inner = config.channels
    x = conv2d(x, outer, 11, config, "encoder1")
    x = keras.layers.AveragePooling2D(2, 2)(x)  # [B, H / 2, W / 2, outer]
    x = conv2d(x, inner, 12, config, "encoder2")
    x = keras.layers.AveragePooling2D(2, 2)(x)  # [B, H / 4, W / 4, inner]
    x = keras.layers.Flatten()(x)
    return keras.layers.Dense(
        config.code, kernel_initializer=kernel(13, config), name="code"
    )(x)


def decoder(code, config):
    """[B, C] -> [B, H, W, 1], float32 between 0 and 1."""
    outer, inner = config.channels
    size = config.image_size // 4
    x = keras.layers.Dense(
        size * size * inner,
        activation="relu",
        kernel_initializer=kernel(14, config),
        name="decoder1",
    )(code)
    x = keras.layers.Reshape([size, size, inner])(x)
    # To a whole multiple: UpSampling2D(2) says the same; bilinear it would not be.
    x = tf1_semantics.layers.ResizeNearestNeighbor((2 * size, 2 * size))(x)
    x = conv2d(x, outer, 15, config, "decoder2")  # [B, H / 2, W / 2, outer]
    return keras.layers.Conv2DTranspose(
        1,
        4,
        strides=2,
        padding="same",
        activation="sigmoid",
        kernel_initializer=kernel(16, config),
        name="decoder3",
    )(x)


def inference(x, config):
    """[B, H, W, 1] -> the same, out of its code."""
    return decoder(encoder(x, config), config)


@keras.saving.register_keras_serializable("conv_autoencoder")
def loss(y_true, y_pred):
    """The squared difference of a picture, summed over its pixels: a mean of B, a scalar."""
    # keras.losses.MeanSquaredError would mean the pixels as well: gradients H * W smaller.
    difference = tf.math.squared_difference(y_true, y_pred)
    return keras.ops.mean(keras.ops.sum(difference, [1, 2, 3]))


def optimizer(config):
    """Momentum, as TF1 rounded it."""
    return tf1_semantics.optimizers.Momentum(config.learning_rate, config.momentum)


def build(config=Config()):
    """The whole model, compiled."""
    x = keras.Input([config.image_size, config.image_size, 1], name="x")
    model = keras.Model(x, inference(x, config))
    model.compile(optimizer(config), loss, jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model


def checkpoint_names(model):
    """{TF1 variable name: variable}; layers have the names that they had."""
    slots, _ = model.optimizer.tf1_slots()
    names = {variable.path: variable for variable in model.trainable_variables}
    pairs = zip([*names], slots["Momentum"], strict=True)
    return {**names, **{f"{name}/Momentum": slot for name, slot in pairs}}


def run(train_images, test_images, config=Config()):
    """A record of the start, of each step, and of the test pictures after the last.

    Args:
        train_images, test_images: [n, 28, 28], uint8.
    """
    model = build(config)
    names = checkpoint_names(model)

    def variables():
        return {name: np.asarray(variable) for name, variable in names.items()}

    history = [{"initial values": variables()}]
    for step in range(config.steps):
        start = step * config.batch_size % len(train_images)
        x = preprocess(train_images[start : start + config.batch_size], config)
        model.reset_metrics()  # else it tells the mean over the steps so far
        loss_value = np.float32(model.train_on_batch(x, x))
        history.append({"batches": {"x": x.numpy()}})
        history.append({"loss": {"loss": loss_value}})
        history.append({"updates": variables()})
    x = preprocess(test_images, config)
    y_pred = model.predict_on_batch(x)
    loss_value = loss(x, y_pred).numpy()
    history.append({"outputs": {"y_pred": y_pred}})
    history.append({"evaluation": {"loss": loss_value}})
    return history
