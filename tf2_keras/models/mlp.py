"""A multilayer perceptron on MNIST: the Keras 3 twin.

Two hidden layers of rectified linear units, ten logits, gradient descent; labels are
class numbers, not one-hot rows; what is counted is how often the largest logit is right.

Shapes: B batch, P = 784 pixels.
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
    pixels: int = 784
    hidden1: int = 128  # units of the first hidden layer
    hidden2: int = 32
    classes: int = 10
    learning_rate: float = 0.01
    batch_size: int = 100
    steps: int = 2000
    report_every: int = 100  # steps between two reports of the loss
    seed: int = 1  # of the graph; each layer adds its own


def full_layer(x, size, seed, config, name):
    """[B, in_size] -> [B, size]: x w + b, before any activation."""
    # Dense would start from glorot_uniform; Keras's TruncatedNormal draws other numbers.
    weights = tf1_semantics.initializers.TruncatedNormal(
        stddev=1.0 / math.sqrt(x.shape[1]), seed=(config.seed, seed)
    )
    x = keras.layers.Dense(size, use_bias=False, kernel_initializer=weights, name=name)(
        x
    )
    # x w + b, not BiasAdd: the biases' gradient is then summed in TF1's order.
    return tf1_semantics.layers.AddBias("zeros", name=name + "_add")(x)


def inference(images, config):
    """[B, P] -> logits [B, classes], float32."""
    hidden1 = keras.layers.ReLU()(
        full_layer(images, config.hidden1, 11, config, "hidden1")
    )
    hidden2 = keras.layers.ReLU()(
        full_layer(hidden1, config.hidden2, 12, config, "hidden2")
    )
    return full_layer(hidden2, config.classes, 13, config, "softmax_linear")


@keras.saving.register_keras_serializable("mlp")
def loss(labels, logits):
    """Mean cross-entropy of labels [B], integers, and logits [B, classes], a scalar."""
    # A Keras loss may return one number for each example, and compile's wrapper takes
    # the mean; of this mean it takes the mean again, which changes nothing. Who divides
    # by the size of the batch as well, as sums in a loop of one's own are, does it twice.
    return keras.ops.mean(
        keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    )


def optimizer(config):
    """The optimizer. Keras's SGD without momentum is TF1's gradient descent."""
    return keras.optimizers.SGD(config.learning_rate, name="sgd")


def evaluation(labels, logits):
    """How many of the batch are right, int32: the label's logit is the largest."""
    correct = keras.ops.in_top_k(labels, logits, 1)
    return keras.ops.sum(keras.ops.cast(correct, "int32"))


def build(config=Config()):
    """The whole model, compiled."""
    images = keras.Input(shape=(config.pixels,), name="x")
    model = keras.Model(images, inference(images, config))
    model.compile(optimizer=optimizer(config), loss=loss, jit_compile=False)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}."""
    names = {"global_step": "sgd/iteration"}
    for layer in ("hidden1", "hidden2", "softmax_linear"):
        names[layer + "/weights"] = layer + "/kernel"
        names[layer + "/biases"] = layer + "_add/bias"
    return names


def run(train_digits, test_digits, config=Config()):
    """The tutorial's loop; returns ([(step, loss before it)], test accuracy).

    Args:
        train_digits, test_digits: (images [n, P], float32; labels [n], int32).
    """
    model = build(config)
    batches = next_batch(
        train_digits[0], train_digits[1], config.batch_size, config.seed
    )
    # What fit itself keeps is a mean over the epoch; a Session fetched each step's loss.
    history = tf1_semantics.callbacks.StepHistory()
    model.fit(
        batches,
        steps_per_epoch=config.steps,
        shuffle=False,
        verbose=0,
        callbacks=[history],
    )

    @tf.function(reduce_retracing=True)
    def correct(images, labels):
        return evaluation(labels, model(images, training=False))

    images, labels = test_digits
    true_count = 0
    for start in range(0, len(images), config.batch_size):
        batch = slice(start, start + config.batch_size)
        true_count += correct(images[batch], labels[batch]).numpy()
    reports = list(enumerate(history.history["loss"]))[:: config.report_every]
    return reports, np.float64(true_count) / len(labels)
