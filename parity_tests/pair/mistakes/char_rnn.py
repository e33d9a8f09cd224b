"""A character RNN: one BasicLSTM in dynamic_rnn, whose state is fed back in.

By the facts of sherjilozair's char-rnn-tensorflow: cross-entropy summed, then divided by
batch and time, gradients clipped to a global norm, Adam, and a rate that decays.

Shapes: B batch, T time steps, 7 characters, 6 units.
"""

import keras
import numpy as np
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.pair.mistakes import graphs, keras_layers
from parity_tests.pair.own_pair import OwnPair
from tf1_graph.parts import recurrent as tf1_recurrent
from tf2_keras.tf1_semantics import (
    clipping,
    initializers,
    optimizers,
    recurrent,
    schedules,
)

CHARACTERS, UNITS, BATCH, TIME, STEPS = 7, 6, 4, 5, 3
LARGEST_NORM, RATE, DECAY = 0.01, 0.02, 0.5
CLIP = {"clip": clipping.ByGlobalNorm(LARGEST_NORM)}


def build():
    with tf1_recurrent.while_loops():
        return _build()


def _build():
    tf1.set_random_seed(graphs.SEED)
    inputs = graphs.placeholders(
        words=[tf.int32, TIME], y_true=[tf.int32, TIME], c=[UNITS], h=[UNITS]
    )
    table = graphs.weights("embedding/embeddings", [CHARACTERS, UNITS], 1)
    x = tf.nn.embedding_lookup(table, inputs["words"])
    start = tf1.glorot_uniform_initializer(seed=2)
    with tf1.variable_scope(tf1.get_variable_scope(), initializer=start):
        cell = tf1_recurrent.cell_class("BasicLSTMCell")(UNITS)
        state = tf.nest.pack_sequence_as(cell.state_size, [inputs["c"], inputs["h"]])
        outputs, (c, h) = tf1.nn.dynamic_rnn(cell, x, initial_state=state)
    logits = graphs.dense(tf.reshape(outputs, [-1, UNITS]), "softmax", CHARACTERS, 3)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=tf.reshape(inputs["y_true"], [-1]), logits=logits
    )
    loss = tf.reduce_sum(losses) / BATCH / TIME
    step = tf1.train.create_global_step()
    rate = tf1.train.exponential_decay(RATE, step, 1, DECAY)
    optimizer = tf1.train.AdamOptimizer(rate)
    variables = tf1.trainable_variables()
    gradients, _ = tf1.clip_by_global_norm(tf1.gradients(loss, variables), LARGEST_NORM)
    pairs = list(zip(gradients, variables, strict=True))
    return {
        "inputs": inputs,
        "train": {
            "op": optimizer.apply_gradients(pairs, step),
            "loss": loss,
            "gradients": pairs,
            "optimizer": optimizer,
            "carried": {"c": c, "h": h},
        },
    }


class CharacterRNN(keras.Model):
    """The loss is that of all characters, divided by ``shares``."""

    def __init__(self, shares, **functional):
        super().__init__(**functional)
        self.shares = shares

    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):  # noqa: ARG002 -- Keras's signature
        logits = tf.reshape(y_pred["logits"], [-1, CHARACTERS])
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=tf.reshape(y, [-1]), logits=logits
        )
        loss = tf.reduce_sum(losses)
        for share in self.shares:
            loss = loss / share
        return loss


class KerasGates(recurrent.BasicLSTMCell):
    """A cell that reads TF1's kernel as if the gates were Keras's, i, f, j, o."""

    def next_states(self, inputs, c, h):
        i, f, j, o = tf.split(self.linear(inputs, h, self.kernel, self.bias), 4, axis=1)
        c = c * tf.sigmoid(f + self.forget_bias) + tf.sigmoid(i) * self.activation(j)
        return [c, self.activation(c) * tf.sigmoid(o)]


class LateDecay(schedules.ExponentialDecay):
    """The rate of the step before."""

    def __call__(self, step):
        return super().__call__(tf.maximum(step - 1, 0))


def decay(kind=schedules.ExponentialDecay):
    return kind(RATE, 1, DECAY)


def model(
    optimizer=optimizers.Adam,
    rate=decay,
    clip=CLIP,
    cell=recurrent.BasicLSTMCell,
    forget_bias=1.0,
    carried=True,
    shares=(BATCH, TIME),
    first_seed=1,
):
    """The Keras rewrite; arguments are mistakes."""
    words = keras.Input([TIME], dtype="int32", name="words")
    c, h = keras.Input([UNITS], name="c"), keras.Input([UNITS], name="h")
    x = keras.layers.Embedding(
        CHARACTERS,
        UNITS,
        embeddings_initializer=keras_layers.normal(first_seed),
        name="embedding",
    )(words)
    start = initializers.GlorotUniform(seed=(graphs.SEED, 2))
    cell = cell(UNITS, forget_bias, kernel_initializer=start, name="basic_lstm_cell")
    rnn = recurrent.DynamicRNN(cell, name="rnn")
    outputs, (new_c, new_h) = rnn(x, initial_state=(c, h) if carried else None)
    logits = keras_layers.dense("softmax", CHARACTERS, 3)(outputs)
    rewrite = CharacterRNN(
        shares,
        inputs={"words": words, "c": c, "h": h},
        outputs={"logits": logits, "c": new_c, "h": new_h},
    )
    rewrite.compile(optimizer(rate(), **clip), jit_compile=False)
    return rewrite


def batches():
    random = np.random.RandomState(5)
    drawn = []
    for step in range(STEPS):
        text = random.randint(CHARACTERS, size=(BATCH, TIME + 1)).astype(np.int32)
        batch = {"words": text[:, :-1].copy(), "y_true": text[:, 1:].copy()}
        if step == 0:
            batch["c"] = np.zeros([BATCH, UNITS], np.float32)
            batch["h"] = np.zeros([BATCH, UNITS], np.float32)
        drawn.append(batch)
    return drawn


def pair(**mistakes):
    """The ``OwnPair``."""
    return OwnPair(build, lambda: model(**mistakes), batches(), levels=["function"])
