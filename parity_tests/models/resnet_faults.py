"""Faults planted in the residual network's twin."""

import functools

import keras
import tensorflow as tf

from parity_tests.models.pair import Fault
from parity_tests.models.resnet_plays import SMALL, TINY
from tf2_keras import tf1_semantics

TINY_BOTTLENECK = {**TINY, "image_shape": (16, 16, 3), "bottleneck": True}


def _normalised_with(layer):
    """A patch that puts another layer where batch normalisation belongs."""
    return lambda twin: {
        "batch_norm": lambda x, config, name: layer(
            momentum=config.decay, epsilon=config.epsilon, name=twin.layer_name(name)
        )(x)
    }


class _FaultyStatistics(tf1_semantics.layers.BatchNormalization):
    """Normalises as TF1 does; what it remembers is up to the faults below."""

    def call(self, x, training=False):
        if not training:
            return super().call(x)
        y, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            x, self.gamma, self.beta, epsilon=self.epsilon, is_training=True
        )
        self.remember(mean, variance, tf.size(x) // tf.shape(x)[-1])
        return y

    def remember(self, mean, variance, count):
        """Nothing: the statistics never move."""


class _PopulationVariance(_FaultyStatistics):
    def remember(self, mean, variance, count):
        count = tf.cast(count, variance.dtype)
        for moving, statistic in (
            (self.moving_mean, mean),
            (self.moving_variance, variance * (count - 1) / count),
        ):
            rate = 1.0 - tf.constant(self.momentum)  # in float32, as the true layer
            moving.assign_sub((moving - statistic) * rate)


class _AlwaysInference(tf1_semantics.layers.BatchNormalization):
    def call(self, x, training=False):
        return super().call(x, training=False)


def _schedule(config):
    return keras.optimizers.schedules.PiecewiseConstantDecay(
        list(config.boundaries), list(config.learning_rates)
    )


def _keras_momentum(twin):
    return {
        "optimizer": lambda config: keras.optimizers.SGD(
            _schedule(config), momentum=config.momentum, name="momentum"
        )
    }


def _nesterov(twin):
    return {
        "optimizer": lambda config: tf1_semantics.optimizers.Momentum(
            _schedule(config), config.momentum, use_nesterov=True, name="momentum"
        )
    }


def _truncated_he_normal(twin):
    return {
        "he_normal": lambda name, config: tf1_semantics.initializers.VarianceScaling(
            2.0, "fan_in", "truncated_normal", (config.seed, twin.op_seed(name))
        )
    }


def _keras_he_normal(twin):
    return {
        "he_normal": lambda name, config: keras.initializers.HeNormal(
            twin.op_seed(name)
        )
    }


def _cross_entropies(y_true, y_pred):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y_true, logits=y_pred)


def _sum_instead_of_mean(twin):
    return {"loss": lambda y, y_pred: tf.reduce_sum(_cross_entropies(y, y_pred))}


def _penalty(penalty_of):
    """A patch that puts another penalty of a kernel in the place of L2's half square."""
    return lambda twin: {"l2": lambda config: penalty_of(config.weight_decay)}


def _square(weight_decay):
    return lambda kernel: weight_decay * tf.reduce_sum(tf.square(kernel))


def _decay_of_everything(twin):
    class ResNet(twin.ResNet):
        def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
            rate = twin.Config().weight_decay
            every = [variable.value for variable in self.trainable_variables]
            penalties = [rate * tf.nn.l2_loss(variable) for variable in every]
            return tf.add_n([twin.loss(y, y_pred), *penalties])

    return {"ResNet": ResNet}


def _shortcut_forgotten(twin):
    return {"shortcut": lambda x, *rest: 0.0}


def _shortcut_without_gradient(twin):
    shortcut = twin.shortcut
    return {"shortcut": lambda *inputs: keras.ops.stop_gradient(shortcut(*inputs))}


def _projection_for_padding(twin):
    def shortcut(x, channels, stride, config, name):
        if x.shape[-1] == channels and stride == 1:
            return x
        x = twin.conv2d(x, channels, 1, stride, config, name + "/shortcut")
        return twin.batch_norm(x, config, name + "/shortcut_norm")

    return {"shortcut": shortcut}


def _padding_at_the_end(twin):
    def shortcut(x, channels, stride, config, name):
        padding = [[0, 0], [0, 0], [0, 0], [0, channels - x.shape[-1]]]
        return keras.ops.pad(x[:, ::stride, ::stride, :], padding)

    return {"shortcut": shortcut}


def _stride_on_the_3x3(twin):
    """What became known as ResNet v1.5."""
    conv2d = twin.conv2d

    def moved(x, channels, size, stride, config, name):
        if name.endswith("/conv1"):
            moved.waiting, stride = stride, 1
        elif name.endswith("/conv2"):
            stride = moved.waiting
        return conv2d(x, channels, size, stride, config, name)

    return {"conv2d": moved}


