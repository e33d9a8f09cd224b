"""Digits read row by row with static_rnn: the Keras 3 twin.

The classifier that most people met BasicLSTMCell in. An image is a list of its rows, from
the top down; what the cell knows after the last one decides. In both directions a second
cell reads the rows from the bottom up.

Shapes: B batch, T = 28 rows, N = 28 pixels of a row, H hidden units a direction.
"""

import dataclasses

import keras
import tensorflow as tf

from tf2_keras import tf1_semantics
from tf2_keras.models.mnist_cnn import next_batch


@dataclasses.dataclass(frozen=True)
class Config:
    num_input: int = 28  # N
    timesteps: int = 28  # T
    num_hidden: int = 128  # H
    num_classes: int = 10
    bidirectional: bool = False
    learning_rate: float = 0.001
    batch_size: int = 128
    training_steps: int = 10000
    display_step: int = 200  # steps between two reports of loss and accuracy
    seed: int = 1  # of the graph; each variable adds its own


def cell(config):
    """An LSTM. All draw the same kernel, as cells of one variable scope did."""
    # keras.layers.LSTM has its gates in another order, and a forget bias that is trained.
    return tf1_semantics.recurrent.BasicLSTMCell(
        config.num_hidden,
        forget_bias=1.0,
        kernel_initializer=tf1_semantics.initializers.GlorotUniform(
            seed=(config.seed, 21)
        ),
    )


def inference(x, config):
    """[B, T, N] -> logits [B, num_classes], float32."""
    # Of keras.layers.RNN(unroll=True) a tape sums the T gradients of a weight in another
    # order.
    recurrent = tf1_semantics.recurrent
    if config.bidirectional:
        outputs, *_ = recurrent.StaticBidirectionalRNN(
            cell(config), cell(config), name="bidirectional_rnn"
        )(x)  # [B, T, 2 H]
    else:
        outputs, _ = recurrent.StaticRNN(cell(config), name="rnn")(x)
    # At the last row the way back has begun only: it has read this one. Of Keras's
    # Bidirectional without return_sequences it is the output at the first, after all.
    last = outputs[:, -1]
    random_normal = tf1_semantics.initializers.RandomNormal
    logits = keras.layers.Dense(
        config.num_classes,
        use_bias=False,
        kernel_initializer=random_normal(seed=(config.seed, 11)),
        name="output",
    )(last)
    return tf1_semantics.layers.AddBias(
        random_normal(seed=(config.seed, 12)), name="output_add"
    )(logits)


@keras.saving.register_keras_serializable("static_rnn")
def loss(y_true, y_pred):
    """Mean softmax cross-entropy of one-hot [B, num_classes] and logits, a scalar."""
    return keras.ops.mean(
        keras.losses.categorical_crossentropy(y_true, y_pred, from_logits=True)
    )


def optimizer(config):
    """The optimizer. Keras's SGD without momentum is TF1's gradient descent."""
    return keras.optimizers.SGD(config.learning_rate, name="sgd")


def accuracy(y_true, y_pred):
    """The share of examples whose largest logit is at the label, a scalar."""
    # keras.ops.argmax takes 0.0 for greater than -0.0, TF1's the first of the two.
    correct_pred = keras.ops.equal(tf.argmax(y_pred, 1), tf.argmax(y_true, 1))
    return keras.ops.mean(keras.ops.cast(correct_pred, "float32"))


def build(config=Config()):
    """The whole model, compiled."""
    x = keras.Input([config.timesteps, config.num_input], name="x")
    model = keras.Model(x, inference(x, config))
    model.compile(optimizer=optimizer(config), loss=loss, jit_compile=False)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}."""
    names = {"weights": "output/kernel", "biases": "output_add/bias"}
    for layer in model.layers:
        if hasattr(layer, "tf1_weights"):
            for name, weight in layer.tf1_weights().items():
                names[name] = weight.path
    return names


def run(train_digits, test_digits, config=Config()):
    """Returns ([(step, loss and accuracy of the batch)] at each report, test accuracy).

    Args:
        train_digits, test_digits: (images [n, T, N], float32; one-hot [n, num_classes]).
    """
    model = build(config)
    batches = next_batch(
        train_digits[0], train_digits[1], config.batch_size, config.seed
    )
    reports = []

    @tf.function(reduce_retracing=True)
    def evaluate(x, y):
        y_pred = model(x, training=False)
        return loss(y, y_pred), accuracy(y, y_pred)

    # fit could report no more than what it computes before each update.
    for step, (batch_x, batch_y) in enumerate(batches.take(config.training_steps)):
        model.train_on_batch(batch_x, batch_y)
        if step % config.display_step == 0:
            values = evaluate(batch_x, batch_y)
            reports.append((step, *(value.numpy() for value in values)))
    _, test_accuracy = evaluate(*test_digits)
    return reports, test_accuracy.numpy()
