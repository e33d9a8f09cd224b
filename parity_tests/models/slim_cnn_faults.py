"""Faults planted in the Keras twin of the network of slim."""

import keras
import tensorflow as tf

from parity_tests.models import chapters
from parity_tests.models.pair import Fault
from tf2_keras import tf1_semantics


def _normalised(**options):
    """(twin module) -> patch: the convolutions' normalisation is another one."""

    def patch(twin):
        del twin

        def conv2d(x, channels, config, name):
            x = keras.layers.Conv2D(
                channels,
                3,
                padding="same",
                use_bias=False,
                name=name,
                **_shared(config),
            )(x)
            given = {"momentum": 0.999, "scale": False, **options}
            part = tf1_semantics.layers.BatchNormalization
            return keras.layers.ReLU()(part(name=name + "_norm", **given)(x))

        return {"conv2d": conv2d}

    return patch


def _shared(config):
    return {
        "kernel_initializer": tf1_semantics.initializers.Xavier(seed=(config.seed, 11)),
        "kernel_regularizer": tf1_semantics.losses.L2(config.weight_decay),
    }


def _scope(**changes):
    """(twin module) -> patch: what all layers are made with is otherwise.

    Args:
        changes: {argument: config -> its value}.
    """

    def patch(twin):
        arg_scope = twin.arg_scope

        def faulty(config):
            return {
                **arg_scope(config),
                **{name: change(config) for name, change in changes.items()},
            }

        return {"arg_scope": faulty}

    return patch


def _resized_at_centres(twin):
    del twin
    return {
        "preprocess": lambda images, config: (
            (
                keras.layers.Resizing(
                    config.image_size, config.image_size, interpolation="bilinear"
                )(images)
                - 0.5
            )
            * 2.0
        )
    }


def _regularisers_forgotten(twin):
    class Net(twin.Net):
        def compute_loss(
            self, x=None, y=None, y_pred=None, sample_weight=None, training=True
        ):
            return twin.loss(y, y_pred)

    return {"Net": Net}


def _trained_mode(twin):
    build = twin.build

    def faulty(config):
        model = build(config)
        model.predict_on_batch = lambda images: model(
            tf.constant(images), training=True
        )
        return model

    return {"build": faulty}


def _mean_of_the_sum(twin):
    loss = twin.loss

    def faulty(labels, logits):
        return loss(labels, logits) / tf.cast(tf.shape(labels)[0], tf.float32)

    return {"loss": faulty}


FAULTS = {
    "update_ops_forgotten": Fault(
        "Nothing moves the moving statistics.", "updates", _normalised(momentum=1.0)
    ),
    "decay_of_keras": Fault(
        "The moving statistics have Keras's momentum, 0.99.",
        "updates",
        _normalised(momentum=0.99),
    ),
    "gamma_of_keras": Fault(
        "The normalisation has a gamma, as Keras's has unless told otherwise.",
        "initial values",
        _normalised(scale=True),
    ),
    "whole_square": Fault(
        "Keras's L2 takes the whole square.",
        "loss",
        _scope(kernel_regularizer=lambda c: keras.regularizers.L2(c.weight_decay)),
    ),
    "regularisers_forgotten": Fault(
        "Only the cross-entropy is minimised.", "loss", _regularisers_forgotten
    ),
    "keras_kernels": Fault(
        "Keras's GlorotUniform draws other kernels from the same seed.",
        "initial values",
        _scope(kernel_initializer=lambda c: keras.initializers.GlorotUniform(11)),
    ),
    "share_dropped": Fault(
        "The share that is kept is taken for the share that is dropped.",
        "loss",
        fields={"keep_prob": 0.25},
        both=chapters.recorded("slim_cnn")["other numbers"],
    ),
    "resized_at_centres": Fault(
        "Keras's Resizing samples at the centres of pixels.",
        "loss",
        _resized_at_centres,
    ),
    "averaged_twice": Fault(
        "The loss is divided by the size of the batch once more.",
        "loss",
        _mean_of_the_sum,
    ),
    "predicted_in_training_mode": Fault(
        "The test pictures are predicted as in training.", "outputs", _trained_mode
    ),
    "wrong_rate": Fault(
        "The rate is a hundredth too high.",
        "updates",
        fields={"learning_rate": 0.0101},
    ),
}
