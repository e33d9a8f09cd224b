"""Claims about places where the tensors of a layer are equal and its gradients are not."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.pair import small_pair, taps
from tf2_keras import tf1_semantics


def build(tied=False, stopped=False, share=None, clip=None):
    """A build function of two layers.

    Args:
        tied: whether the outputs are computed by the first kernel as well.
        stopped: whether it is read once more, without a gradient.
        share: of the first layer's gradient that goes through.
        clip: the largest norm of each gradient, or None.
    """

    def tf1_side():
        tf1.set_random_seed(1)
        x, y = (tf1.placeholder(tf.float32, [None, 4], name=name) for name in "xy")
        first, second = (
            tf1.get_variable(
                f"{name}/kernel",
                initializer=tf1.random_normal([4, 4], 0, 0.5, seed=seed),
            )
            for name, seed in (("first", 11), ("second", 12))
        )
        hidden = tf.tanh(tf.matmul(x, first))
        if share is not None:
            hidden = share * hidden + tf.stop_gradient((1 - share) * hidden)
        outputs = tf.nn.softplus(tf.matmul(hidden, second))
        if tied:
            outputs = tf.matmul(outputs, first, transpose_b=True)
        if stopped:
            outputs += tf.matmul(x, tf.stop_gradient(first)) * 0.1
        loss = tf.reduce_mean(tf.square(outputs - y))
        optimizer = tf1.train.GradientDescentOptimizer(0.1)
        pairs = optimizer.compute_gradients(loss)
        if clip is not None:
            pairs = [(tf.clip_by_norm(gradient, clip), v) for gradient, v in pairs]
        step = optimizer.apply_gradients(pairs)
        return {"inputs": {"x": x, "y_true": y}, "train": {"op": step, "loss": loss}}

    return tf1_side


class Tied(keras.layers.Layer):
    """What reads the kernel of a layer once more."""

    def __init__(self, dense, read, **options):
        super().__init__(**options)
        self.of, self.read = [dense], read

    def call(self, outputs, x):
        return self.read(outputs, x, self.of[0].kernel.value)


class Doubled(keras.layers.Layer):
    """Hands back twice the gradient."""

    def call(self, x):
        @tf.custom_gradient
        def doubled(tensor):
            return tf.identity(tensor), lambda upstream: 2.0 * upstream

        return doubled(x)


def model(read=None, between=None):
    """The rewrite. read: what ``Tied`` does. between: a layer between the two."""

    def dense(name, seed, activation):
        return keras.layers.Dense(
            4,
            activation=activation,
            use_bias=False,
            kernel_initializer=tf1_semantics.initializers.RandomNormal(
                stddev=0.5, seed=(1, seed)
            ),
            name=name,
        )

    def tf2():
        x = keras.Input([4], name="x")
        first = dense("first", 11, "tanh")
        hidden = first(x)
        if between is not None:
            hidden = between()(hidden)
        outputs = dense("second", 12, "softplus")(hidden)
        if read is not None:
            outputs = Tied(first, read, name="tied")(outputs, x)
        rewrite = keras.Model(x, outputs)
        loss = small_pair.MeanOfSquares()
        optimizer = tf1_semantics.optimizers.GradientDescent(0.1)
        rewrite.compile(optimizer, loss, jit_compile=False)
        return rewrite

    return tf2


def place_of(tf1_side, tf2):
    """The ``taps.Place``, of gradients that part where all outputs are equal."""
    random = np.random.RandomState(0)
    batches = [
        tuple(random.standard_normal([5, 4]).astype(np.float32) for _ in range(2))
        for _ in range(2)
    ]
    checked = small_pair.pair(tf1_side, tf2, batches=batches).check()
    _, divergence = checked.divergences["function"]
    assert divergence.stage == "gradients"
    return checked.places["function"]


def read_once_less(outputs, _x, kernel):
    return tf.matmul(outputs, tf.stop_gradient(kernel), transpose_b=True)


def read_once_more(outputs, x, kernel):
    return outputs + tf.matmul(x, kernel) * 0.1


@pytest.mark.parametrize(
    "tf1_side, tf2",
    [
        (build(tied=True), model(read_once_less)),
        (build(stopped=True), model(read_once_more)),
        (build(share=0.5), model()),
    ],
    ids=["read without a gradient", "read with a gradient", "a share of the gradient"],
)
def test_a_gradient_that_nothing_is_made_of_is_apart_where_its_variable_is(
    tf1_side, tf2
):
    place = place_of(tf1_side, tf2)
    assert (place.layer, place.direction) == ("first", "backward")
    assert place.kind == "Dense, gradient of its kernel, wherever it is read"
    assert "gradients/" in place.op


def test_a_clip_is_still_what_is_made_of_the_gradients():
    place = place_of(build(clip=0.01), model())
    assert place.layer == taps.AFTER
    assert "clip_by_norm" in place.op


def test_a_layer_that_hands_back_another_gradient_is_named_and_not_the_one_before():
    place = place_of(build(), model(between=lambda: Doubled(name="doubled")))
    assert (place.layer, place.direction) == ("doubled", "backward")
    assert place.kind == "Doubled, what it hands back to first"
