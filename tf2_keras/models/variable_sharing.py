"""Shared variables in Keras: one layer, called twice.

The same encoder of pairs as the TF1 twin. What a scope shared by name, a layer shares by
being the same object; what a collection gathered, the layer lists; what a custom getter
replaced, a ``tf.Module`` holds.

Run it: ``python -m tf2_keras.models.variable_sharing``
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 5
    words: int = 6
    width: int = 4
    parts: int = 2  # of the table
    learning_rate: float = 0.125
    weight_decay: float = 0.0625
    average_decay: float = 0.5
    seed: int = 1  # of the graph; each random op adds its own


def encode(words, table, kernel, bias):
    """[batch] int32 -> [batch, 2]: rows of a table, times a kernel, plus a bias."""
    # Word i is row i // parts of part i % parts, strategy "mod". tf.nn's own lookup takes
    # parts as well, by strategy "div": other rows, and no word about it.
    embedded = tf.compat.v1.nn.embedding_lookup(table, words)
    return tf.matmul(embedded, kernel) + bias


class Encoder(keras.layers.Layer):
    """``encode`` with variables of its own; what is shared is the layer."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config

    def build(self, input_shape):
        config = self.config

        def weight(name, shape, initializer):
            # Of each variable by itself: a layer has no scope that hands one down.
            return self.add_weight(
                name=name,
                shape=shape,
                initializer=initializer,
                regularizer=lambda w: config.weight_decay * tf.nn.l2_loss(w),
            )

        def uniform(seed):
            return tf1_semantics.initializers.RandomUniform(
                -1.0, 1.0, seed=(config.seed, seed)
            )

        # A seeded initialiser begins its stream in each part: TF1's parts start equal.
        self.table = [
            weight(f"part_{number}", (rows, config.width), uniform(11))
            for number, rows in enumerate(rows_of_parts(config))
        ]
        self.kernel = weight("kernel", (config.width, 2), uniform(12))
        self.bias = weight("bias", (2,), "zeros")

    def call(self, words):
        table = [part.value for part in self.table]
        return encode(words, table, self.kernel.value, self.bias.value)


def rows_of_parts(config):
    """How many rows each part of the table has: the first ones take what is left over."""
    rows, left_over = divmod(config.words, config.parts)
    return [rows + (part < left_over) for part in range(config.parts)]


def distances(left, right, encoder):
    """[batch]: the squared distance of the two words of each pair."""
    difference = encoder(left) - encoder(right)
    return tf.reduce_sum(tf.square(difference), axis=1)


class Averages(tf.Module):
    """``encode`` with the moving averages of an encoder's variables.

    A ``tf.Module`` finds its variables as a layer does, and does no more: what is never
    trained needs no build, no regularizers and no ``add_weight``.
    """

    def __init__(self, encoder):
        super().__init__(name="averages")
        self.averages = [
            # Where TF1's averages start.
            tf.Variable(variable.value, trainable=False)
            for variable in encoder.weights
        ]

    def __call__(self, words):
        *table, kernel, bias = self.averages
        return encode(words, table, kernel, bias)


def averaged_by(encoder):
    """The encoder again, of averages: no getter is needed where nothing is got by name."""
    return Averages(encoder)


def update_averages(averages, encoder, config):
    """Each average goes a share of its way to the variable."""
    # TF1 subtracts the decay as a float32 tensor: 1 - 0.99 is another number in Python.
    share = 1.0 - np.float32(config.average_decay)
    for average, variable in zip(averages.averages, encoder.weights, strict=True):
        average.assign_sub((average - variable.value) * share)


def names_of(encoder):
    """The names that the variables had in TF1, an array of text."""
    parts = [f"table/part_{part}" for part in range(len(encoder.table))]
    return np.array([f"encoder/{name}" for name in (*parts, "kernel", "bias")])


def run(left_words, right_words, y_data, config=Config()):
    """What was made, then what each step saw and left behind, by stage."""
    encoder = Encoder(config)
    encoder.build(None)
    variables = encoder.trainable_variables
    optimizer = keras.optimizers.SGD(config.learning_rate)
    optimizer.build(variables)
    averages = averaged_by(encoder)

    @tf.function
    def step(left, right, y_true):
        y_pred = distances(left, right, encoder)
        loss = 0.5 * tf.reduce_sum(tf.square(y_true - y_pred))
        # One loss a variable, however often the layer was called. fit would add them to
        # the loss; this program did not.
        penalties = encoder.losses
        values = [variable.value for variable in variables]
        gradients = tf.gradients(loss, values)
        optimizer.apply(gradients, variables)
        update_averages(averages, encoder, config)
        return {
            "outputs": {
                "y_pred": y_pred,
                "averaged": distances(left, right, averages),
            },
            "loss": {"loss": loss, "penalties": tf.stack(penalties)},
        }

    names = names_of(encoder)
    averaged = [f"{name}/ExponentialMovingAverage" for name in names]

    def state():
        values = [*encoder.weights, *averages.averages]
        named = zip([*names, *averaged], values, strict=True)
        return {name: variable.numpy() for name, variable in named}

    made = {
        "trainable": names,
        "all": np.sort([*names, *averaged]),
        "penalties": np.int64(len(encoder.losses)),
    }
    history = [{"initial values": state(), "collections": made}]
    for _ in range(config.steps):
        seen = step(left_words, right_words, y_data)
        record = {
            stage: {name: tensor.numpy() for name, tensor in tensors.items()}
            for stage, tensors in seen.items()
        }
        record["updates"] = state()
        history.append(record)
    return history


if __name__ == "__main__":
    words = np.int32([0, 1, 2, 3]), np.int32([1, 2, 5, 5])
    begun, *steps = run(*words, np.float32([0, 1, 0, 1]))
    print(*begun["collections"]["trainable"])
    for record in steps:
        loss, penalties = record["loss"].values()
        print(f"loss {loss:.5f}, penalties {penalties.sum():.5f}")
