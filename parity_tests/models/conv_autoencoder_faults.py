"""Faults planted in the Keras twin of the autoencoder of tf.layers."""

import types

import keras
import numpy as np
import tensorflow as tf

from parity_tests.models.pair import Fault, other_parts
from tf2_keras import tf1_semantics


def _layers(**layers):
    """(twin module) -> patch: layers of Keras that are other ones."""
    changed = types.SimpleNamespace(**{**vars(keras.layers), **layers})
    patched = types.SimpleNamespace(**{**vars(keras), "layers": changed})
    return lambda _twin: {"keras": patched}


def _resized(method):
    """(twin module) -> patch: pictures resized by what TF2 has for it."""

    def preprocess(images, config):
        size = [config.image_size, config.image_size]
        resized = tf.image.resize(images[..., np.newaxis], size, method)
        return tf.cast(resized, tf.float32) * np.float32(1 / 255)

    return lambda _twin: {"preprocess": preprocess}


def _pixels_divided(twin):
    preprocess = twin.preprocess

    def faulty(images, config):
        pixels = tf.round(preprocess(images, config) * np.float32(255))
        return pixels / 255.0

    return {"preprocess": faulty}


def _doubled_bilinearly(size):
    """What stands for ResizeNearestNeighbor where a decoder doubles its picture."""
    if size == (8, 8):
        return keras.layers.UpSampling2D(2, interpolation="bilinear")
    return tf1_semantics.layers.ResizeNearestNeighbor(size)


def _cropped_at_the_end(filters, kernel_size, padding, activation, **options):
    """A transposed convolution whose rest is cut off below and to the right only."""
    del padding
    whole = keras.layers.Conv2DTranspose(filters, kernel_size, **options)
    cut = keras.layers.Cropping2D(((0, 2), (0, 2)))
    return lambda x: keras.layers.Activation(activation)(cut(whole(x)))


def _mean_over_pixels(_twin):
    return {"loss": keras.losses.MeanSquaredError()}


FAULTS = {
    "keras_kernels": Fault(
        "Keras's GlorotUniform draws other kernels from the same seed.",
        "initial values",
        lambda twin: {
            "kernel": lambda seed, config: keras.initializers.GlorotUniform(seed)
        },
    ),
    "resized_at_centres": Fault(
        "Of nearest neighbours that at the centre is taken, as TF2 does.",
        "batches",
        _resized("nearest"),
    ),
    "resized_bilinearly": Fault(
        "tf.image.resize is bilinear unless it is told otherwise.",
        "batches",
        _resized("bilinear"),
    ),
    "pixels_divided": Fault(
        "Pixels are divided by 255, eagerly.", "batches", _pixels_divided
    ),
    "mean_over_pixels": Fault(
        "Keras's MeanSquaredError means the pixels too.", "loss", _mean_over_pixels
    ),
    "max_pooled": Fault(
        "The encoder takes the largest pixel.",
        "loss",
        _layers(AveragePooling2D=keras.layers.MaxPooling2D),
    ),
    "doubled_bilinearly": Fault(
        "The decoder doubles its pictures smoothly.",
        "loss",
        other_parts("layers", ResizeNearestNeighbor=_doubled_bilinearly),
    ),
    "cropped_at_the_end": Fault(
        "What is too much after the transposed convolution is cut off at one end.",
        "loss",
        _layers(Conv2DTranspose=_cropped_at_the_end),
    ),
    "wrong_rate": Fault(
        "The rate is a hundredth too high.",
        "updates",
        fields={"learning_rate": 0.00505},
    ),
}
