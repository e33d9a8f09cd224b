"""Models of tf.keras and their ``.h5``: ``python -m parity_tests.witness.programs.keras_files``.

``--out DIR`` under 1.15.5 stores ``layers.h5``, a functional model that Adam trained some
steps, with what it computes and what one step more makes of it; ``words.h5``, a Sequential
one by RMSprop; ``cudnn.h5``, weights in the layout of CuDNNLSTM and CuDNNGRU with what
1.15.5's LSTM and GRU compute after they loaded them.

Shapes: 8 examples of [6, 6, 2] pixels and of 5 words.
"""

import os

import h5py
import numpy as np
import tensorflow.compat.v1 as tf

from parity_tests.witness.programs import export

UNITS, FEATURES, BATCH = 3, 4, 4


def images_and_words():
    """(images, words, targets)."""
    numbers = np.random.RandomState(0)
    images = numbers.standard_normal((8, 6, 6, 2)).astype(np.float32)
    words = numbers.randint(0, 9, (8, 5)).astype(np.float32)
    return images, words, np.eye(2, dtype=np.float32)[numbers.randint(0, 2, 8)]


def of_layers():
    """A model of most of the layers that have weights."""
    layers = tf.keras.layers
    images = layers.Input((6, 6, 2), name="images")
    words = layers.Input((5,), name="words")
    y = layers.Conv2D(3, 3, activation="relu", name="conv")(images)
    y = layers.BatchNormalization(name="bn")(y)
    y = layers.DepthwiseConv2D(2, name="depthwise")(y)
    y = layers.SeparableConv2D(2, 2, activation="hard_sigmoid", name="separable")(y)
    y = layers.Conv2DTranspose(2, 2, name="transpose")(y)
    y = layers.GlobalAveragePooling2D()(y)
    looked_up = layers.Embedding(9, 4, name="embedding")(words)
    lstm = layers.LSTM(3, name="lstm")(looked_up)
    gru = layers.GRU(3, name="gru")(looked_up)
    both = layers.Bidirectional(layers.LSTM(2, return_sequences=True), name="both")
    z = layers.Conv1D(2, 2, name="conv1d")(both(looked_up))
    z = layers.GlobalMaxPooling1D()(z)
    y = layers.Concatenate()([y, lstm, gru, z])
    y = layers.LeakyReLU(name="leaky")(layers.LayerNormalization(name="norm")(y))
    regularizer = tf.keras.regularizers.l2(0.01)
    y = layers.Dense(
        2, activation="softmax", kernel_regularizer=regularizer, name="out"
    )(y)
    model = tf.keras.Model([images, words], y)
    model.compile(tf.keras.optimizers.Adam(0.01), "categorical_crossentropy")
    return model


def of_words():
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [
            layers.Embedding(9, 4, input_length=5),
            layers.GRU(
                3,
                reset_after=True,
                recurrent_activation="sigmoid",
                return_sequences=True,
            ),
            layers.LSTM(3, recurrent_activation="sigmoid"),
            layers.Dense(1),
        ]
    )
    model.compile(tf.keras.optimizers.SGD(0.05, momentum=0.9), "mse")
    return model


def train(model, x, y, steps):
    for step in range(steps):
        rows = slice(step % 2 * BATCH, (step % 2 + 1) * BATCH)
        model.train_on_batch([part[rows] for part in x], y[rows])


def played(out, name, model, x, y):
    """Trains, saves, computes and goes on: {what: array}."""
    train(model, x, y, 4)
    model.save(os.path.join(out, name + ".h5"))
    arrays = {name + "_outputs": model.predict_on_batch(x)}
    train(model, x, y, 1)
    for number, value in enumerate(model.get_weights()):
        arrays[f"{name}_resumed_{number}"] = value
    return arrays


def cudnn(out):
    """Writes weights as CuDNN's layers had them; {what: array}."""
    numbers = np.random.RandomState(1)
    path = os.path.join(out, "cudnn.h5")
    arrays = {
        "cudnn_x": numbers.standard_normal((4, 5, FEATURES)).astype(np.float32),
    }
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"lstm", b"gru"]
        file.attrs["backend"], file.attrs["keras_version"] = b"tensorflow", b"2.2.4-tf"
        for name, gates in (("lstm", 4), ("gru", 3)):
            group = file.create_group(name)
            width = gates * UNITS
            shapes = {
                "kernel": (FEATURES if name == "lstm" else UNITS, width),
                "recurrent_kernel": (UNITS, width),
                "bias": (2 * width,),
            }
            names = [f"{name}/{part}:0" for part in shapes]
            group.attrs["weight_names"] = [n.encode() for n in names]
            for part, shape in zip(names, shapes.values()):
                group[part] = numbers.standard_normal(shape).astype(np.float32) / 2
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [
            layers.LSTM(
                UNITS,
                recurrent_activation="sigmoid",
                return_sequences=True,
                input_shape=(5, FEATURES),
                name="lstm",
            ),
            layers.GRU(
                UNITS, recurrent_activation="sigmoid", reset_after=True, name="gru"
            ),
        ]
    )
    model.load_weights(path)
    arrays["cudnn_outputs"] = model.predict_on_batch(arrays["cudnn_x"])
    return arrays


def main():
    out = export.folder("keras_files", __doc__.splitlines()[0])
    tf.set_random_seed(1)
    images, words, targets = images_and_words()
    arrays = {"images": images, "words": words, "targets": targets}
    arrays.update(played(out, "layers", of_layers(), [images, words], targets))
    arrays.update(played(out, "words", of_words(), [words], targets[:, :1]))
    arrays.update(cudnn(out))
    export.write("keras_files", out, None, arrays)


if __name__ == "__main__":
    main()
