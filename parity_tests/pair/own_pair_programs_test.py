"""Pairs of one's own on real programs: 1.15.5's LSTM, layers without names, strategies."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1
from hypothesis import strategies as st

import parity_tests as parity
from parity_tests.engine import strategies
from parity_tests.models import chapters
from parity_tests.pair import small_pair
from parity_tests.witness import exported_twins
from parity_tests.witness.programs import lstm_classifier
from tf2_keras.tf1_semantics import optimizers

# Keras's LSTM multiplies inputs and state apart and adds, where TF1 has one product.
ROUNDED = parity.Budget(normwise=2048, reason="Keras's LSTM adds two products")


def keras_lstm(recurrent_activation="sigmoid"):
    x = keras.Input([6, 5], name="x")
    hidden = keras.layers.LSTM(
        8, name="lstm", recurrent_activation=recurrent_activation
    )(x)
    model = keras.Model(x, keras.layers.Dense(3, name="classes")(hidden))

    def loss(y_true, y_pred):
        return tf.reduce_mean(
            tf.nn.softmax_cross_entropy_with_logits(labels=y_true, logits=y_pred)
        )

    model.compile(optimizers.Adam(0.02), loss=loss, jit_compile=False)
    return model


def lstm_pair(tf2):
    spec = exported_twins.spec("lstm_classifier")
    inputs = spec.pop("inputs")
    side = parity.TF1Side(str(exported_twins.meta("lstm_classifier")), spec, inputs)
    batches = [{"x": x, "y_true": y_true} for x, y_true in lstm_classifier.batches()]
    stages = ("initial values", "outputs", "loss", "gradients", "slots", "updates")
    return parity.OwnPair(
        side, tf2, batches, levels=["function"], budgets=dict.fromkeys(stages, ROUNDED)
    )


def test_an_lstm_of_1_15_5_is_matched_with_that_of_keras_gate_by_gate():
    checked = lstm_pair(keras_lstm).check(init_from_tf1=True, steps=3)
    assert checked.data["matched"] == {
        "rnn/basic_lstm_cell/kernel": {
            "how": "gates of lstm/lstm_cell",
            "layout": "lstm kernel",
        },
        "rnn/basic_lstm_cell/bias": {
            "how": "gates of lstm/lstm_cell",
            "layout": "lstm bias",
        },
        "logits/kernel": {"how": "shape", "layout": "same"},
        "logits/bias": {"how": "shape", "layout": "same"},
    }
    checked.require_agreement()
    cells = checked.data["levels"]["function"]
    assert {"outputs", "loss", "gradients", "slots", "updates"} <= set(cells)
    assert 0 < cells["updates"]["normwise"] < ROUNDED.normwise


@pytest.mark.slow
def test_another_activation_of_the_gates_is_caught_in_the_outputs():
    tf2 = keras_lstm(recurrent_activation="hard_sigmoid")
    checked = lstm_pair(tf2).check(init_from_tf1=True, steps=1)
    ((_, divergence),) = checked.divergences.values()
    assert (divergence.step, divergence.stage) == (1, "outputs")


def nameless(order):
    """A TF1 graph of three square layers that a user never named."""

    def build():
        x = tf1.placeholder(tf.float32, [None, 4], name="x")
        y_true = tf1.placeholder(tf.float32, [None, 4], name="y_true")
        weights = [
            tf1.Variable(tf1.random_normal([4, 4], seed=number), trainable=True)
            for number in range(3)
        ]
        y_pred = x
        for number in order:
            y_pred = tf.tanh(tf.matmul(y_pred, weights[number]))
        loss = tf.reduce_mean(tf.square(y_pred - y_true))
        step = tf1.train.GradientDescentOptimizer(0.1).minimize(loss)
        return {"train": {"op": step, "loss": loss}}

    return build


class Shuffled(keras.Model):
    """Three layers that are applied in another order than they were made in."""

    def __init__(self, order):
        super().__init__()
        self.order = order
        self.denses = [
            keras.layers.Dense(4, "tanh", use_bias=False, name=f"dense_{number}")
            for number in range(3)
        ]
        for dense in self.denses:
            dense.build([None, 4])

    def call(self, x):
        for number in self.order:
            x = self.denses[number](x)
        return x


@pytest.mark.parametrize(
    "order, expected, how",
    [
        ((0, 1, 2), (0, 1, 2), "shape and order of use, confirmed by behaviour"),
        ((2, 0, 1), (2, 0, 1), "behaviour"),
    ],
)
def test_layers_without_names_are_told_by_order_and_by_what_they_do(
    order, expected, how
):
    model = Shuffled(order)
    model.compile(
        keras.optimizers.SGD(0.1), small_pair.MeanOfSquares(), jit_compile=False
    )
    random = np.random.RandomState(0)
    x, y_true = random.standard_normal([2, 8, 4]).astype(np.float32)
    model(x)
    pair = parity.OwnPair(nameless((0, 1, 2)), model, [(x, y_true)] * 2)
    checked = pair.check(init_from_tf1=True, levels_asked=["function"])
    checked.require_agreement()
    assert list(checked.data["names"].values()) == [
        f"dense_{number}/kernel" for number in expected
    ]
    assert {match["how"] for match in checked.data["matched"].values()} == {how}


def drawn(largest):
    return st.integers(1, 6).flatmap(
        lambda size: st.tuples(
            strategies.arrays((size, 3), magnitude=largest),
            strategies.arrays((size, 1), magnitude=largest),
        )
    )


def test_plays_are_drawn_and_the_first_that_parts_is_named():
    pair = small_pair.pair(batches=drawn(4.0))
    checked = pair.check(steps=2, examples=4, seed=3).require_agreement()
    assert checked.data["examples"] == 4
    off = small_pair.pair(
        tf2=lambda: small_pair.model(momentum=0.8), batches=drawn(4.0)
    )
    found = off.check(steps=2, examples=4, seed=3)
    again = off.check(steps=2, examples=4, seed=3)
    place = found.data["first_divergence"]["function"]
    assert place["stage"] == "slots" and 1 <= place["example"] <= 4
    assert place == again.data["first_divergence"]["function"]


def test_moves_of_several_kinds_are_played_in_their_order():
    """Two optimizers that take turns, as a GAN's do."""

    def tf1_side():
        x = tf1.placeholder(tf.float32, [None, 1], name="x")
        moves = {}
        for name in ("first", "second"):
            weights = tf1.get_variable(name, initializer=tf.ones([1, 1]))
            loss = tf.reduce_mean(tf.square(tf.matmul(x, weights)))
            optimizer = tf1.train.GradientDescentOptimizer(0.1)
            step = optimizer.minimize(loss, var_list=[weights])
            moves[name] = {"op": step, "loss": loss}
        return moves

    weights = {name: tf.Variable([[1.0]]) for name in ("first", "second")}

    def moving(name):
        def move(x):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(tf.matmul(x, weights[name])))
            (gradient,) = tape.gradient(loss, [weights[name]])
            weights[name].assign_sub(0.1 * gradient)
            return {"loss": {"loss": loss}, "gradients": {name: gradient}}

        return move

    twin = {"state": weights, "moves": {name: moving(name) for name in weights}}
    moves = [
        (name, {"x": np.ones([2, 1], np.float32)}) for name in (*weights, "second")
    ]
    checked = small_pair.pair(tf1_side, twin, batches=moves).check()
    checked.require_agreement()
    assert checked.data["steps"] == 3


