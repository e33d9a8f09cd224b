"""A convolutional network on MNIST: the Keras 3 twin.

Two 5x5 convolutions with 2x2 max-pooling, a hidden layer of 1024 with dropout, ten
logits; Adam; accuracy on the test set as the mean of ten blocks of a thousand.

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
    keep_prob: float = 0.5  # dropout while training; 1.0 while evaluating
    learning_rate: float = 1e-4
    batch_size: int = 50  # the notes define 100 and use 50
    steps: int = 10000
    report_every: int = 100  # steps between two reports of the training accuracy
    seed: int = 1  # of the graph; each random op adds its own


def weight_variable(seed, config):
    # Keras's TruncatedNormal draws other numbers from the same seed.
    return tf1_semantics.initializers.TruncatedNormal(
        stddev=0.1, seed=(config.seed, seed)
    )


def bias_variable():
    return keras.initializers.Constant(0.1)


def max_pool_2x2(x):
    return keras.layers.MaxPooling2D(pool_size=2, strides=2, padding="same")(x)


def conv_layer(x, channels, seed, config, name):
    x = keras.layers.Conv2D(
        channels,
        config.patch,
        padding="same",
        use_bias=False,
        kernel_initializer=weight_variable(seed, config),
        name=name,
    )(x)
    # conv + b, not BiasAdd: the bias's gradient is then summed in TF1's order.
    x = tf1_semantics.layers.AddBias(bias_variable(), name=name + "_add")(x)
    return keras.layers.ReLU()(x)


def full_layer(x, size, seed, config, name):
    x = keras.layers.Dense(
        size,
        use_bias=False,
        kernel_initializer=weight_variable(seed, config),
        name=name,
    )(x)
    return tf1_semantics.layers.AddBias(bias_variable(), name=name + "_add")(x)


def inference(x, config):
    """[B, 784] -> logits [B, classes], float32; dropout acts in training only."""
    first, second = config.channels
    x_image = keras.layers.Reshape([config.image_size, config.image_size, 1])(x)
    conv1 = conv_layer(x_image, first, 11, config, "conv1")
    conv1_pool = max_pool_2x2(conv1)  # [B, 14, 14, 32]
    conv2 = conv_layer(conv1_pool, second, 12, config, "conv2")
    conv2_pool = max_pool_2x2(conv2)  # [B, 7, 7, 64]
    conv2_flat = keras.layers.Flatten()(conv2_pool)  # [B, 3136]
    full_1 = keras.layers.ReLU()(
        full_layer(conv2_flat, config.hidden, 13, config, "full1")
    )
    # The notes fed keep_prob: evaluating at 1.0 moves the random stream on as well.
    full1_drop = tf1_semantics.layers.Dropout(
        config.keep_prob, seed=(config.seed, 14), fed=True, name="dropout"
    )(full_1)
    return full_layer(full1_drop, config.classes, 15, config, "full2")


@keras.saving.register_keras_serializable("mnist_cnn")
def loss(y_true, y_pred):
    """Mean softmax cross-entropy of one-hot [B, classes] and logits, a scalar."""
    return keras.ops.mean(
        keras.losses.categorical_crossentropy(y_true, y_pred, from_logits=True)
    )


def optimizer(config):
    """The optimizer. Keras's Adam has another epsilon and rounds otherwise."""
    return tf1_semantics.optimizers.Adam(config.learning_rate, name="adam")


def accuracy(y_true, y_pred):
    """The share of examples whose largest logit is at the label, a scalar."""
    # keras.ops.argmax takes 0.0 for greater than -0.0, TF1's the first of the two.
    correct_prediction = keras.ops.equal(tf.argmax(y_pred, 1), tf.argmax(y_true, 1))
    return keras.ops.mean(keras.ops.cast(correct_prediction, "float32"))


def build(config=Config()):
    """The whole model, compiled."""
    x = keras.Input(shape=(config.image_size**2,), name="x")
    model = keras.Model(x, inference(x, config))
    model.compile(optimizer=optimizer(config), loss=loss, jit_compile=False)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}; the notes left their variables unnamed."""
    return {
        "Variable": "conv1/kernel",
        "Variable_1": "conv1_add/bias",
        "Variable_2": "conv2/kernel",
        "Variable_3": "conv2_add/bias",
        "Variable_4": "full1/kernel",
        "Variable_5": "full1_add/bias",
        "Variable_6": "full2/kernel",
        "Variable_7": "full2_add/bias",
    }


def next_batch(images, labels, batch_size, seed):
    """An endless tf.data.Dataset in the order of ``input_data``'s ``next_batch``.

    The examples are shuffled at the start of each epoch, cumulatively; a batch at the
    end of an epoch is filled up from the next. ``Dataset.shuffle`` would draw another
    order; numpy's generator, as in TF1, draws this one.
    """

    def epochs():
        random = np.random.RandomState(seed)
        order = np.arange(len(images))
        while True:
            shuffle = np.arange(len(images))
            random.shuffle(shuffle)
            order = order[shuffle]
            yield order

    images, labels = tf.constant(images), tf.constant(labels)
    signature = tf.TensorSpec([None], tf.int64)
    return (
        tf.data.Dataset.from_generator(epochs, output_signature=signature)
        .rebatch(batch_size)
        .map(lambda chosen: (tf.gather(images, chosen), tf.gather(labels, chosen)))
        .prefetch(2)
    )


def run(train_digits, test_digits, config=Config()):
    """The notes' loop; returns ([(step, training accuracy)], test accuracy).

    Args:
        train_digits, test_digits: (images [n, 784], one-hot labels [n, 10]), float32.
    """
    model = build(config)
    batches = iter(
        next_batch(train_digits[0], train_digits[1], config.batch_size, config.seed)
    )
    reports = []

    @tf.function(reduce_retracing=True)
    def evaluate(images, labels):
        return accuracy(labels, model(images, training=False))

    for step in range(config.steps):
        images, labels = next(batches)
        if step % config.report_every == 0:
            reports.append((step, evaluate(images, labels).numpy()))
        model.train_on_batch(images, labels)
    blocks = zip(*(np.split(part, 10) for part in test_digits), strict=True)
    test_accuracy = np.mean([evaluate(*block).numpy() for block in blocks])
    return reports, test_accuracy
