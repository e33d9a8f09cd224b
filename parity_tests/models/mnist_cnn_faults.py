"""Faults planted in the MNIST twin."""

import types

import keras
import numpy as np
import tensorflow as tf

from parity_tests.models.pair import Fault
from tf2_keras import tf1_semantics


def _layer(**replaced):
    """(twin module) -> patch: some of ``tf1_semantics.layers`` as the twin sees them."""
    layers = types.SimpleNamespace(**{**vars(tf1_semantics.layers), **replaced})
    return lambda twin: {
        "tf1_semantics": types.SimpleNamespace(
            **{**vars(tf1_semantics), "layers": layers}
        )
    }


class LatePowers(tf1_semantics.optimizers.Adam):
    """Multiplies the beta powers from the second step on."""

    def apply(self, gradients, trainable_variables=None):
        powers = (self._beta1_power, self._beta2_power)
        before = [tf.identity(power.value) for power in powers]
        first = self.iterations.value == 0
        super().apply(gradients, trainable_variables)
        for power, value in zip(powers, before, strict=True):
            power.assign(tf.where(first, value, power.value))


class LateGradients(tf1_semantics.optimizers.Adam):
    """Applies each gradient one step after it was computed."""

    def build(self, variables):
        super().build(variables)
        self.waiting = self.add_slots(variables, "waiting")

    def apply(self, gradients, trainable_variables=None):
        due = [tf.identity(waiting.value) for waiting in self.waiting]
        for waiting, gradient in zip(self.waiting, gradients, strict=True):
            waiting.assign(gradient)
        super().apply(due, trainable_variables)


def _optimizer(optimizer, **options):
    return lambda twin: {
        "optimizer": lambda config: optimizer(
            config.learning_rate, name="adam", **options
        )
    }


def _keep_prob_as_rate(keep_prob, **options):
    return tf1_semantics.layers.Dropout(1 - keep_prob, **options)


def _keras_dropout(keep_prob, seed, fed, name):
    return keras.layers.Dropout(1 - keep_prob, seed=seed[1], name=name)


def _dropout_of_compat_v1(*arguments, **options):
    return tf1_semantics.layers.Dropout(*arguments, scaling="compat.v1", **options)


def _number_instead_of_fed(keep_prob, seed, fed, name):
    return _dropout_of_compat_v1(keep_prob, seed, fed=False, name=name)


def _cross_entropy(y, logits):
    return tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=logits)


def _softmax_twice(twin):
    return {
        "loss": lambda y, y_pred: tf.reduce_mean(
            _cross_entropy(y, tf.nn.softmax(y_pred))
        )
    }


def _sum_instead_of_mean(twin):
    return {"loss": lambda y, y_pred: tf.reduce_sum(_cross_entropy(y, y_pred))}


def _kernel_transposed(twin):
    """Rows and columns of the first kernel exchanged where it is used."""

    class Transposed(keras.layers.Conv2D):
        def convolution_op(self, inputs, kernel):
            return super().convolution_op(inputs, tf.transpose(kernel, [1, 0, 2, 3]))

    def conv_layer(x, channels, seed, config, name):
        convolution = Transposed if name == "conv1" else keras.layers.Conv2D
        x = convolution(
            channels,
            config.patch,
            padding="same",
            use_bias=False,
            kernel_initializer=twin.weight_variable(seed, config),
            name=name,
        )(x)
        x = tf1_semantics.layers.AddBias(twin.bias_variable(), name=name + "_add")(x)
        return keras.layers.ReLU()(x)

    return {"conv_layer": conv_layer}


def _pool(pooling, **options):
    return lambda twin: {
        "max_pool_2x2": lambda x: pooling(
            **{"pool_size": 2, "strides": 2, "padding": "same", **options}
        )(x)
    }


def _biases_at_zero(twin):
    return {"bias_variable": lambda: keras.initializers.Zeros()}


def _keras_truncated_normal(twin):
    return {
        "weight_variable": lambda seed, config: keras.initializers.TruncatedNormal(
            stddev=0.1, seed=seed
        )
    }


