"""Claims about parts without a trap: the reasons that no other test holds."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from parity_tests.parts.table import PARTS
from tf2_keras.tf1_semantics import attention, layers, recurrent

NO_NAMESAKE = "Keras has no namesake"
# Where one would look; keras.backend is Keras 2's, of functions.
MODULES = ("layers", "losses", "metrics", "optimizers", "initializers", "ops", "random")


def plain(name):
    return name.lower().replace("_", "")


def public_names(module):
    """Names of Keras's objects under a public module, those of modules within it too."""
    for name, known in vars(module).items():
        if isinstance(known, types.ModuleType):
            if known.__name__.startswith(module.__name__ + "."):
                yield from public_names(known)
        elif not name.startswith("_"):
            yield plain(name)


def test_of_what_is_said_to_have_no_namesake_keras_has_none():
    names = {name for key in MODULES for name in public_names(getattr(keras, key))}
    assert {"dense", "adam", "cosinedecay"} <= names
    said = [part.name for part in PARTS if (part.no_trap or "").startswith(NO_NAMESAKE)]
    assert len(said) > 10
    assert [name for name in said if plain(name.rpartition(".")[2]) in names] == []


def test_a_hardmax_is_the_place_of_the_largest():
    x = tf.constant([[1.0, 3.0, 3.0], [-1.0, -2.0, -1.0]])  # ties as well
    expected = tf.one_hot(tf.argmax(x, -1), 3)
    np.testing.assert_array_equal(attention.hardmax(x), expected, strict=True)


def gradients_of(layer, x, upstream):
    """(output, gradient of the bias) of a layer, in a function."""

    @tf.function
    def run():
        with tf.GradientTape() as tape:
            y = layer(x)
        return y, tape.gradient(y, layer.bias.value, upstream)

    layer(x)
    layer.bias.assign(np.linspace(-1, 1, 8, dtype=np.float32))
    return [tensor.numpy() for tensor in run()]


@pytest.mark.parametrize("kind", ["Dense", "Conv2D"])
def test_the_bias_of_kerass_layers_differs_by_the_roundings_of_its_gradient(kind):
    random = np.random.RandomState(0)
    shape = (64, 8) if kind == "Dense" else (2, 6, 6, 8)
    x, upstream = (
        tf.constant(random.standard_normal(shape).astype(np.float32)) for _ in range(2)
    )
    of_keras = keras.layers.Dense(8) if kind == "Dense" else keras.layers.Conv2D(8, 1)
    of_keras(x)
    of_keras.kernel.assign(np.reshape(np.eye(8), of_keras.kernel.shape))
    expected, of_dense = gradients_of(of_keras, x, upstream)
    for part in (layers.BiasAdd(), layers.AddBias()):
        y, gradient = gradients_of(part, x, upstream)
        np.testing.assert_array_equal(y, expected, strict=True)
        np.testing.assert_allclose(gradient, of_dense, rtol=1e-5, atol=1e-5)
        if kind == "Dense" and isinstance(part, layers.BiasAdd):
            np.testing.assert_array_equal(gradient, of_dense, strict=True)


@pytest.mark.parametrize("units", [1, 2])
def test_kerass_dense_of_one_unit_broadcasts_its_bias(units):
    """A product and a BiasAdd are fused in a graph, and sum otherwise than alone."""
    random = np.random.RandomState(0)
    x, kernel, bias = (
        random.standard_normal(shape).astype(np.float32)
        for shape in ([2, 16], [16, units], [units])
    )
    dense = keras.layers.Dense(units)
    apart = keras.Sequential(
        [keras.layers.Dense(units, use_bias=False), layers.BiasAdd()]
    )
    signature = [tf.TensorSpec([None, 16])]
    outputs, ops = [], []
    for layer in (apart, dense):
        layer(x)
        layer.set_weights([kernel, bias])
        function = tf.function(layer, input_signature=signature)
        outputs.append(function(x).numpy())
        graph = function.get_concrete_function().graph
        ops.append({operation.type for operation in graph.get_operations()})
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        placeholder = tf.compat.v1.placeholder(tf.float32, [None, 16])
        fetched = tf.nn.bias_add(tf.matmul(placeholder, kernel), bias)
        of_tf1 = session.run(fetched, {placeholder: x})
    np.testing.assert_array_equal(outputs[0], of_tf1, strict=True)
    np.testing.assert_allclose(outputs[1], of_tf1, rtol=1e-5, atol=1e-6)
    assert "BiasAdd" in ops[0] and ("BiasAdd" in ops[1]) is (units > 1)


def test_kerass_bidirectional_with_a_mask_agrees_to_rounding():
    random = np.random.RandomState(0)
    x = tf.constant(random.standard_normal((3, 5, 4)).astype(np.float32))
    lengths = np.array([5, 2, 0], np.int32)
    part = recurrent.BidirectionalDynamicRNN(
        recurrent.BasicRNNCell(3), recurrent.BasicRNNCell(3)
    )
    expected, _ = part(x, sequence_length=lengths)
    of_keras = keras.layers.Bidirectional(
        keras.layers.SimpleRNN(3, return_sequences=True), merge_mode=None
    )
    mask = np.arange(5) < lengths[:, None]
    of_keras(x, mask=mask)
    of_keras.set_weights(
        [
            weight
            for start in (0, 2)
            for weight in recurrent.basic_rnn_weights_to_keras(
                *part.get_weights()[start : start + 2]
            )
        ]
    )
    for forward, same in zip(expected, of_keras(x, mask=mask), strict=True):
        np.testing.assert_allclose(same, forward, atol=1e-6)
