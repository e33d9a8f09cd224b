"""Claims about plans: what goes where, in which layout, and what is refused."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from parity_tests.migrate import written_checkpoints as written
from tf2_keras import tf1_semantics
from tf2_keras.migrate.checkpoint import handover, reading, streams, writing
from tf2_keras.migrate.checkpoint.errors import HandoverError
from tf2_keras.tf1_semantics.recurrent import converters

NUMBERS = np.random.RandomState(0)


def array(*shape):
    return NUMBERS.standard_normal(shape).astype(np.float32)


def checkpoint(tmp_path, tensors, slices=None):
    """The prefix of a checkpoint that holds these arrays."""
    prefix = tmp_path / f"model.ckpt-{len(list(tmp_path.iterdir()))}"
    return written.written(prefix, *written.bundle(tensors, slices))


def compiled(layers, shape, optimizer=None):
    """A built and compiled model of some layers."""
    x = y = keras.Input(shape)
    for layer in layers:
        y = layer(y)
    model = keras.Model(x, y)
    optimizer = optimizer or tf1_semantics.optimizers.GradientDescent(0.1)
    model.compile(optimizer, "mse", jit_compile=False)
    return model


def with_slots(tensors, names=("Adam", "Adam_1")):
    """Tensors with the slots of Adam, and its powers after four steps."""
    slots = {
        f"{name}/{slot}": array(*value.shape)
        for name, value in tensors.items()
        for slot in names
    }
    powers = {f"beta{n}_power": np.float32(b**5) for n, b in ((1, 0.9), (2, 0.999))}
    return {**tensors, **slots, **powers}


def adam(**options):
    return tf1_semantics.optimizers.Adam(0.1, **options)


def slots_by_path(model):
    """{path/slot: array} of an optimizer of tf1_semantics."""
    slots, _ = model.optimizer.tf1_slots()
    return {
        f"{variable.path}/{slot}": slot_variable.numpy()
        for slot, slot_variables in slots.items()
        for slot_variable, variable in zip(
            slot_variables, model.trainable_variables, strict=True
        )
    }


def require_equal(received, expected):
    np.testing.assert_array_equal(
        np.asarray(received), np.asarray(expected), strict=True
    )


def weights(model):
    return {weight.path: weight.numpy() for weight in model.weights}


def ends(named, *parts):
    """The array of the one name that ends so."""
    (value,) = [v for name, v in named.items() if name.endswith("/".join(parts))]
    return value


# Layouts, each a named rule.


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
    stored = with_slots({"embedding": embedding})
    plan = handover.load(checkpoint(tmp_path, tensors, slices), model)
    require_equal(model.get_weights()[0], embedding)
    assert {item.role.kind for item in plan.items} == {"weight", "slot", "power"}
    assert set(slots_by_path(model)) == {
        f"{model.weights[0].path}/{slot}" for slot in ("Adam", "Adam_1")
    }
    del stored


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


# What is open.


def alike():
    """Two kernels of one shape, which no name tells apart."""
    layers = [
        keras.layers.Dense(4, use_bias=False, name=n) for n in ("first", "second")
    ]
    return compiled(layers, (4,))


def test_what_is_ambiguous_is_listed_and_nothing_is_loaded(tmp_path):
    tensors = {"w": array(4, 4), "v": array(4, 4)}
    prefix, model = checkpoint(tmp_path, tensors), alike()
    before = weights(model)
    plan = handover.plan(prefix, model)
    kinds = sorted(problem.kind for problem in plan.problems)
    assert kinds == ["ambiguous", "ambiguous", "unfilled", "unfilled"]
    with pytest.raises(
        HandoverError, match=r"ambiguous: v float32 \[4, 4\]: first/kernel"
    ):
        plan.load()
    for path, value in weights(model).items():
        require_equal(value, before[path])


@pytest.mark.parametrize("order", list(itertools.permutations(["v", "w"])))
def test_the_order_of_use_settles_it(tmp_path, order):
    tensors = {"w": array(4, 4), "v": array(4, 4)}
    prefix, model = checkpoint(tmp_path, tensors), alike()
    handover.load(prefix, model, order=order)
    for layer, name in zip(model.layers[1:], order, strict=True):
        require_equal(layer.get_weights()[0], tensors[name])


def test_extra_and_missing_tensors_are_listed_and_left_if_told(tmp_path):
    tensors = {"first/kernel": array(4, 4), "old/weights": array(9, 2)}
    prefix, model = checkpoint(tmp_path, tensors), alike()
    second = model.layers[2].get_weights()[0]
    plan = handover.plan(prefix, model)
    assert [problem[:2] for problem in plan.problems] == [
        ("unmatched", "old/weights"),
        ("unfilled", "second/kernel"),
    ]
    with pytest.raises(HandoverError, match=r"unmatched: old/weights .*; unfilled"):
        plan.load()
    plan.load(partial=True)
    require_equal(model.layers[1].get_weights()[0], tensors["first/kernel"])
    require_equal(model.layers[2].get_weights()[0], second)


@pytest.mark.parametrize(
    "value, said",
    [
        (np.zeros((4, 4)), r"is float64 \[4, 4\] in the checkpoint, float32 \[4, 4\]"),
        (array(4, 5), r"is float32 \[4, 5\] in the checkpoint, float32 \[4, 4\]"),
    ],
)
def test_another_dtype_or_shape_is_shown_beside_the_wanted(tmp_path, value, said):
    tensors = {"first/kernel": value, "second/kernel": array(4, 4)}
    with pytest.raises(HandoverError, match=said):
        handover.load(checkpoint(tmp_path, tensors), alike())


@pytest.mark.parametrize(
    "names, said",
    [
        ({"wight": "first/kernel"}, "Received: wight. Use some of: v, w"),
        ({"w": "frist/kernel"}, "Use some of: first/kernel"),
        ({"w": "first/kernel", "v": "first/kernel"}, "for w and v"),
        ({"w": 3}, "w: 3"),
        ({"w": {"layout": "turned", "of": ["first/kernel"]}}, "'turned'"),
    ],
)
def test_a_map_that_leads_nowhere_or_twice_is_refused(tmp_path, names, said):
    tensors = {"w": array(4, 4), "v": array(4, 4)}
    with pytest.raises(HandoverError) as caught:
        handover.plan(checkpoint(tmp_path, tensors), alike(), names)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_map_leaves_out_what_it_says(tmp_path):
    tensors = {
        "w": array(4, 4),
        "v": array(4, 4),
        "notes/kernel": array(2),
        "first/kernel/Adam": array(4, 4),
    }
    names = {"v": "first/kernel", "notes/kernel": None, "first/kernel/Adam": None}
    model = alike()
    plan = handover.load(checkpoint(tmp_path, tensors), model, names)
    assert plan.left_out == ["notes/kernel", "first/kernel/Adam"]
    require_equal(model.layers[1].get_weights()[0], tensors["v"])
    require_equal(model.layers[2].get_weights()[0], tensors["w"])


def test_a_damaged_tensor_leaves_the_model_as_it_was(tmp_path):
    tensors = {"first/kernel": array(4, 4), "second/kernel": array(4, 4)}
    prefix, model = checkpoint(tmp_path, tensors), alike()
    before = weights(model)
    path = tmp_path / f"{prefix}.data-00000-of-00001"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(HandoverError, match="second/kernel is not what its checksum"):
        handover.load(prefix, model)
    for name, value in weights(model).items():
        require_equal(value, before[name])


def test_a_checkpoint_of_objects_is_refused(tmp_path):
    prefix = tf.train.Checkpoint(v=tf.Variable([1.0])).write(str(tmp_path / "objects"))
    with pytest.raises(
        HandoverError, match=r"of tf\.train\.Checkpoint or a SavedModel"
    ):
        handover.plan(prefix, alike())


# What the optimizer remembers.


@pytest.mark.parametrize("names", [("mine", "mine_1"), ("adam_m", "adam_v")])
def test_slots_of_an_optimizer_with_another_name_come_in_their_order(tmp_path, names):
    tensors = with_slots({"dense/kernel": array(4, 4)}, names)
    layer = keras.layers.Dense(4, use_bias=False, name="dense")
    model = compiled([layer], (4,), adam())
    handover.load(checkpoint(tmp_path, tensors), model)
    slots = slots_by_path(model)
    for slot, name in zip(("Adam", "Adam_1"), names, strict=True):
        require_equal(slots[f"dense/kernel/{slot}"], tensors[f"dense/kernel/{name}"])


def test_without_a_step_iterations_follow_from_the_powers(tmp_path):
    """Keras's Adam computes its powers from them."""
    tensors = with_slots({"dense/kernel": array(4, 4)})
    for optimizer in (adam(), keras.optimizers.Adam()):
        layer = keras.layers.Dense(4, use_bias=False, name="dense")
        model = compiled([layer], (4,), optimizer)
        plan = handover.load(checkpoint(tmp_path, tensors), model)
        assert plan.iterations == int(optimizer.iterations.numpy()) == 4