def _biases_in_the_layers(twin):
    """Conv2D and Dense with biases of their own: BiasAdd."""

    def conv_layer(x, channels, seed, config, name):
        return keras.layers.Conv2D(
            channels,
            config.patch,
            padding="same",
            activation="relu",
            kernel_initializer=twin.weight_variable(seed, config),
            bias_initializer=twin.bias_variable(),
            name=name,
        )(x)

    def full_layer(x, size, seed, config, name):
        return keras.layers.Dense(
            size,
            kernel_initializer=twin.weight_variable(seed, config),
            bias_initializer=twin.bias_variable(),
            name=name,
        )(x)

    names = twin.checkpoint_names(None)
    return {
        "conv_layer": conv_layer,
        "full_layer": full_layer,
        "checkpoint_names": lambda model: {
            name: path.replace("_add/", "/") for name, path in names.items()
        },
    }


# No fault: where keep_prob is no power of two, today's compat.v1 scales otherwise than
# 1.15, whose age the twin has.
DROPOUT_OF_COMPAT_V1 = Fault(
    "Dropout scales as today's compat.v1 does.",
    "loss",
    _layer(Dropout=_dropout_of_compat_v1),
)
# Not among the faults: what it changes depends on keep_prob and on what runs between
# two steps. The chapter's tests show when.
NUMBER_INSTEAD_OF_FED = Fault(
    "keep_prob is a Python number: evaluation leaves the random stream where it is.",
    "loss",
    _layer(Dropout=_number_instead_of_fed),
)

FAULTS = {
    "keras_truncated_normal": Fault(
        "Keras's TruncatedNormal with the same seeds.",
        "initial values",
        _keras_truncated_normal,
    ),
    "another_seed": Fault(
        "The graph's seed is one more.", "initial values", fields={"seed": 2}
    ),
    "biases_at_zero": Fault(
        "Biases start at zero, Keras's default.", "initial values", _biases_at_zero
    ),
    "pool_stride_one": Fault(
        "Pooling moves by one: the hidden layer sees more pixels.",
        "initial values",
        _pool(keras.layers.MaxPooling2D, strides=1),
    ),
    "pool_window_three": Fault(
        "Pooling windows overlap.",
        "loss",
        _pool(keras.layers.MaxPooling2D, pool_size=3),
    ),
    "average_pool": Fault(
        "Average instead of maximum.", "loss", _pool(keras.layers.AveragePooling2D)
    ),
    "kernel_transposed": Fault(
        "The first kernel's rows and columns are exchanged.", "loss", _kernel_transposed
    ),
    "biases_in_the_layers": Fault(
        "BiasAdd, which sums its gradient in another order.",
        "gradients",
        _biases_in_the_layers,
        # Sums of a few numbers come out alike in either order.
        both={"channels": (8, 16), "hidden": 32, "batch_size": 50},
    ),
    "keep_prob_as_rate": Fault(
        "keep_prob is passed as rate.",
        "loss",
        _layer(Dropout=_keep_prob_as_rate),
        both={"keep_prob": 0.75},
    ),
    "keras_dropout": Fault(
        "Keras's Dropout with the same seed.", "loss", _layer(Dropout=_keras_dropout)
    ),
    "softmax_twice": Fault(
        "The loss is given probabilities where it takes logits.", "loss", _softmax_twice
    ),
    "sum_instead_of_mean": Fault(
        "The loss sums over the batch.", "loss", _sum_instead_of_mean
    ),
    "labels_shifted_by_an_example": Fault(
        "Each image meets its neighbour's label.",
        "loss",
        batch=lambda batch: {**batch, "y_true": np.roll(batch["y_true"], 1, axis=0)},
    ),
    "labels_shifted_by_a_class": Fault(
        "Each label is one class further.",
        "loss",
        batch=lambda batch: {**batch, "y_true": np.roll(batch["y_true"], 1, axis=1)},
    ),
    "batches_shifted": Fault(
        "The first batch is skipped.",
        "loss",
        skipped=1,
    ),
    "keras_adam": Fault(
        "Keras's Adam as it comes.", "slots", _optimizer(keras.optimizers.Adam)
    ),
    "keras_adam_with_tf1_epsilon": Fault(
        "Keras's Adam with TF1's epsilon.",
        "slots",
        _optimizer(keras.optimizers.Adam, epsilon=1e-8),
    ),
    "wrong_epsilon": Fault(
        "Keras's epsilon of 1e-7.",
        "updates",
        _optimizer(tf1_semantics.optimizers.Adam, epsilon=1e-7),
    ),
    "powers_one_step_late": Fault(
        "The beta powers are a step behind.", "slots", _optimizer(LatePowers)
    ),
    "gradients_one_step_late": Fault(
        "Each gradient is applied a step late.", "gradients", _optimizer(LateGradients)
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "updates", fields={"learning_rate": 1.1e-4}
    ),
}