def _symmetric_padding(twin):
    """One pixel on each side, as other libraries pad a 3x3 convolution."""

    def conv2d(x, channels, size, stride, config, name):
        x = keras.layers.ZeroPadding2D(size // 2)(x)
        return keras.layers.Conv2D(
            channels, size, strides=stride, padding="valid", use_bias=False,
            kernel_initializer=twin.he_normal(name, config),
            name=twin.layer_name(name),
        )(x)  # fmt: skip

    return {"conv2d": conv2d}


def _relu_before_the_addition(twin):
    batch_norm = twin.batch_norm

    def rectified(x, config, name):
        x = batch_norm(x, config, name)
        return keras.layers.ReLU()(x) if name.endswith("/norm2") else x

    return {"batch_norm": rectified}


def _last_gamma_starts_at_zero(twin):
    """Goyal et al. 2017, arXiv:1706.02677, start each block as an identity."""

    class Zeroed(tf1_semantics.layers.BatchNormalization):
        def build(self, input_shape):
            super().build(input_shape)
            if self.name == "stage2_block1_norm2":
                self.gamma.assign(tf.zeros_like(self.gamma))

    return _normalised_with(Zeroed)(twin)


def _labels_shifted(batch):
    return {**batch, "y_true": batch["y_true"][::-1].copy()}


_fault = functools.partial(Fault, both=SMALL)

# Not among the others: it differs by roundings as well, so that the stage at which it
# first shows is a matter of luck.
KERAS_BATCH_NORM = _fault(
    "Keras's layer of the same name.",
    "loss",
    _normalised_with(keras.layers.BatchNormalization),
)

FAULTS = {
    "missing_update_ops": _fault(
        "The moving statistics never move.",
        "updates",
        _normalised_with(_FaultyStatistics),
    ),
    "population_variance": _fault(
        "The moving variance gathers the population's variance.",
        "updates",
        _normalised_with(_PopulationVariance),
    ),
    "training_without_training": _fault(
        "The training step normalises with the moving statistics.",
        "loss",
        _normalised_with(_AlwaysInference),
    ),
    "wrong_epsilon": _fault(
        "Batch normalisation adds Keras's 1e-3.", "loss", fields={"epsilon": 1e-3}
    ),
    "wrong_decay": _fault(
        "The moving statistics decay by Keras's 0.99.",
        "updates",
        fields={"decay": 0.99},
    ),
    "keras_momentum": _fault(
        "Keras's SGD folds the rate into its velocity.", "slots", _keras_momentum
    ),
    "nesterov": _fault("The optimizer looks ahead.", "updates", _nesterov),
    "schedule_one_step_late": _fault(
        "The rate goes down a step late.", "updates", fields={"boundaries": (3, 5)}
    ),
    "truncated_he_normal": _fault(
        "The initialiser truncates.", "initial values", _truncated_he_normal
    ),
    "keras_he_normal": _fault(
        "Keras's HeNormal, with the same seed.", "initial values", _keras_he_normal
    ),
    "last_gamma_at_zero": _fault(
        "One block's last gamma starts at zero.",
        "initial values",
        _last_gamma_starts_at_zero,
    ),
    "l2_not_halved": _fault(
        "The decay is that of |kernel|^2, not of its half.",
        "loss",
        _penalty(_square),
    ),
    "keras_regularizer": _fault(
        "kernel_regularizer=L2(weight_decay), which does not halve either.",
        "loss",
        _penalty(keras.regularizers.L2),
    ),
    "no_weight_decay": _fault(
        "The loss forgets the decay.", "loss", _penalty(lambda rate: None)
    ),
    "decay_of_everything": _fault(
        "Gammas, betas and the bias decay as well.", "loss", _decay_of_everything
    ),
    "sum_instead_of_mean": _fault(
        "The loss sums over the batch.", "loss", _sum_instead_of_mean
    ),
    "shortcut_forgotten": _fault(
        "The blocks have no shortcut.", "loss", _shortcut_forgotten
    ),
    "shortcut_without_gradient": _fault(
        "No gradient flows back through the shortcuts.",
        "gradients",
        _shortcut_without_gradient,
    ),
    "projection_for_padding": _fault(
        "A projection stands where zeros are padded.",
        "initial values",
        _projection_for_padding,
    ),
    "padding_at_the_end": _fault(
        "All new channels are padded at the end.",
        "loss",
        _padding_at_the_end,
    ),
    "stride_on_the_3x3": _fault(
        "The bottleneck's 3x3 convolution has the stride.",
        "loss",
        _stride_on_the_3x3,
        both=TINY_BOTTLENECK,
    ),
    "symmetric_padding": _fault(
        "Convolutions with a stride pad both sides alike.", "loss", _symmetric_padding
    ),
    "relu_before_the_addition": _fault(
        "The residual is rectified before it is added.",
        "loss",
        _relu_before_the_addition,
    ),
    "labels_shifted": _fault(
        "Each image meets another's label.", "loss", batch=_labels_shifted
    ),
}
