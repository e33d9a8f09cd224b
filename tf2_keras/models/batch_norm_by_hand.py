"""Batch normalisation written out: the Keras 3 twin.

Moments of the batch, moving averages of them, and a phase that chooses between the
two: in a net of two hidden layers of sigmoids on MNIST.

Shapes: B batch, P = 784 pixels, H = 100 units of a hidden layer.
"""

import dataclasses

import keras
import tensorflow as tf

from tf2_keras import tf1_semantics
from tf2_keras.models.mnist_cnn import next_batch


@dataclasses.dataclass(frozen=True)
class Config:
    pixels: int = 784
    hidden: int = 100  # H
    classes: int = 10
    decay: float = 0.5  # of the moving averages
    epsilon: float = 1e-3  # added to a variance
    learning_rate: float = 0.01
    batch_size: int = 60
    steps: int = 40000
    report_every: int = 50  # steps between two reports of the accuracy
    seed: int = 1  # of the graph; each variable adds its own


@keras.saving.register_keras_serializable("batch_norm_by_hand")
class BatchNorm(keras.layers.Layer):
    """[B, H] -> [B, H], normalised by the batch's moments or by their averages."""

    def __init__(self, decay, epsilon, **kwargs):
        super().__init__(**kwargs)
        self.decay, self.epsilon = decay, epsilon

    def build(self, input_shape):
        size = input_shape[-1:]
        self.beta = self.add_weight(shape=size, initializer="zeros", name="beta")
        self.gamma = self.add_weight(shape=size, initializer="ones", name="gamma")
        # TF1 averaged tensors from zero on, the variance too; keras's
        # BatchNormalization starts its variance at one.
        self.average_mean, self.average_var = (
            self.add_weight(
                shape=size, initializer="zeros", trainable=False, name="average_" + name
            )
            for name in ("mean", "var")
        )

    def call(self, x, training=False):
        if training:
            # keras.ops.moments in two lines. x gets its gradient from the scaling, the
            # variance and the mean: TF1 added the first two, then the third. Of three
            # at once eager code would begin with another one.
            mean = keras.ops.mean(x, 0)  # [H]
            x = tf.identity(x)
            # Divided by B, as tf.nn.moments does; a fused layer averages another.
            var = tf.nn.moments(x, [0])[1]
            rate = 1.0 - tf.constant(self.decay)
            self.average_mean.assign_sub((self.average_mean - mean) * rate)
            self.average_var.assign_sub((self.average_var - var) * rate)
        else:
            mean, var = self.average_mean.value, self.average_var.value
        return keras.ops.batch_normalization(
            x, mean, var, axis=-1, offset=self.beta, scale=self.gamma,
            epsilon=self.epsilon,
        )  # fmt: skip

    def get_config(self):
        config = {"decay": self.decay, "epsilon": self.epsilon}
        return {**super().get_config(), **config}


def dense(size, seed, config, name):
    # Dense would start from glorot_uniform; Keras's RandomNormal draws other numbers.
    initializer = tf1_semantics.initializers.RandomNormal(seed=(config.seed, seed))
    return keras.layers.Dense(
        size, use_bias=False, kernel_initializer=initializer, name=name
    )


def hidden_layer(x, config, number):
    """[B, in_size] -> [B, H]; without a bias, which a mean would take away again."""
    z = dense(config.hidden, 10 + number, config, f"w{number}")(x)
    bn = BatchNorm(config.decay, config.epsilon, name=f"bn{number}")(z)
    return keras.ops.sigmoid(bn)


def inference(x, config):
    """[B, P] -> probabilities [B, classes], float32; the phase is ``training``."""
    l1 = hidden_layer(x, config, 1)
    l2 = hidden_layer(l1, config, 2)
    logits = dense(config.classes, 13, config, "w3")(l2)
    # x w + b, not BiasAdd: the bias's gradient is then summed in TF1's order.
    return keras.ops.softmax(tf1_semantics.layers.AddBias("zeros", name="b3")(logits))


@keras.saving.register_keras_serializable("batch_norm_by_hand")
def loss(y_true, y_pred):
    """Cross-entropy of one-hot [B, classes] and probabilities, summed over the batch."""
    # keras.losses.CategoricalCrossentropy would clip the probabilities, and average.
    return -keras.ops.sum(y_true * keras.ops.log(y_pred))


def optimizer(config):
    """The optimizer. Keras's SGD without momentum is TF1's gradient descent."""
    return keras.optimizers.SGD(config.learning_rate, name="sgd")


def accuracy(y_true, y_pred):
    """The share of examples whose largest probability is at the label, a scalar."""
    correct_prediction = tf.equal(tf.argmax(y_pred, 1), tf.argmax(y_true, 1))
    return keras.ops.mean(keras.ops.cast(correct_prediction, "float32"))


def build(config=Config()):
    """The whole model, compiled."""
    x = keras.Input(shape=(config.pixels,), name="x")
    model = keras.Model(x, inference(x, config))
    model.compile(optimizer=optimizer(config), loss=loss, jit_compile=False)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}."""
    names = {"w1": "w1/kernel", "w2": "w2/kernel", "w3": "w3/kernel", "b3": "b3/bias"}
    for bn in ("bn1", "bn2"):
        names.update({f"{bn}/{name}": f"{bn}/{name}" for name in ("beta", "gamma")})
        # Named after the tensors that were averaged, in their scope twice.
        for op, name in (("Squeeze", "mean"), ("Squeeze_1", "var")):
            average = f"{bn}/{bn}/moments/{op}/ExponentialMovingAverage"
            names[average] = f"{bn}/average_{name}"
    return names


def run(train_digits, test_digits, config=Config()):
    """Trains; returns ([(step, test accuracy)] at each report, the accuracy at last).

    Args:
        train_digits, test_digits: (images [n, P], one-hot labels [n, classes]), float32.
    """
    model = build(config)
    batches = next_batch(*train_digits, config.batch_size, config.seed)
    reports = []

    @tf.function
    def evaluate():
        images, labels = test_digits
        # False: the test set is neither normalised by itself nor averaged in.
        return accuracy(labels, model(images, training=False))

    def report(step, logs):
        if step % config.report_every == 0:
            reports.append((step, evaluate().numpy()))

    model.fit(
        batches,
        steps_per_epoch=config.steps,
        shuffle=False,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=report)],
    )
    return reports, evaluate().numpy()
