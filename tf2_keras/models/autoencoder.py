"""A denoising autoencoder on digits: the Keras 3 twin.

One hidden layer of softplus units rebuilds a digit from a noisy one. The loss is a sum
over pixels and examples; the noise is part of the model, so that every call draws some,
evaluation included.

Shapes: B batch, P = 784 pixels, H = 200 hidden units.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics


@dataclasses.dataclass(frozen=True)
class Config:
    n_input: int = 784  # P
    n_hidden: int = 200  # H
    scale: float = 0.01  # of the noise; pixels have a standard deviation of one
    learning_rate: float = 0.001
    batch_size: int = 128
    training_epochs: int = 20
    seed: int = 1  # of the graph; each random op adds its own


def standard_scale(train, test):
    """Pixels [n, P] and [m, P] without the mean and the spread of those to train on."""
    # keras.layers.Normalization adapts to the same statistics, and divides otherwise.
    mean, deviation = train.mean(0), train.std(0)
    deviation[deviation == 0] = 1.0  # of pixels that no digit reaches
    return (train - mean) / deviation, (test - mean) / deviation


def random_blocks(data, batch_size, seed):
    """An endless tf.data.Dataset of (x, x), [B, P]: the input is the target as well."""

    def starts():
        random = np.random.RandomState(seed)
        while True:
            yield random.randint(0, len(data) - batch_size)

    data = tf.constant(data)

    def block(start_index):
        x = data[start_index : start_index + batch_size]
        return x, x

    signature = tf.TensorSpec([], tf.int64)
    return tf.data.Dataset.from_generator(starts, output_signature=signature).map(block)


def noisy(x, config):
    """[B, P] -> [B, P]: one row of noise for all examples of a batch."""
    # keras.layers.GaussianNoise draws for each example, and in training only.
    noise = tf1_semantics.random.Normal(seed=(config.seed, 21), name="noise")(x[0])
    return x + config.scale * noise


def inference(x, config):
    """[B, P] -> reconstruction [B, P], float32."""
    # Keras's GlorotUniform draws other numbers from the same seed.
    glorot_uniform = tf1_semantics.initializers.GlorotUniform(seed=(config.seed, 11))
    w1 = keras.layers.Dense(
        config.n_hidden, use_bias=False, kernel_initializer=glorot_uniform, name="w1"
    )
    w2 = keras.layers.Dense(
        config.n_input, use_bias=False, kernel_initializer="zeros", name="w2"
    )
    # x w + b, not BiasAdd: the biases' gradient is then summed in TF1's order.
    b1 = tf1_semantics.layers.AddBias("zeros", name="b1")
    b2 = tf1_semantics.layers.AddBias("zeros", name="b2")
    hidden = keras.ops.softplus(b1(w1(noisy(x, config))))
    return b2(w2(hidden))


@keras.saving.register_keras_serializable("autoencoder")
def loss(x, reconstruction):
    """Half of all squared errors of the batch, a scalar: a sum, no mean."""
    # "mse" would be the mean over pixels and examples, by 0.5 * P * B less. A graph
    # makes a square of tf.pow(..., 2.0); eager code would compute another power.
    return 0.5 * keras.ops.sum(keras.ops.square(keras.ops.subtract(reconstruction, x)))


def optimizer(config):
    """The optimizer. Keras's Adam has another epsilon and rounds otherwise."""
    return tf1_semantics.optimizers.Adam(config.learning_rate, name="adam")


def build(config=Config()):
    """The whole model, compiled."""
    x = keras.Input([config.n_input], name="x")
    model = keras.Model(x, inference(x, config))
    model.compile(optimizer=optimizer(config), loss=loss, jit_compile=False)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}."""
    return {"w1": "w1/kernel", "b1": "b1/bias", "w2": "w2/kernel", "b2": "b2/bias"}


def run(train_digits, test_digits, config=Config()):
    """Returns ([average cost of each epoch], total cost of the test digits).

    Args:
        train_digits, test_digits: [n, P], float32, scaled by ``standard_scale``.
    """
    model = build(config)
    n_samples = len(train_digits)
    total_batch = n_samples // config.batch_size
    blocks = random_blocks(train_digits, config.batch_size, config.seed)
    history = model.fit(
        blocks,
        steps_per_epoch=total_batch,
        epochs=config.training_epochs,
        shuffle=False,
        verbose=0,
    )
    # fit has divided by the number of batches what TF1's loop divided by the examples.
    averages = [
        mean * total_batch / n_samples * config.batch_size
        for mean in history.history["loss"]
    ]
    # Of noisy digits as well: the noise is in the model.
    total_cost = loss(test_digits, model(test_digits, training=False))
    return averages, total_cost.numpy()
