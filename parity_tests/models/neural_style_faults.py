"""Faults planted in the neural_style twin."""

import numpy as np
import tensorflow as tf

from parity_tests.models.pair import Fault


def _red_for_blue(batch):
    """What ``keras.applications.vgg19.preprocess_input`` makes of a picture."""
    return {name: picture[..., ::-1] for name, picture in batch.items()}


def _not_preprocessed(batch):
    mean = np.float32([123.68, 116.779, 103.939])
    return {name: picture + mean for name, picture in batch.items()}


def _network_trains(twin):
    """The network's kernels are among what is trained."""
    true = twin.net_preloaded

    def net_preloaded(config):
        vgg = true(config)
        for layer in vgg.layers:
            layer.trainable = True
        return vgg

    return {"net_preloaded": net_preloaded}


def _picture_clipped(twin):
    """TF2's tutorial clips after each step; here a picture is less the mean pixel."""

    class NeuralStyle(twin.NeuralStyle):
        def train_step(self, data):
            logs = super().train_step(data)
            self.image.assign(tf.clip_by_value(self.image, 0, 255))
            return logs

    return {"NeuralStyle": NeuralStyle}


def _gram_over_positions(twin):
    def gram_matrix(features):
        flat = tf.reshape(features, [-1, features.shape[-1]])
        return tf.matmul(flat, flat, transpose_a=True) / float(flat.shape[0])

    return {"gram_matrix": gram_matrix}


def _style_summed(twin):
    """The losses of the layers are added up."""
    true = twin.losses

    def losses(*arguments):
        parts = true(*arguments)
        return {**parts, "style_loss": parts["style_loss"] * len(twin.STYLE_LAYERS)}

    return {"losses": losses}


FAULTS = {
    "network_trains": Fault(
        "The network is trained together with the picture, and Adam remembers it.",
        "initial values",
        _network_trains,
    ),
    "red_for_blue": Fault(
        "Preprocessed by Keras's VGG: red and blue change places.",
        "loss",
        batch=_red_for_blue,
    ),
    "not_preprocessed": Fault(
        "The network gets pixels of 0 to 255.", "loss", batch=_not_preprocessed
    ),
    "average_pooling": Fault(
        "Pools are means, as the paper has them.", "loss", fields={"pooling": "avg"}
    ),
    "total_variation_of_tf_image": Fault(
        "tf.image.total_variation: a sum of absolute differences.",
        "loss",
        lambda twin: {
            "total_variation": lambda image: tf.image.total_variation(image)[0]
        },
    ),
    "l2_loss_as_square": Fault(
        "l2_loss is taken for a sum of squares.",
        "loss",
        lambda twin: {"mean_square": lambda x: tf.nn.l2_loss(x) / twin.size(x)},
    ),
    "gram_over_positions": Fault(
        "Gram matrices are divided by the positions alone.",
        "loss",
        _gram_over_positions,
    ),
    "style_summed": Fault(
        "The style is the sum over the layers, not their mean.", "loss", _style_summed
    ),
    "keras_epsilon": Fault(
        "Adam's epsilon is Keras's, 1e-7.",
        "updates",
        fields={"epsilon": 1e-7},
        both={"style_weight": 1e-6, "content_weight": 1e-9, "tv_weight": 1e-9},
    ),
    "picture_clipped": Fault(
        "Each step ends in a picture of 0 to 255, as if it were not preprocessed.",
        "updates",
        _picture_clipped,
    ),
}
