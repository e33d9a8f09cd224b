"""A U-Net that finds circles in a noisy image: the Keras 3 twin.

Ronneberger et al. 2015, arXiv:1505.04597: convolutions without padding and pooling on
the way down, transposed convolutions on the way up, where each level is joined by what
the way down had at its size, cropped. Every pixel is a class; rare ones weigh more.

Shapes: B batch, N image size, M = N - 40 output size at three layers, K classes.
"""

import dataclasses
import math

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics
from tf2_keras.models.resnet import op_seed


@dataclasses.dataclass(frozen=True)
class Config:
    nx: int = 572  # N; what is left after each (N - 4) must be even
    channels: int = 1
    n_class: int = 2  # K; paper, circle
    layers: int = 3
    features_root: int = 16  # features of the first layer, twice as many in each below
    filter_size: int = 3
    pool_size: int = 2
    class_weights: tuple = (0.4, 1.6)
    keep_prob: float = 0.75  # of every dropout while training; 1.0 while predicting
    learning_rate: float = 0.2
    decay_rate: float = 0.95  # of the rate, from epoch to epoch
    momentum: float = 0.2
    training_iters: int = 10  # steps an epoch
    epochs: int = 100
    batch_size: int = 1
    seed: int = 1  # of the graph; each random op adds its own


def weight_variable(stddev, name, config):
    # Keras's TruncatedNormal draws other numbers from the same seed.
    return tf1_semantics.initializers.TruncatedNormal(
        stddev=stddev, seed=(config.seed, op_seed(name))
    )


def bias_variable():
    return keras.initializers.Constant(0.1)


def conv2d(x, features, size, stddev, scope, number, config):
    """[B, h, w, c] -> [B, h - size + 1, ..., features], no padding."""
    x = keras.layers.Conv2D(
        features,
        size,
        padding="valid",
        use_bias=False,
        kernel_initializer=weight_variable(stddev, f"{scope}/w{number}", config),
        name=f"{scope}_w{number}",
    )(x)
    # Conv2D's own bias has a gradient that oneDNN sums in another order.
    return tf1_semantics.layers.BiasAdd(bias_variable(), name=f"{scope}_b{number}")(x)


def dropout_relu(x, scope, number, config):
    """Dropout before the ReLU, as the source had it."""
    # The source fed keep_prob: predicting at 1.0 moves the random streams on as well.
    x = tf1_semantics.layers.Dropout(
        config.keep_prob,
        seed=(config.seed, op_seed(f"{scope}/dropout{number}")),
        fed=True,
        name=f"{scope}_dropout{number}",
    )(x)
    return keras.layers.ReLU()(x)


def deconv2d(x, features, stride, stddev, scope, config):
    """[B, h, w, c] -> [B, stride h, stride w, features]."""
    x = keras.layers.Conv2DTranspose(
        features,
        stride,
        strides=stride,
        padding="valid",
        use_bias=False,
        kernel_initializer=weight_variable(stddev, f"{scope}/wd", config),
        name=f"{scope}_wd",
    )(x)
    # deconv + bd, not BiasAdd, as the source had it here.
    x = tf1_semantics.layers.AddBias(bias_variable(), name=f"{scope}_bd")(x)
    return keras.layers.ReLU()(x)


