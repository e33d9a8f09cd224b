"""Sequences of many lengths told apart by a bidirectional network: the Keras 3 twin.

A sequence counts up from a random start, or its numbers are random: the toy of the most
copied example of dynamic_rnn. Padded with zeros to one length, each is read from both of
its own ends, and what both directions know at last decides.

Shapes: B batch, T = 20 time steps at most, 1 feature, H hidden units a direction.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics


@dataclasses.dataclass(frozen=True)
class Config:
    seq_max_len: int = 20  # T
    n_hidden: int = 64  # H
    n_classes: int = 2  # counting, random
    learning_rate: float = 0.01
    batch_size: int = 128
    training_steps: int = 10000
    display_step: int = 200  # steps between two reports of loss and accuracy
    seed: int = 1  # of the graph; each variable adds its own


def make_data(seed, samples, config, min_seq_len=3, max_value=1000):
    """(x [samples, T, 1], lengths [samples], one-hot [samples, 2]); zeros are padding."""
    random = np.random.RandomState(seed)
    x = np.zeros([samples, config.seq_max_len, 1], np.float32)
    lengths = random.randint(min_seq_len, config.seq_max_len + 1, samples)
    counting = random.rand(samples) < 0.5
    for sequence, length, counts in zip(x, lengths, counting, strict=True):
        if counts:
            start = random.randint(max_value - length)
            values = np.arange(start, start + length)
        else:
            values = random.randint(max_value, size=length)
        sequence[:length, 0] = values / max_value
    labels = np.stack([counting, ~counting], axis=1).astype(np.float32)
    return x, lengths.astype(np.int32), labels


def next_batch(data, batch_size):
    """Endless batches ({x, lengths}, labels) in order; short at the end of the data."""
    x, lengths, labels = data
    examples = {"x": x, "lengths": lengths}, labels
    return tf.data.Dataset.from_tensor_slices(examples).batch(batch_size).repeat()


def cell(seed, config):
    """A GRU. Its gates' bias starts at one, whatever initializer the kernels have."""
    # keras.layers.GRU resets the state after the product, and its gates start at zero.
    return tf1_semantics.recurrent.GRUCell(
        config.n_hidden,
        kernel_initializer=tf1_semantics.initializers.GlorotUniform(
            seed=(config.seed, seed)
        ),
    )


@keras.saving.register_keras_serializable("rnn_classifier")
class LastRelevant(keras.layers.Layer):
    """[B, T, H], [B] -> [B, H]: each sequence's output at its own end."""

    def call(self, outputs, lengths):
        # keras.ops has take_along_axis, for which H indices a row would have to be made.
        rows = tf.range(tf.shape(lengths)[0])
        return tf.gather_nd(outputs, tf.stack([rows, lengths - 1], axis=1))

    def compute_output_shape(self, outputs_shape, lengths_shape=None):
        return outputs_shape[0], outputs_shape[2]


def inference(x, lengths, config):
    """[B, T, 1], lengths [B] -> logits [B, n_classes], float32."""
    # Past a sequence's length outputs are zeros and the state stays as it was. Keras has
    # masks for it, and repeats the last output there.
    (outputs_fw, outputs_bw), _ = tf1_semantics.recurrent.BidirectionalDynamicRNN(
        cell(21, config), cell(22, config), name="bidirectional_rnn"
    )(x, lengths)
    # Each sequence is turned around within its length, padding stays last: the way back
    # ends at time 0.
    outputs = keras.ops.concatenate(
        [LastRelevant()(outputs_fw, lengths), outputs_bw[:, 0]], 1
    )
    random_normal = tf1_semantics.initializers.RandomNormal
    outputs = keras.layers.Dense(
        config.n_classes,
        use_bias=False,
        kernel_initializer=random_normal(seed=(config.seed, 11)),
        name="output",
    )(outputs)
    return tf1_semantics.layers.AddBias(
        random_normal(seed=(config.seed, 12)), name="output_add"
    )(outputs)


@keras.saving.register_keras_serializable("rnn_classifier")
def loss(y_true, y_pred):
    """Mean softmax cross-entropy of one-hot [B, n_classes] and logits, a scalar."""
    return keras.ops.mean(
        keras.losses.categorical_crossentropy(y_true, y_pred, from_logits=True)
    )


def optimizer(config):
    """The optimizer. Keras's SGD without momentum is TF1's gradient descent."""
    return keras.optimizers.SGD(config.learning_rate, name="sgd")


def accuracy(y_true, y_pred):
    """The share of examples whose largest logit is at the label, a scalar."""
    # keras.ops.argmax takes 0.0 for greater than -0.0, TF1's the first of the two.
    correct_pred = keras.ops.equal(tf.argmax(y_pred, 1), tf.argmax(y_true, 1))
    return keras.ops.mean(keras.ops.cast(correct_pred, "float32"))


def build(config=Config()):
    """The whole model, compiled."""
    x = keras.Input([config.seq_max_len, 1], name="x")
    lengths = keras.Input([], dtype="int32", name="lengths")
    model = keras.Model([x, lengths], inference(x, lengths, config))
    model.compile(optimizer=optimizer(config), loss=loss, jit_compile=False)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}."""
    rnn = model.get_layer("bidirectional_rnn")
    names = {name: weight.path for name, weight in rnn.tf1_weights().items()}
    return {**names, "weights": "output/kernel", "biases": "output_add/bias"}


def run(train_data, test_data, config=Config()):
    """Returns ([(step, loss and accuracy of the batch)] at each report, test accuracy).

    Args:
        train_data, test_data: (x, lengths, labels) as ``make_data`` gives them.
    """
    model = build(config)
    batches = next_batch(train_data, config.batch_size)
    reports = []

    @tf.function(reduce_retracing=True)
    def evaluate(inputs, y):
        y_pred = model(inputs, training=False)
        return loss(y, y_pred), accuracy(y, y_pred)

    # fit could report no more than what it computes before each update.
    for step, (inputs, y) in enumerate(batches.take(config.training_steps)):
        model.train_on_batch(inputs, y)
        if step % config.display_step == 0:
            reports.append((step, *(part.numpy() for part in evaluate(inputs, y))))
    x, lengths, y = test_data
    _, test_accuracy = evaluate({"x": x, "lengths": lengths}, y)
    return reports, test_accuracy.numpy()
