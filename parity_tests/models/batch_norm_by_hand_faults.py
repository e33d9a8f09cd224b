"""Faults planted in the twin of batch normalisation by hand."""

import keras
import tensorflow as tf

from parity_tests.models.pair import Fault


def _batch_norm(**methods):
    """(twin module) -> patch: the layer with some of its methods replaced."""
    return lambda twin: {"BatchNorm": type("BatchNorm", (twin.BatchNorm,), methods)}


def _keras_initializer(twin):
    def dense(size, seed, config, name):
        initializer = keras.initializers.RandomNormal(stddev=1.0, seed=seed)
        return keras.layers.Dense(
            size, use_bias=False, kernel_initializer=initializer, name=name
        )

    return {"dense": dense}


def _variance_starts_at_one(twin):
    class BatchNorm(twin.BatchNorm):
        def build(self, input_shape):
            super().build(input_shape)
            self.average_var.assign(keras.ops.ones_like(self.average_var))

    return {"BatchNorm": BatchNorm}


def _moments(x):
    """(x, its mean, its variance) as the twin takes them."""
    mean, x = tf.reduce_mean(x, 0), tf.identity(x)
    return x, mean, tf.nn.moments(x, [0])[1]


def _normalised(layer, x, mean, var):
    return tf.nn.batch_normalization(
        x, mean, var, layer.beta.value, layer.gamma.value, layer.epsilon
    )


def _moved(layer, mean, var, rate=None):
    rate = 1.0 - tf.constant(layer.decay) if rate is None else rate
    layer.average_mean.assign_sub((layer.average_mean - mean) * rate)
    layer.average_var.assign_sub((layer.average_var - var) * rate)


def _averages_in_training(layer, x, training=False):
    x, mean, var = _moments(x)
    used = layer.average_mean.value, layer.average_var.value
    _moved(layer, mean, var)
    return _normalised(layer, x, *used)


def _averages_never_move(layer, x, training=False):
    return _normalised(layer, *_moments(x))


def _moments_without_gradient(layer, x, training=False):
    mean, var = (tf.stop_gradient(moment) for moment in tf.nn.moments(x, [0]))
    _moved(layer, mean, var)
    return _normalised(layer, x, mean, var)


def _sample_variance(layer, x, training=False):
    x, mean, var = _moments(x)
    examples = tf.cast(tf.shape(x)[0], tf.float32)
    _moved(layer, mean, var * examples / (examples - 1.0))
    return _normalised(layer, x, mean, var)


def _decay_exchanged(layer, x, training=False):
    x, mean, var = _moments(x)
    _moved(layer, mean, var, tf.constant(layer.decay))
    return _normalised(layer, x, mean, var)


def _first_value(layer, x, training=False):
    x, mean, var = _moments(x)
    begun = tf.reduce_any(layer.average_var.value > 0)
    rate = tf.where(begun, 1.0 - tf.constant(layer.decay), 1.0)
    _moved(layer, mean, var, rate)
    return _normalised(layer, x, mean, var)


def _epsilon_outside_the_root(layer, x, training=False):
    x, mean, var = _moments(x)
    _moved(layer, mean, var)
    normed = (x - mean) / (tf.sqrt(var) + layer.epsilon)
    return normed * layer.gamma.value + layer.beta.value


def _mean_instead_of_sum(twin):
    def loss(y_true, y_pred):
        crossed = keras.ops.sum(y_true * keras.ops.log(y_pred), axis=1)
        return -keras.ops.mean(crossed)

    return {"loss": loss}


FAULTS = {
    "keras_random_normal": Fault(
        "Keras's RandomNormal with the same seeds.",
        "initial values",
        _keras_initializer,
    ),
    "another_seed": Fault(
        "The graph's seed is one more.", "initial values", fields={"seed": 2}
    ),
    "variance_starts_at_one": Fault(
        "The average of the variance starts at one, as in Keras's BatchNormalization.",
        "initial values",
        _variance_starts_at_one,
    ),
    "averages_in_training": Fault(
        "Training normalises by the averages, as when training=True is not passed.",
        "loss",
        _batch_norm(call=_averages_in_training),
    ),
    "epsilon_outside_the_root": Fault(
        "Epsilon is added to the deviation and not to the variance.",
        "loss",
        _batch_norm(call=_epsilon_outside_the_root),
    ),
    "mean_instead_of_sum": Fault(
        "The loss is the batch's mean.", "loss", _mean_instead_of_sum
    ),
    "moments_without_gradient": Fault(
        "The moments are taken for constants.",
        "gradients",
        _batch_norm(call=_moments_without_gradient),
    ),
    "averages_never_move": Fault(
        "The averages are not updated.",
        "updates",
        _batch_norm(call=_averages_never_move),
    ),
    "sample_variance": Fault(
        "The average gathers the sample variance, as fused batch norm does.",
        "updates",
        _batch_norm(call=_sample_variance),
    ),
    "decay_exchanged": Fault(
        "The decay is taken for the rate: PyTorch's momentum.",
        "updates",
        _batch_norm(call=_decay_exchanged),
        both={"decay": 0.9},
    ),
    "first_value": Fault(
        "The averages start at the first batch's moments.",
        "updates",
        _batch_norm(call=_first_value),
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "updates", fields={"learning_rate": 0.011}
    ),
}
