"""Configurations come from the constructors' signatures, of subclasses too."""

import json

import keras
import pytest

from parity_tests.parts import table
from parity_tests.parts.making import made
from tf2_keras.tf1_semantics import (
    averages,
    clipping,
    layers,
    losses,
    optimizers,
    recurrent,
    schedules,
)

SAMPLES = [
    pytest.param(part, arguments, id=f"{part.name}-{number}")
    for part in table.PARTS
    for number, arguments in enumerate(part.samples)
]


@pytest.mark.parametrize("part, arguments", SAMPLES)
def test_a_configuration_survives_json(part, arguments):
    original = made(part.name, arguments)
    text = json.dumps(keras.saving.serialize_keras_object(original))
    copy = keras.saving.deserialize_keras_object(json.loads(text))
    assert type(copy) is type(original)
    assert json.dumps(keras.saving.serialize_keras_object(copy)) == text


@pytest.mark.parametrize("part, arguments", SAMPLES)
def test_a_configuration_holds_every_argument(part, arguments):
    config = made(part.name, arguments).get_config()
    assert set(arguments) <= set(config)


class Capped(optimizers.Momentum):
    """Has an argument of its own, and passes the others on."""

    def __init__(self, cap, **kwargs):
        super().__init__(**kwargs)
        self.cap = cap


class Shifted(losses.HuberLoss):
    """Has one argument, and lets no other be chosen."""

    def __init__(self, shift=0.5):
        super().__init__(delta=shift)
        self.shift = shift


def test_a_subclass_has_its_own_arguments_and_those_that_it_passes_on():
    rate = schedules.ExponentialDecay(0.1, 10, 0.9)
    capped = Capped(3.0, learning_rate=rate, momentum=0.8, clipnorm=2.0)
    config = capped.get_config()
    assert (config["cap"], config["momentum"], config["clipnorm"]) == (3.0, 0.8, 2.0)
    assert not config["use_nesterov"] and config["name"] == "momentum"
    copy = Capped.from_config(config)
    assert copy.get_config() == config and copy.cap == 3.0
    assert Shifted(0.25).get_config() == {"shift": 0.25}
    assert Shifted.from_config({"shift": 0.25}).delta == 0.25


def test_what_an_argument_holds_is_made_anew():
    """Else a clone would share its weights with the original."""
    cell = recurrent.DropoutWrapper(recurrent.GRUCell(2), 0.5, seed=(1, 2))
    stack = recurrent.MultiRNNCell([cell, recurrent.BasicLSTMCell(3)])
    copy = recurrent.MultiRNNCell.from_config(stack.get_config())
    assert copy.cells[0] is not cell and copy.cells[0].cell is not cell.cell
    assert copy.cells[0].seed == (1, 2)
    average = averages.ExponentialMovingAverage(0.9, num_updates=True)
    optimizer = optimizers.AdamW(
        schedules.CosineDecay(0.1, 10),
        clip=[clipping.ByGlobalNorm(1.0), clipping.ByValue(-1.0, 2.0)],
        moving_average=average,
        gradient_accumulation_steps=4,
    )
    copy = optimizers.AdamW.from_config(optimizer.get_config())
    assert copy.moving_average is not average and copy.moving_average.num_updates
    assert copy.weight_decay is not optimizer.weight_decay
    assert [type(clip).__name__ for clip in copy.clip] == ["ByGlobalNorm", "ByValue"]
    assert copy.accumulation_steps == 4


def test_a_layer_keeps_what_keras_knows_of_it():
    layer = layers.Dropout(0.5, (1, 2), name="dropped", dtype="float16")
    copy = layers.Dropout.from_config(layer.get_config())
    assert copy.name == "dropped" and copy.compute_dtype == "float16"
    assert copy.scaling == "1.15" and copy.seed == (1, 2)
