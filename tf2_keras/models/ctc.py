"""A small recogniser of speech: the Keras 3 twin.

Frames of sound become letters; which frame is which letter nobody says. The loss sums
over all ways to say the target, in which a blank stands between letters.

Shapes: B batch, T frames, F = 13 features of a frame, H = 50 hidden units, C = 28 classes,
the space first, the blank last.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics


@dataclasses.dataclass(frozen=True)
class Config:
    num_features: int = 13  # F
    num_units: int = 50  # H
    num_classes: int = 28  # C: the space, 26 letters, the blank
    learning_rate: float = 1e-2
    momentum: float = 0.9
    batch_size: int = 1
    num_steps: int = 200
    seed: int = 1  # of the graph; each random op adds its own


def sparse_tuple_from(sequences):
    """(indices [n, 2], values [n], shape [2]) of lists of letters, as int64 and int32."""
    indices = [
        (row, i) for row, sequence in enumerate(sequences) for i in range(len(sequence))
    ]
    shape = [len(sequences), max(len(sequence) for sequence in sequences)]
    values = np.concatenate(sequences).astype(np.int32)
    return np.int64(indices), values, np.int64(shape)


def next_batch(x, lengths, targets, batch_size):
    """An endless tf.data.Dataset of ({x, lengths}, sparse targets), short at the end."""

    def batches():
        for start in range(0, len(x), batch_size):
            cut = slice(start, start + batch_size)
            inputs = {"x": x[cut], "lengths": lengths[cut]}
            yield inputs, tf.SparseTensor(*sparse_tuple_from(targets[cut]))

    inputs = {
        "x": tf.TensorSpec([None, None, x.shape[2]], tf.float32),
        "lengths": tf.TensorSpec([None], tf.int32),
    }
    signature = inputs, tf.SparseTensorSpec([None, None], tf.int32)
    one_epoch = tf.data.Dataset.from_generator(batches, output_signature=signature)
    # Python makes each batch once, and not in every epoch.
    return one_epoch.cache().repeat()


def inference(x, seq_len, config):
    """[B, T, F], [B] -> logits [T, B, C]: time comes first, as the loss wants it."""
    # keras.layers.LSTM repeats its last output behind the end, and sums otherwise.
    initializer = tf1_semantics.initializers.GlorotUniform(seed=(config.seed, 21))
    cell = tf1_semantics.recurrent.LSTMCell(config.num_units, initializer=initializer)
    outputs, _ = tf1_semantics.recurrent.DynamicRNN(cell, name="rnn")(x, seq_len)
    return Logits(config.num_classes, config.seed, name="logits")(outputs)


@keras.saving.register_keras_serializable("ctc")
class Logits(keras.layers.Layer):
    """[B, T, H] -> [T, B, C]. Of [B, T, H] Dense would sum the bias's gradient otherwise."""

    def __init__(self, num_classes, seed, **kwargs):
        super().__init__(**kwargs)
        self.num_classes, self.seed = num_classes, seed

    def build(self, input_shape):
        truncated_normal = tf1_semantics.initializers.TruncatedNormal(
            stddev=0.1, seed=(self.seed, 11)
        )
        shape = input_shape[-1], self.num_classes
        self.w = self.add_weight(shape=shape, initializer=truncated_normal, name="W")
        self.b = self.add_weight(shape=shape[1:], initializer="zeros", name="b")

    def call(self, outputs):
        logits = (
            tf.matmul(tf.reshape(outputs, [-1, outputs.shape[-1]]), self.w) + self.b
        )
        logits = tf.reshape(logits, [tf.shape(outputs)[0], -1, self.num_classes])
        return tf.transpose(logits, [1, 0, 2])

    def compute_output_shape(self, input_shape):
        return input_shape[1], input_shape[0], self.num_classes

    def get_config(self):
        config = {"num_classes": self.num_classes, "seed": self.seed}
        return {**super().get_config(), **config}


def loss(targets, logits, seq_len):
    """Mean of the losses of sparse targets, a scalar; the last class is the blank."""
    # Sparse targets go to TF1's own kernel; dense ones, and keras.ops.ctc_loss, to another.
    # The blank was the last class, and is the first unless it is said.
    losses = tf.nn.ctc_loss(targets, logits, None, seq_len, blank_index=-1)
    return keras.ops.mean(losses)


def decoders(logits, seq_len):
    """[T, B, C] -> letters [B, L] of the likeliest path, and of the likeliest text; -1 fills."""
    (greedy,), _ = tf.nn.ctc_greedy_decoder(logits, seq_len)
    # It has no merge_repeated any more: False it is.
    (beam,), _ = tf.nn.ctc_beam_search_decoder(logits, seq_len, beam_width=10)
    return [tf.sparse.to_dense(text, default_value=-1) for text in (greedy, beam)]


def optimizer(config):
    """Momentum. Keras's SGD remembers steps, and the rate with them."""
    return tf1_semantics.optimizers.Momentum(
        config.learning_rate, config.momentum, name="momentum"
    )


@keras.saving.register_keras_serializable("ctc")
class Recogniser(keras.Model):
    """Its loss is of lengths as well."""

    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
        return loss(y, y_pred, x["lengths"])


def build(config=Config()):
    """The whole model, compiled."""
    x = keras.Input([None, config.num_features], name="x")
    seq_len = keras.Input([], dtype="int32", name="lengths")
    model = Recogniser({"x": x, "lengths": seq_len}, inference(x, seq_len, config))
    model.compile(optimizer=optimizer(config), jit_compile=False)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}."""
    rnn = model.get_layer("rnn")
    names = {name: weight.path for name, weight in rnn.tf1_weights().items()}
    return {**names, "W": "logits/W", "b": "logits/b"}


def run(train_data, x, lengths, config=Config()):
    """Returns ([loss of each step], the likeliest letters of x, -1 behind them).

    Args:
        train_data: (x [n, T, F], float32; lengths [n], int32; n lists of letters).
        x, lengths: of what is to be read.
    """
    model = build(config)
    # What fit itself keeps is a mean over the epoch; a Session fetched each step's loss.
    history = tf1_semantics.callbacks.StepHistory()
    model.fit(
        next_batch(*train_data, config.batch_size),
        steps_per_epoch=config.num_steps,
        shuffle=False,
        verbose=0,
        callbacks=[history],
    )
    logits = model({"x": x, "lengths": lengths}, training=False)
    return history.history["loss"], decoders(logits, lengths)[0].numpy()
