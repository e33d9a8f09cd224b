"""Claims about layouts: each rule by which a TF1 variable lies in Keras's otherwise."""

import keras
import numpy as np
import pytest

from parity_tests.migrate.checkpoint_models import (
    adam,
    array,
    checkpoint,
    compiled,
    ends,
    require_equal,
    slots_by_path,
    weights,
    with_slots,
)
from tf2_keras import tf1_semantics
from tf2_keras.migrate.checkpoint import handover, writing
from tf2_keras.migrate.checkpoint.errors import HandoverError
from tf2_keras.tf1_semantics.recurrent import converters


def test_gates_of_an_lstm_and_their_slots(tmp_path):
    """The forget bias is in Keras's bias and average, in no slot."""
    average = tf1_semantics.averages.ExponentialMovingAverage(0.9)
    tensors = {
        "rnn/basic_lstm_cell/kernel": array(3 + 5, 20),
        "rnn/basic_lstm_cell/bias": array(20),
    }
    averages = {
        f"{name}/ExponentialMovingAverage": value + np.float32(0.5)
        for name, value in tensors.items()
    }
    stored = {**with_slots(tensors), **averages}
    model = compiled([keras.layers.LSTM(5)], (4, 3), adam(moving_average=average))
    plan = handover.load(checkpoint(tmp_path, stored), model)
    kernel, bias = (
        stored["rnn/basic_lstm_cell/kernel"],
        tensors["rnn/basic_lstm_cell/bias"],
    )
    expected = converters.lstm_weights_to_keras(kernel, bias, 1.0)
    for weight, value in zip(model.layers[1].get_weights(), expected, strict=True):
        require_equal(weight, value)
    slots = slots_by_path(model)
    of_slots = converters.lstm_weights_to_keras(
        stored["rnn/basic_lstm_cell/kernel/Adam"],
        stored["rnn/basic_lstm_cell/bias/Adam"],
        0.0,
    )
    for part, value in zip(
        ("kernel", "recurrent_kernel", "bias"), of_slots, strict=True
    ):
        require_equal(ends(slots, "lstm_cell", part, "Adam"), value)
    of_averages = converters.lstm_weights_to_keras(*averages.values(), 1.0)
    for shadow, value in zip(average.averages, of_averages, strict=True):
        require_equal(shadow, value)
    # And back, but for the rounding of the forget bias.
    values = writing.values_of(model, plan.as_map())
    assert set(values) == set(stored)
    for name, value in stored.items():
        np.testing.assert_allclose(values[name], value, rtol=0, atol=2e-7)
        assert values[name].shape == value.shape


def test_gates_of_a_gru_and_their_slots(tmp_path):
    cell = "rnn/gru_cell"
    tensors = {
        f"{cell}/gates/kernel": array(3 + 5, 10),
        f"{cell}/gates/bias": array(10),
        f"{cell}/candidate/kernel": array(3 + 5, 5),
        f"{cell}/candidate/bias": array(5),
    }
    stored = with_slots(tensors)
    model = compiled([keras.layers.GRU(5, reset_after=False)], (4, 3), adam())
    plan = handover.load(checkpoint(tmp_path, stored), model)
    expected = converters.gru_weights_to_keras(*tensors.values())
    for weight, value in zip(model.layers[1].get_weights(), expected, strict=True):
        require_equal(weight, value)
    slots = slots_by_path(model)
    of_slots = converters.gru_weights_to_keras(
        *[stored[f"{name}/Adam_1"] for name in tensors]
    )
    for part, value in zip(
        ("kernel", "recurrent_kernel", "bias"), of_slots, strict=True
    ):
        require_equal(ends(slots, "gru_cell", part, "Adam_1"), value)
    values = writing.values_of(model, plan.as_map())
    for name, value in stored.items():
        require_equal(values[name], value)


def test_a_cell_of_the_same_name_is_still_a_cell_of_other_gates(tmp_path):
    """TF1's and Keras's bias are of one shape, and of another order."""
    tensors = {"rnn/lstm_cell/kernel": array(8, 20), "rnn/lstm_cell/bias": array(20)}
    cell = keras.layers.LSTMCell(5, name="lstm_cell")
    model = compiled([keras.layers.RNN(cell, name="rnn")], (4, 3))
    assert {"rnn/lstm_cell/bias"} < set(weights(model))
    handover.load(checkpoint(tmp_path, tensors), model)
    expected = converters.lstm_weights_to_keras(*tensors.values(), 1.0)
    for weight, value in zip(model.get_weights(), expected, strict=True):
        require_equal(weight, value)


def test_cells_of_one_shape_are_ambiguous_without_an_order(tmp_path):
    """fw comes first in a graph, bw in a checkpoint."""
    tensors = {}
    for way in ("bw", "fw"):
        tensors[f"bidirectional_rnn/{way}/lstm_cell/kernel"] = array(8, 20)
        tensors[f"bidirectional_rnn/{way}/lstm_cell/bias"] = array(20)
    model = compiled([keras.layers.Bidirectional(keras.layers.LSTM(5))], (4, 3))
    prefix = checkpoint(tmp_path, tensors)
    with pytest.raises(HandoverError, match="ambiguous: .*bw.* gates of"):
        handover.load(prefix, model)
    handover.load(prefix, model, order=sorted(tensors, key=lambda name: "bw" in name))
    forward = [
        tensors[f"bidirectional_rnn/fw/lstm_cell/{n}"] for n in ("kernel", "bias")
    ]
    expected = converters.lstm_weights_to_keras(*forward, 1.0)
    for weight, value in zip(model.get_weights()[:3], expected, strict=True):
        require_equal(weight, value)


