"""Claims about the place in the network: the layer that is wrong is the one named."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

import parity_tests as parity
from parity_tests.pair import small_pair
from tf2_keras.tf1_semantics import optimizers


def build():
    """Four layers, the two in the middle beside each other."""
    x = tf1.placeholder(tf.float32, [None, 3], name="x")
    y_true = tf1.placeholder(tf.float32, [None, 1], name="y_true")
    random = np.random.RandomState(0)

    def dense(x, name, units, activation):
        shape = [int(x.shape[-1]), units]
        weights = tf1.get_variable(
            f"{name}/kernel",
            initializer=random.standard_normal(shape).astype(np.float32),
        )
        bias = tf1.get_variable(f"{name}/bias", initializer=tf.fill([units], 0.1))
        y = tf.nn.bias_add(tf.matmul(x, weights), bias, name=f"{name}/add")
        return activation(y, name=f"{name}/out") if activation else y

    hidden = dense(x, "first", 4, tf.nn.relu)
    left, right = (dense(hidden, name, 5, tf.nn.tanh) for name in ("left", "right"))
    y_pred = dense(tf.concat([left, right], 1, name="both"), "last", 1, None)
    loss = tf.reduce_mean(tf.square(y_true - y_pred))
    step = tf1.train.GradientDescentOptimizer(0.1).minimize(loss)
    return {
        "train": {"op": step, "loss": loss},
        "predict": {"outputs": {"y_pred": y_pred}},
    }


def rewrite(**activations):
    x = keras.Input([3], name="x")

    def dense(units, name, usual):
        return keras.layers.Dense(units, activations.get(name, usual), name=name)

    hidden = dense(4, "first", "relu")(x)
    left, right = (dense(5, name, "tanh")(hidden) for name in ("left", "right"))
    both = keras.layers.Concatenate(name="both")([left, right])
    model = keras.Model(x, dense(1, "last", None)(both))
    model.compile(
        optimizers.GradientDescent(0.1), small_pair.MeanOfSquares(), jit_compile=False
    )
    return model


def checked(model):
    pair = parity.OwnPair(build, model, small_pair.batches(2), levels=["function"])
    return pair.check(init_from_tf1=True)


@pytest.mark.parametrize(
    "layer, activation, op_type",
    [
        ("first", "elu", "Relu"),
        ("left", "sigmoid", "Tanh"),
        ("right", None, "Tanh"),
        ("last", "relu", "BiasAdd"),
    ],
)
def test_the_layer_that_is_wrong_is_named_with_its_op(layer, activation, op_type):
    found = checked(rewrite(**{layer: activation}))
    place = found.places["function"]
    assert (place.layer, place.kind) == (layer, "Dense")
    assert found.data["place"]["function"]["layer"] == layer
    if op_type is not None:
        assert place.op_type == op_type and place.op.startswith(layer)
    with pytest.raises(AssertionError, match=f"first apart in layer {layer}, Dense"):
        found.require_agreement()


def test_a_layer_that_is_off_by_a_last_bit_is_named_as_well():
    class Off(keras.layers.Layer):
        def call(self, x):
            return x * np.float32(1 + 2**-23)

    x = keras.Input([3], name="x")
    model = rewrite()
    y = Off(name="off")(model.get_layer("first")(x))
    left, right = (model.get_layer(name)(y) for name in ("left", "right"))
    y = model.get_layer("last")(model.get_layer("both")([left, right]))
    model = keras.Model(x, y)
    model.compile(
        optimizers.GradientDescent(0.1), small_pair.MeanOfSquares(), jit_compile=False
    )
    place = checked(model).places["function"]
    assert (place.layer, place.kind) == ("off", "Off")
    assert place.op == "first/out" and 0 < place.distance < 2


def test_two_sides_that_part_after_the_network_part_in_the_optimizer():
    model = rewrite()
    model.compile(
        optimizers.GradientDescent(0.2), small_pair.MeanOfSquares(), jit_compile=False
    )
    place = checked(model).places["function"]
    assert (place.layer, place.op_type) == ("optimizer", "ResourceApplyGradientDescent")
    assert place.describe().startswith("gradients are equal, the update is not")
