"""Faults planted in the Keras twin of the network of tf.layers."""

import keras
import numpy as np
import tensorflow as tf

from parity_tests.models.pair import Fault


def _layer(module, name, make):
    """(twin module) -> patch: one class of layers is another one.

    Args:
        module: of ``tf1_semantics`` or ``keras``, as the twin calls it.
        name: of the class.
        make: what is called in its place, with its arguments.
    """

    class Others:
        """A module, but for one name."""

        def __init__(self, true, **others):
            self.true, self.others = true, others

        def __getattr__(self, key):
            return self.others.get(key) or getattr(self.true, key)

    def patch(twin):
        true = getattr(twin, module)
        layers = Others(true.layers, **{name: make})
        return {module: Others(true, layers=layers)}

    return patch


def _keras_dropout(keep_prob, seed, name):
    return keras.layers.Dropout(1 - keep_prob, seed=seed[1], name=name)


def _channels_first(**options):
    """The order that an NCHW network flattens in."""
    permute, flatten = keras.layers.Permute([3, 1, 2]), keras.layers.Flatten(**options)
    return lambda x: flatten(permute(x))


def _statistics_stand(name):
    from tf2_keras import tf1_semantics

    return tf1_semantics.layers.BatchNormalization(momentum=1.0, name=name)


def _momentum_of_contrib(name):
    from tf2_keras import tf1_semantics

    return tf1_semantics.layers.BatchNormalization(momentum=0.999, name=name)


def _epsilon_of_torch(name):
    from tf2_keras import tf1_semantics

    return tf1_semantics.layers.BatchNormalization(epsilon=1e-5, name=name)


def _keras_kernels(twin):
    del twin
    return {
        "kernel_variable": lambda seed, config: keras.initializers.GlorotUniform(seed)
    }


def _divided(twin):
    read = twin.read_data_sets

    def faulty(train_digits, test_digits, config):
        read_so = read(train_digits, test_digits, config)
        parts = zip(read_so, (train_digits, test_digits), strict=True)
        return [
            (
                images.reshape(len(images), -1)[-len(labels) :] / np.float32(255),
                labels,
            )
            for (_, labels), (images, _) in parts
        ]

    return {"read_data_sets": faulty}


def _other_order(twin):
    del twin
    return {
        "next_batch": lambda images, labels, config: (
            tf.data.Dataset.from_tensor_slices((images, labels))
            .shuffle(len(images), seed=config.seed)
            .batch(config.batch_size)
            .repeat()
        )
    }


def _trained_mode(twin):
    """The test digits are normalised by their own statistics, and dropped."""
    build = twin.build

    def faulty(config):
        model = build(config)
        model.predict_on_batch = lambda images: model(images, training=True).numpy()
        return model

    return {"build": faulty}


FAULTS = {
    "update_ops_forgotten": Fault(
        "Nothing moves the moving statistics.",
        "updates",
        _layer("tf1_semantics", "BatchNormalization", _statistics_stand),
    ),
    "keras_batch_normalization": Fault(
        "Keras's layer, which remembers the variance of the population.",
        "updates",
        _layer("tf1_semantics", "BatchNormalization", keras.layers.BatchNormalization),
    ),
    "momentum_of_contrib": Fault(
        "The moving statistics have the momentum of contrib's layer.",
        "updates",
        _layer("tf1_semantics", "BatchNormalization", _momentum_of_contrib),
    ),
    "other_epsilon": Fault(
        "The variance is kept from zero by 1e-5.",
        "loss",
        _layer("tf1_semantics", "BatchNormalization", _epsilon_of_torch),
    ),
    "keras_dropout": Fault(
        "Keras's layer draws other masks.",
        "loss",
        _layer("tf1_semantics", "Dropout", _keras_dropout),
    ),
    "share_kept": Fault(
        "The share that is dropped is taken for the share that is kept.",
        "loss",
        fields={"dropout": 0.6},
    ),
    "channels_first": Fault(
        "What is flattened has its channels first.",
        "loss",
        _layer("keras", "Flatten", _channels_first),
    ),
    "keras_kernels": Fault(
        "Keras's GlorotUniform draws other kernels from the same seed.",
        "initial values",
        _keras_kernels,
    ),
    "pixels_divided": Fault(
        "Pixels are divided by 255, not multiplied by its rounded inverse.",
        "batches",
        _divided,
    ),
    "shuffled_by_tf_data": Fault(
        "The digits are shuffled by tf.data.", "batches", _other_order
    ),
    "validation_trained_on": Fault(
        "The digits that were held back are trained on.",
        "batches",
        fields={"validation_size": 0},
    ),
    "predicted_in_training_mode": Fault(
        "The test digits are predicted as in training.", "outputs", _trained_mode
    ),
    "wrong_rate": Fault(
        "The rate is a hundredth too high.", "updates", fields={"learning_rate": 0.0505}
    ),
}
