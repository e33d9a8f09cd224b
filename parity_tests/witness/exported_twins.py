"""Two programs of which 1.15.5 exported the ``.meta``, each with its Keras rewrite."""

import pathlib

import keras
import numpy as np
import tensorflow as tf

from parity_tests.engine import budgets
from parity_tests.pair.pair import Pair
from parity_tests.witness.programs import lstm_classifier, slim_cnn
from tf1_graph import exported
from tf2_keras import training
from tf2_keras.tf1_semantics import initializers, layers, losses, optimizers, recurrent

GOLDENS = pathlib.Path(__file__).parents[1] / "goldens" / "exported"
PROGRAMS = {"slim_cnn": slim_cnn, "lstm_classifier": lstm_classifier}


def meta(name):
    """Path of a program's .meta."""
    return GOLDENS / name / "model.meta"


def spec(name):
    """What ``exported.load`` takes of a program, by name."""
    program = PROGRAMS[name]
    stated = {
        "inputs": {"x": program.X, "y_true": program.Y_TRUE + ":0"},
        "train": {"op": program.TRAIN, "loss": program.LOSS},
        "predict": {"outputs": {"y_pred": program.Y_PRED}},
    }
    if name == "slim_cnn":
        stated["train"]["feed"] = {slim_cnn.IS_TRAINING: True}
        stated["predict"]["feed"] = {slim_cnn.IS_TRAINING + ":0": False}
    return stated


def computed(name):
    """{name: array} of what 1.15.5 computed."""
    with np.load(GOLDENS / name / "computed.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def training_moves(name):
    """The moves that 1.15.5 played."""
    return [
        ("train", {"x": x, "y_true": y_true}) for x, y_true in PROGRAMS[name].batches()
    ]


def prediction(name):
    """The move that predicts the last batch."""
    _, batch = training_moves(name)[-1]
    return "predict", {"x": batch["x"]}


def pair(name, program=None, **mistake):
    """The ``Pair`` of the .meta and its rewrite.

    Args:
        program: one that was loaded before.
        **mistake: arguments of the rewrite that differ from the program's.
    """
    return Pair(
        program or exported.load(meta(name), **spec(name)),
        training.compiled(*TWINS[name](**mistake)),
        lambda level: budgets.budget_for(name, level),
    )


@tf.custom_gradient
def bias_add(x, bias):
    def gradient(upstream):
        # oneDNN merges the gradients of a convolution's kernel and bias, which then
        # sums in another order, if both take the same tensor. In a TF1 graph the
        # control dependencies of tf.gradients stood between.
        apart = tf.raw_ops.PlaceholderWithDefault(input=upstream, shape=upstream.shape)
        return upstream, tf.raw_ops.BiasAddGrad(out_backprop=apart)

    return tf.nn.bias_add(x, bias), gradient


class BiasAdd(keras.layers.Layer):
    """What tf.layers.conv2d adds, with the gradient that it has in a Session."""

    def build(self, input_shape):
        self.bias = self.add_weight(
            shape=(input_shape[-1],), initializer="zeros", name="bias"
        )

    def call(self, x):
        return bias_add(x, tf.convert_to_tensor(self.bias))


class Regularised(keras.Model):
    """A model whose penalties are summed before they are added, as TF1 does."""

    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):  # noqa: ARG002 -- Keras's signature
        return losses.SoftmaxCrossEntropy()(y, y_pred) + tf.add_n(self.losses)


def slim_cnn_twin(
    batch_norm_momentum=0.9,
    seed=3,
    epsilon=1e-3,
    norm=layers.BatchNormalization,
    penalty=losses.L2,
    pads=False,
    norm_first=True,
    nesterov=False,
):
    """(model, {TF1 name: Keras path}) of witness/programs/slim_cnn.py."""

    def block(x, channels, strides, op_seed, name):
        padded = pads and strides > 1
        if padded:
            x = keras.layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
        x = keras.layers.Conv2D(
            channels,
            3,
            strides,
            padding="valid" if padded else "same",
            use_bias=False,
            name=name,
            kernel_initializer=initializers.Xavier(seed=(seed, op_seed)),
            kernel_regularizer=penalty(0.01),
        )(x)
        after = [
            norm(momentum=batch_norm_momentum, epsilon=epsilon, name=f"{name}_norm"),
            keras.layers.ReLU(name=f"{name}_relu"),
        ]
        for layer in after if norm_first else after[::-1]:
            x = layer(x)
        return x

    x = keras.Input([8, 8, 1], name="x")
    net = block(x, 6, 1, 6, "conv1")
    net = keras.layers.MaxPooling2D(2)(net)
    net = block(net, 8, 2, 75, "conv2")
    net = keras.layers.Conv2D(
        8,
        2,
        use_bias=False,
        name="conv3",
        kernel_initializer=initializers.GlorotUniform(seed=(seed, 143)),
    )(net)
    net = keras.layers.ReLU()(BiasAdd(name="conv3_add")(net))
    net = keras.layers.Flatten()(net)
    logits = keras.layers.Dense(
        4,
        name="logits",
        kernel_initializer=initializers.GlorotUniform(seed=(seed, 169)),
    )(net)
    model = Regularised(x, logits)
    model.compile(
        optimizer=optimizers.Momentum(0.05, 0.9, use_nesterov=nesterov),
        jit_compile=False,
    )
    names = {
        "conv3/kernel": "conv3/kernel",
        "conv3/bias": "conv3_add/bias",
        "logits/kernel": "logits/kernel",
        "logits/bias": "logits/bias",
        "global_step": "momentum/iteration",
    }
    for conv in ("conv1", "conv2"):
        names[f"{conv}/weights"] = f"{conv}/kernel"
        for part in ("gamma", "beta", "moving_mean", "moving_variance"):
            names[f"{conv}/BatchNorm/{part}"] = f"{conv}_norm/{part}"
    return model, names


def lstm_classifier_twin(
    forget_bias=1.0,
    cell=recurrent.BasicLSTMCell,
    last=lambda outputs: outputs[:, -1],
    mean=tf.reduce_mean,
    optimizer=optimizers.Adam,
):
    """(model, {TF1 name: Keras path}) of witness/programs/lstm_classifier.py."""
    cell = cell(
        8,
        forget_bias,
        name="cell",
        kernel_initializer=initializers.GlorotUniform(seed=(11, 102)),
    )
    x = keras.Input([6, 5], name="x")
    outputs, _ = recurrent.DynamicRNN(cell, name="rnn")(x)
    logits = keras.layers.Dense(
        3, kernel_initializer=initializers.GlorotUniform(seed=(11, 168)), name="logits"
    )(last(outputs))
    model = keras.Model(x, logits)

    def loss(y_true, y_pred):
        return mean(
            tf.nn.softmax_cross_entropy_with_logits(labels=y_true, logits=y_pred)
        )

    model.compile(optimizer=optimizer(0.02), loss=loss, jit_compile=False)
    names = {"logits/kernel": "logits/kernel", "logits/bias": "logits/bias"}
    for part in ("kernel", "bias"):
        names[f"rnn/basic_lstm_cell/{part}"] = f"rnn/cell/{part}"
    return model, names


TWINS = {"slim_cnn": slim_cnn_twin, "lstm_classifier": lstm_classifier_twin}
