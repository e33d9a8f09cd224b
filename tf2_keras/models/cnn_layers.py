"""A convolutional network of tf.layers on digits: the Keras 3 twin.

cnn_mnist.py of TensorFlow's tutorials: two 5x5 convolutions, each pooled to half its size, a
hidden layer of 1024 with dropout, ten logits, gradient descent; and, as most who took it
over added, batch normalisation between each convolution and its ReLU.

Shapes: B batch, H = W = 28, digits flattened to 784.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics


@dataclasses.dataclass(frozen=True)
class Config:
    image_size: int = 28  # pixels a side, one channel
    patch: int = 5  # convolution kernels are patch x patch
    channels: tuple = (32, 64)  # of the two convolutions
    hidden: int = 1024
    classes: int = 10
    dropout: float = 0.4  # the share that is dropped while training
    learning_rate: float = 0.001
    batch_size: int = 100
    validation_size: int = 5000  # digits that read_data_sets holds back
    steps: int = 8  # the tutorial's are 20,000
    seed: int = 1  # of the graph; each random op adds its own


def kernel_variable(seed, config):
    # Keras's layers start with it too, but draw other numbers from the same seed.
    return tf1_semantics.initializers.GlorotUniform(seed=(config.seed, seed))


def conv_layer(x, channels, seed, config, name):
    """[B, H, W, C] -> [B, H/2, W/2, channels]."""
    conv = keras.layers.Conv2D(
        channels,
        config.patch,
        padding="same",
        use_bias=False,  # the normalisation would take it away again
        kernel_initializer=kernel_variable(seed, config),
        name=name,
    )(x)
    # Momentum 0.99 and epsilon 0.001 are Keras's too, but that remembers the variance of
    # the population. The statistics move in the forward pass: no collection to forget.
    norm = tf1_semantics.layers.BatchNormalization(name=name + "_norm")(conv)
    return keras.layers.MaxPooling2D(pool_size=2, strides=2)(keras.layers.ReLU()(norm))


def inference(x, config):
    """[B, 784] -> logits [B, classes], float32; ``training`` is said at the call."""
    first, second = config.channels
    image = keras.layers.Reshape([config.image_size, config.image_size, 1])(x)
    conv1 = conv_layer(image, first, 11, config, "conv1")  # [B, 14, 14, 32]
    conv2 = conv_layer(conv1, second, 12, config, "conv2")  # [B, 7, 7, 64]
    flat = keras.layers.Flatten()(conv2)  # [B, 3136]
    dense = keras.layers.Dense(
        config.hidden,
        activation="relu",
        kernel_initializer=kernel_variable(13, config),
        name="dense",
    )(flat)
    # Of the share that is kept, and with TF1's masks.
    dropout = tf1_semantics.layers.Dropout(
        1 - config.dropout, seed=(config.seed, 14), name="dropout"
    )(dense)
    return keras.layers.Dense(
        config.classes, kernel_initializer=kernel_variable(15, config), name="logits"
    )(dropout)


def loss():
    """Mean softmax cross-entropy of one-hot [B, classes] and logits, a scalar."""
    return tf1_semantics.losses.SoftmaxCrossEntropy()


def optimizer(config):
    """Gradient descent, which is Keras's SGD without momentum."""
    return keras.optimizers.SGD(config.learning_rate)


def accuracy(y_true, y_pred):
    """The share of examples whose largest logit is at the label, a scalar."""
    # keras.ops.argmax takes 0.0 for greater than -0.0, TF1's the first of the two.
    correct_prediction = keras.ops.equal(tf.argmax(y_pred, 1), tf.argmax(y_true, 1))
    return keras.ops.mean(keras.ops.cast(correct_prediction, "float32"))


def build(config=Config()):
    """The whole model, compiled."""
    x = keras.Input([config.image_size**2], name="x")
    model = keras.Model(x, inference(x, config))
    model.compile(optimizer(config), loss(), jit_compile=False)
    return model


def read_data_sets(train_digits, test_digits, config):
    """(images [n, 784], one-hot labels [n, 10]), float32, to train on and to test."""

    def data_set(images, labels):
        flat = images.reshape(len(images), -1).astype(np.float32)
        # Times the rounded inverse: pixels / 255 has other last bits.
        return flat * np.float32(1 / 255), keras.utils.to_categorical(labels, 10)

    images, labels = train_digits
    kept = slice(config.validation_size, None)
    return data_set(images[kept], labels[kept]), data_set(*test_digits)


def next_batch(images, labels, config):
    """An endless tf.data.Dataset in the order of ``input_data``'s ``next_batch``.

    The examples are shuffled at the start of each epoch, cumulatively; a batch at the end
    of an epoch is filled up from the next. ``Dataset.shuffle`` would draw another order.
    """

    def epochs():
        random = np.random.RandomState(config.seed)
        order = np.arange(len(images))
        while True:
            shuffle = np.arange(len(images))
            random.shuffle(shuffle)
            order = order[shuffle]
            yield order

    images, labels = tf.constant(images), tf.constant(labels)
    return (
        tf.data.Dataset.from_generator(
            epochs, output_signature=tf.TensorSpec([None], tf.int64)
        )
        .rebatch(config.batch_size)
        .map(lambda chosen: (tf.gather(images, chosen), tf.gather(labels, chosen)))
    )


def run(train_digits, test_digits, config=Config()):
    """A record of the start, of each step, and of the test digits after the last.

    Args:
        train_digits, test_digits: (images [n, 28, 28], labels [n]), uint8.
    """
    train, test = read_data_sets(train_digits, test_digits, config)
    model = build(config)
    # All but how far dropout has read its stream, which is counted.
    kept = [v for v in model.variables if keras.backend.is_float_dtype(v.dtype)]

    def variables():
        return {variable.path: np.asarray(variable) for variable in kept}

    history = [{"initial values": variables()}]
    for images, labels in next_batch(*train, config).take(config.steps):
        model.reset_metrics()  # else it tells the mean over the steps so far
        loss_value = np.float32(model.train_on_batch(images, labels))
        batch = {"images": images.numpy(), "classes": np.argmax(labels, 1)}
        history.append({"batches": batch})
        history.append({"loss": {"loss": loss_value}})
        history.append({"updates": variables()})
    images, labels = test
    logits = model.predict_on_batch(images)
    share = accuracy(labels, logits).numpy()
    history.append({"outputs": {"logits": logits}})
    history.append({"evaluation": {"accuracy": share}})
    return history