def test_a_step_that_is_not_the_powers_is_no_step_of_keras_s_adam(tmp_path):
    tensors = with_slots({"dense/kernel": array(4, 4)})
    for step, whole in ((4, True), (7, False)):
        tensors["global_step"] = np.array(step, np.int64)
        layer = keras.layers.Dense(4, use_bias=False, name="dense")
        model = compiled([layer], (4,), keras.optimizers.Adam())
        plan = handover.plan(checkpoint(tmp_path, tensors), model)
        assert plan.is_whole == whole, plan.describe()


# Back.


def test_an_output_that_exists_is_kept_unless_told(tmp_path):
    model = alike()
    names = {"w": "first/kernel", "v": "second/kernel"}
    prefix = tmp_path / "back.ckpt"
    writing.save(prefix, model, names)
    kept = prefix.with_name("back.ckpt.index").read_bytes()
    model.layers[1].set_weights([array(4, 4)])
    with pytest.raises(HandoverError, match="must not exist"):
        writing.save(prefix, model, names)
    assert prefix.with_name("back.ckpt.index").read_bytes() == kept
    writing.save(prefix, model, names, force=True)
    require_equal(reading.opened(prefix).read("w"), model.layers[1].get_weights()[0])
    assert len(list(tmp_path.iterdir())) == 2


