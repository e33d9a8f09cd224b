"""Claims about hand-overs between programs of several optimizers: a GAN's two Adams."""

import functools
import itertools

import keras
import numpy as np
import pytest
import tensorflow.compat.v1 as tf1
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests.engine.comparison import compare_plays
from parity_tests.migrate.checkpoint_models import (
    array,
    checkpoint,
    compiled,
    require_equal,
)
from parity_tests.pair.gan_test import GAN, Gan, gan_moves, gan_program, gan_twin
from tf1_graph import session as tf1_session
from tf2_keras import training
from tf2_keras.migrate.checkpoint import handover, reading, writing
from tf2_keras.migrate.checkpoint.errors import HandoverError
from tf2_keras.tf1_semantics import optimizers

FEWER = settings(max_examples=settings().max_examples // 3)
BETAS = {"beta1_power": 0.5, "beta2_power": 0.999}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """(moves, TF1's records, [prefix of what was saved after so many moves])."""
    folder, program = tmp_path_factory.mktemp("stopped"), gan_program()
    moves, records, prefixes = list(gan_moves()), [], []
    with (
        program.graph.as_default(),
        tf1_session.open_session(program.graph) as session,
    ):
        saver = tf1.train.Saver(max_to_keep=None)
        for record in tf1_session.play(program, moves, session=session):
            prefix = str(folder / f"model.ckpt-{len(records)}")
            prefixes.append(saver.save(session, prefix, write_meta_graph=False))
            records.append(record)
    return moves, records, prefixes


def state_of(record):
    return record.get("initial values") or {**record["updates"], **record["slots"]}


class OfAttributes(Gan):
    """Keras's way: the optimizers are attributes, in the order that is asked for."""

    def __init__(self, order, optimizer):
        super().__init__()
        self.optimizers = {}
        for net in order:
            made = optimizer(net)
            made.build(self.nets[net])
            setattr(self, f"{net}_optimizer", made)
        self.optimizers = {net: getattr(self, f"{net}_optimizer") for net in order}


def adam(net):
    return optimizers.Adam(1e-2, beta1=0.5, name=f"{net}_adam")


def keras_adam(net):
    return keras.optimizers.Adam(1e-2, 0.5, epsilon=1e-8, name=f"{net}_adam")


def paths(model):
    return {name: weight.path for name, weight in model.weights_by_name().items()}


@functools.cache
def twin():
    return gan_twin()


@FEWER
@given(number=st.integers(0, 11), level=st.sampled_from(("function", "fit")))
def test_a_gan_goes_on_as_if_it_had_never_stopped(stopped, number, level):
    """Whoever trains next: 0 ULP, both optimizers' slots and powers included."""
    moves, records, prefixes = stopped
    handover.load(prefixes[number], twin())
    with twin().starting_here():
        rest = training.play(twin(), moves[number:], level)
        expected = [{"initial values": state_of(records[number])}]
        comparison = compare_plays([*expected, *records[number + 1 :]], rest)
    assert comparison.require_agreement().records == 13 - number


@pytest.mark.parametrize("order", ["dg", "gd"])
def test_powers_that_differ_go_where_a_map_says(stopped, order):
    """After two steps of one net and one of the other; their numbers say nothing."""
    _, records, prefixes = stopped
    model = OfAttributes(order, adam)
    plan = handover.plan(prefixes[3], model, paths(model))
    ambiguous = {p.name for p in plan.problems if p.kind == "ambiguous"}
    assert ambiguous == {f"{b}{n}" for b, n in itertools.product(BETAS, ("", "_1"))}
    with pytest.raises(HandoverError, match="ambiguous: beta1_power power"):
        plan.load()
    numbers = {net: f"_{n}" if n else "" for n, net in enumerate(order)}
    names = {
        **paths(model),
        "beta1_power": f"beta1_power{numbers['d']}",
        "beta1_power_1": f"beta1_power{numbers['g']}",
    }
    plan = handover.load(prefixes[3], model, names)
    expected = state_of(records[3])
    for net, suffix in (("d", ""), ("g", "_1")):
        _, others = model.optimizers[net].tf1_slots()
        for slot, variable in others.items():
            require_equal(variable.numpy(), expected[slot + suffix])
        steps = int(model.optimizers[net].iterations.numpy())
        assert steps == {"d": 2, "g": 1}[net]


def test_powers_that_are_alike_need_no_map(stopped):
    _, records, prefixes = stopped
    model = OfAttributes("gd", adam)
    plan = handover.load(prefixes[0], model, paths(model))
    assert plan.is_whole and plan.iterations == {0: 0, 1: 0}


def test_keras_s_own_adams_count_their_own_steps(stopped):
    """What they compute their powers from, of each by its powers."""
    _, _, prefixes = stopped
    model = OfAttributes("gd", keras_adam)
    names = {
        **paths(model),
        "beta1_power": "d_adam/iteration",
        "beta1_power_1": "g_adam/iteration",
    }
    plan = handover.load(prefixes[3], model, names)
    assert plan.is_whole, plan.describe()
    steps = {n: int(o.iterations.numpy()) for n, o in model.optimizers.items()}
    assert steps == {"d": 2, "g": 1}
    with pytest.raises(HandoverError, match="a power to a power of the model"):
        handover.plan(prefixes[3], model, {**names, "beta1_power": "adam/iteration"})


def test_a_gan_goes_back_to_tf1(stopped, tmp_path):
    moves, records, prefixes = stopped
    handover.load(prefixes[5], twin())
    writing.save(tmp_path / "back.ckpt", twin())
    back = reading.opened(tmp_path / "back.ckpt")
    expected = state_of(records[5])
    assert back.entries.keys() == expected.keys() >= GAN.keys()
    for name, value in expected.items():
        require_equal(back.read(name), value)


# Averages that Keras's own optimizers keep.


def test_an_average_is_what_keras_averages_on(tmp_path):
    """``use_ema``: 1.15's ExponentialMovingAverage, there and back."""

    def of_keras():
        layer = keras.layers.Dense(2, use_bias=False, name="dense")
        optimizer = keras.optimizers.SGD(
            0.5, use_ema=True, ema_momentum=0.9, name="sgd"
        )
        return compiled([layer], (3,), optimizer)

    tensors = {
        "dense/kernel": array(3, 2),
        "dense/kernel/ExponentialMovingAverage": array(3, 2),
        "global_step": np.array(7, np.int64),
    }
    model, x, y = of_keras(), array(4, 3), array(4, 2)
    handover.load(checkpoint(tmp_path, tensors), model)
    names = {"dense/kernel": "dense/kernel", "global_step": "sgd/iteration"}
    writing.save(tmp_path / "back.ckpt", model, names)
    back = reading.opened(tmp_path / "back.ckpt")
    assert back.entries.keys() == tensors.keys()
    for name, value in tensors.items():
        require_equal(back.read(name), value)
    model.train_on_batch(x, y)
    (kernel,) = model.get_weights()
    average = tensors["dense/kernel/ExponentialMovingAverage"]
    expected = average * np.float32(0.9) + kernel * np.float32(0.1)
    received = writing.values_of(model, names)["dense/kernel/ExponentialMovingAverage"]
    # Two terms of another rounding, which may come near zero together.
    np.testing.assert_allclose(received, expected, rtol=0, atol=1e-6)
    step = tensors.pop("global_step")
    with pytest.raises(HandoverError, match="begins its averages anew"):
        handover.load(checkpoint(tmp_path, tensors), of_keras())
    tensors["global_step"] = step
    del tensors["dense/kernel/ExponentialMovingAverage"]
    with pytest.raises(HandoverError, match="unfilled: dense/kernel/Exponential"):
        handover.load(checkpoint(tmp_path, tensors), of_keras())