@pytest.mark.parametrize("name", exported_twins.PROGRAMS)
def test_programs_of_1_15_5_need_no_map(name):
    """Slim's batch norms and an LSTM cell, found by what tells them apart."""
    spec = exported_twins.spec(name)
    inputs = spec.pop("inputs")
    # A twin fuses batch norms into convolutions where it predicts, which the branches of
    # a graph with is_training prevent: the last bits of a prediction differ.
    del spec["predict"]
    _, expected = exported_twins.TWINS[name]()
    side = parity.TF1Side(str(exported_twins.meta(name)), spec, inputs)
    batches = [batch for _, batch in exported_twins.training_moves(name)[:3]]
    pair = parity.OwnPair(
        side, lambda: exported_twins.TWINS[name]()[0], batches, levels=["function"]
    )
    checked = pair.check().require_agreement()
    assert checked.data["names"] == expected
    assert all(
        cell["max_ulp"] == 0 for cell in checked.data["levels"]["function"].values()
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["session_basics", "linear_regression", "logistic_regression", "mnist_cnn"]
)
def test_a_chapter_is_a_pair_of_ones_own_and_needs_no_map(name):
    setup = chapters.setup(name)
    config = chapters.graph(name).Config(**setup.configure(None, 1))
    train, _ = setup.load(None, 1)
    twin = chapters.twin(name)
    model = twin.build(twin.Config(**dataclasses.asdict(config)))
    pair = parity.OwnPair(
        lambda: chapters.program(name, config),
        model,
        lambda: setup.moves(train, config),
        steps=2,
        levels=["function"],
    )
    checked = pair.check().require_agreement()
    assert checked.data["names"] == twin.checkpoint_names(model)
    assert all(
        cell["max_ulp"] == 0
        for cell in checked.data["levels"]["function"].values()
        if cell["ok"] is not None
    )