def test_a_map_back_must_name_every_weight(tmp_path):
    with pytest.raises(HandoverError, match="none for second/kernel"):
        writing.save(tmp_path / "back.ckpt", alike(), {"w": "first/kernel"})
    with pytest.raises(HandoverError, match="TF1 names of its variables"):
        writing.save(tmp_path / "back.ckpt", alike())
    with pytest.raises(HandoverError, match="a place that takes it"):
        names = {"w": "first/kernel", "v": "second/kernel"}
        writing.save(tmp_path / "none" / "back.ckpt", alike(), names)
    assert not list(tmp_path.iterdir())


# Streams.


def test_a_dropout_goes_on_anew_or_where_it_was():
    """Of a dropout that was not fed, evaluating draws nothing."""
    layers = [
        tf1_semantics.layers.Dropout(0.5, seed=1, fed=True),
        tf1_semantics.layers.Dropout(0.5, seed=2),
    ]
    model = compiled([*layers, keras.layers.Dense(1)], (6,))
    x = array(5, 6)
    for _ in range(3):
        model(x, training=True)
    model(x[:2], training=False)
    places = [int(layer.drawn.numpy()) for layer in layers]
    assert places == [256 * 6 * (3 * 5 + 2), 256 * 6 * 3 * 5]
    kept = weights(model)
    streams.advance(model, [])
    assert [int(layer.drawn.numpy()) for layer in layers] == [0, 0]
    runs = [streams.Runs(3, 5), streams.Runs(1, x[:2], training=False)]
    streams.advance(model, runs)
    assert [int(layer.drawn.numpy()) for layer in layers] == places
    for name, value in weights(model).items():
        require_equal(value, kept[name])