def crop_and_concat(x1, x2):
    """The middle of x1 beside x2, along the features."""
    x1_crop = keras.layers.Cropping2D((x1.shape[1] - x2.shape[1]) // 2)(x1)
    return keras.layers.Concatenate()([x1_crop, x2])


def inference(x, config):
    """[B, N, N, channels] -> logits [B, M, M, K], float32, none of them below zero."""
    size, down = config.filter_size, []
    for layer in range(config.layers):
        features = 2**layer * config.features_root
        stddev = math.sqrt(2 / (size**2 * features))
        scope = f"down_conv_{layer}"
        for number in "12":
            x = conv2d(x, features, size, stddev, scope, number, config)
            x = dropout_relu(x, scope, number, config)
        down.append(x)
        if layer < config.layers - 1:
            x = keras.layers.MaxPooling2D(config.pool_size, padding="valid")(x)
    for layer in reversed(range(config.layers - 1)):
        features = 2**layer * config.features_root
        stddev = math.sqrt(2 / (size**2 * 2 * features))
        scope = f"up_conv_{layer}"
        x = deconv2d(x, features, config.pool_size, stddev, scope, config)
        x = crop_and_concat(down[layer], x)
        for number in "12":
            x = conv2d(x, features, size, stddev, scope, number, config)
            x = dropout_relu(x, scope, number, config)
    # The source rectified its logits as well.
    logits = conv2d(x, config.n_class, 1, stddev, "output_map", "", config)
    return keras.layers.ReLU()(logits)


def loss(y_true, logits, class_weights):
    """Cross-entropy of one-hot pixels, each times its class's weight; a mean over all."""
    flat_labels = keras.ops.reshape(y_true, [-1, len(class_weights)])  # [B * M * M, K]
    flat_logits = keras.ops.reshape(logits, [-1, len(class_weights)])
    weight_map = keras.ops.sum(flat_labels * tf.constant(class_weights), axis=1)
    loss_map = keras.losses.categorical_crossentropy(
        flat_labels, flat_logits, from_logits=True
    )
    # Divided by the number of pixels; reduction="mean_with_sample_weight" would divide
    # by the sum of their weights.
    return keras.ops.mean(loss_map * weight_map)


@keras.saving.register_keras_serializable("unet")
class WeightedPixels(keras.losses.Loss):
    """``loss`` as compile takes it: fit's class_weight knows no images."""

    def __init__(self, class_weights, name="weighted_pixels", **kwargs):
        super().__init__(name=name, **kwargs)
        self.class_weights = tuple(class_weights)

    def call(self, y_true, y_pred):
        return loss(y_true, y_pred, self.class_weights)

    def get_config(self):
        return {**super().get_config(), "class_weights": self.class_weights}


def optimizer(config):
    """Momentum; the rate goes down from epoch to epoch, as the iterations count."""
    learning_rate = keras.optimizers.schedules.ExponentialDecay(
        config.learning_rate, config.training_iters, config.decay_rate, staircase=True
    )
    # Keras's SGD folds a changing rate into its momentum.
    return tf1_semantics.optimizers.Momentum(
        learning_rate, config.momentum, name="momentum"
    )


def build(config=Config()):
    """The whole model, compiled."""
    x = keras.Input([config.nx, config.nx, config.channels], name="x")
    model = keras.Model(x, inference(x, config))
    model.compile(
        optimizer=optimizer(config),
        loss=WeightedPixels(config.class_weights),
        jit_compile=False,
    )
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}, such as down_conv_0/w1: down_conv_0_w1/kernel."""
    names = {"global_step": "momentum/iteration"}
    for variable in model.trainable_variables:
        scope, _, name = variable.path.partition("/")[0].rpartition("_")
        names[f"{scope}/{name}"] = variable.path
    return names


def next_batch(images, labels, batch_size):
    """An endless tf.data.Dataset in order; the last batch is as short as need be."""
    examples = tf.data.Dataset.from_tensor_slices((images, labels))
    return examples.batch(batch_size).repeat()


def run(train_data, test_data, config=Config()):
    """Returns ([loss of each step], share of the test pixels that are wrong).

    Args:
        train_data, test_data: (images [n, N, N, channels], one-hot labels
            [n, M, M, K]), float32.
    """
    model = build(config)
    # What fit itself keeps is a mean over the epoch; a Session fetched each step's loss.
    history = tf1_semantics.callbacks.StepHistory()
    model.fit(
        next_batch(train_data[0], train_data[1], config.batch_size),
        steps_per_epoch=config.epochs * config.training_iters,
        shuffle=False,
        verbose=0,
        callbacks=[history],
    )
    x, y = test_data
    logits = model(x, training=False).numpy()
    return history.history["loss"], np.mean(logits.argmax(3) != y.argmax(3))
