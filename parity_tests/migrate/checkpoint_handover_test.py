"""Claims about plans: what goes where, and what is refused."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from parity_tests.migrate.checkpoint_models import (
    adam,
    array,
    checkpoint,
    compiled,
    require_equal,
    slots_by_path,
    weights,
    with_slots,
)
from tf2_keras import tf1_semantics
from tf2_keras.migrate.checkpoint import handover, reading, streams, writing
from tf2_keras.migrate.checkpoint.errors import HandoverError

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
        assert plan.iterations == {0: 4} and int(optimizer.iterations.numpy()) == 4


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


def test_what_a_layout_fills_in_part_is_open(tmp_path):
    """Of a GRU's kernels TF1 has the gates in one, the candidate in another."""
    tensors = {
        "rnn/gru_cell/gates/kernel": array(5, 4),
        "rnn/gru_cell/gates/bias": array(4),
        "rnn/gru_cell/candidate/bias": array(2),
    }
    layer = keras.layers.GRU(2, reset_after=False, name="gru")
    model = compiled([layer], (None, 3))
    before = weights(model)
    said = r"unfilled: gru/gru_cell/kernel to 67%, by rnn/gru_cell/gates/kernel"
    with pytest.raises(HandoverError, match=said):
        handover.load(checkpoint(tmp_path, tensors), model)
    for name, value in weights(model).items():
        require_equal(value, before[name])
    tensors["rnn/gru_cell/candidate/kernel"] = array(5, 2)
    handover.load(checkpoint(tmp_path, tensors), model)