def test_depthwise_and_separable_kernels(tmp_path):
    """slim's depthwise_weights and pointwise_weights."""
    tensors = {
        "net/one/depthwise_weights": array(3, 3, 4, 1),
        "net/two/depthwise_weights": array(3, 3, 4, 1),
        "net/two/pointwise_weights": array(1, 1, 4, 4),
        "net/three/depthwise_weights": array(3, 3, 4, 1),
    }
    layers = [
        keras.layers.DepthwiseConv2D(3, use_bias=False, name="three"),
        keras.layers.SeparableConv2D(4, 3, use_bias=False, name="two"),
        keras.layers.DepthwiseConv2D(3, use_bias=False, name="one"),
    ]
    model = compiled(layers, (9, 9, 4))
    handover.load(checkpoint(tmp_path, tensors), model)
    three, two, one = (layer.get_weights() for layer in model.layers[1:])
    for received, name in (
        (three[0], "net/three/depthwise_weights"),
        (two[0], "net/two/depthwise_weights"),
        (two[1], "net/two/pointwise_weights"),
        (one[0], "net/one/depthwise_weights"),
    ):
        require_equal(received, tensors[name])


@pytest.mark.parametrize("pieces", ["slices", "names"])
def test_a_partitioned_variable_is_one(tmp_path, pieces):
    embedding = array(10, 4)
    tensors = with_slots({"embedding": embedding})
    expected = dict(tensors)
    slices = None
    if pieces == "slices":
        parts = [[(0, 6), (0, -1)], [(6, 4), (0, -1)]]
        named = ("embedding", "embedding/Adam", "embedding/Adam_1")
        slices = dict.fromkeys(named, parts)
    else:
        for name in ("embedding", "embedding/Adam", "embedding/Adam_1"):
            value, slot = tensors.pop(name), name.removeprefix("embedding")
            tensors[f"embedding/part_0{slot}"] = value[:6]
            tensors[f"embedding/part_1{slot}"] = value[6:]
    model = compiled([keras.layers.Embedding(10, 4)], (2,), adam())
    plan = handover.load(checkpoint(tmp_path, tensors, slices), model)
    require_equal(model.get_weights()[0], embedding)
    assert {item.role.kind for item in plan.items} == {"weight", "slot", "power"}
    for name, slot in slots_by_path(model).items():
        require_equal(slot, expected["embedding/" + name.rpartition("/")[2]])


@pytest.mark.parametrize(
    "names",
    [
        ("conv1/weights", "conv1/biases", "dense/weights", "dense/biases"),
        ("net/conv1/kernel", "net/conv1/bias", "net/dense/kernel", "net/dense/bias"),
    ],
)
def test_names_of_slim_and_of_tf_layers(tmp_path, names):
    """Also batch normalisation's, with its statistics; scopes may stand before."""
    scope = names[0].partition("conv1")[0]
    norm = [
        f"{scope}norm/{n}" for n in ("gamma", "beta", "moving_mean", "moving_variance")
    ]
    shapes = [(3, 3, 2, 4), (4,), (4, 6), (6,), *[(4,)] * 4]
    tensors = {n: array(*s) for n, s in zip([*names, *norm], shapes, strict=True)}
    tensors["global_step"] = np.array(9, np.int64)
    layers = [
        keras.layers.Conv2D(4, 3, name="conv1"),
        keras.layers.BatchNormalization(name="norm"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(6, name="dense"),
    ]
    model = compiled(layers, (8, 8, 2))
    plan = handover.load(checkpoint(tmp_path, tensors), model)
    assert plan.is_whole
    received = weights(model)
    for name, path in zip(
        [*names, *norm],
        [*("conv1/kernel", "conv1/bias", "dense/kernel", "dense/bias")]
        + [f"norm/{n.rpartition('/')[2]}" for n in norm],
        strict=True,
    ):
        require_equal(received[path], tensors[name])
    assert int(model.optimizer.iterations.numpy()) == 9


def test_scopes_that_each_side_has_in_common_are_no_difference(tmp_path):
    """A Sequential puts its name before all paths, a TF1 net its scope."""
    tensors = {
        f"net/{layer}/{part}": array(*shape)
        for layer in ("one", "two")
        for part, shape in (("weights", (4, 4)), ("biases", (4,)))
    }
    layers = [keras.layers.Dense(4, name=name) for name in ("two", "one")]
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.compile(adam(), "mse", jit_compile=False)
    handover.load(checkpoint(tmp_path, with_slots(tensors)), model)
    for layer in layers:
        for weight, part in zip(
            layer.get_weights(), ("weights", "biases"), strict=True
        ):
            require_equal(weight, tensors[f"net/{layer.name}/{part}"])


def test_a_transposed_kernel_is_turned_and_its_slots(tmp_path):
    tensors = with_slots({"w": array(3, 7)})
    model = compiled([keras.layers.Dense(3, use_bias=False)], (7,), adam())
    handover.load(checkpoint(tmp_path, tensors), model)
    require_equal(model.get_weights()[0], tensors["w"].T)
    require_equal(ends(slots_by_path(model), "Adam"), tensors["w/Adam"].T)
